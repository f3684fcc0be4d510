"""Peak signal-to-noise ratio of the all-in-focus picture."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log10, nan
from typing import ClassVar

import numpy as np

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums


@dataclass(frozen=True)
class Psnr:
    """10 lg(white^2 / mean squared difference), over all pixels and channels."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Peak signal-to-noise ratio of the all-in-focus picture",
        "PSNR",
        "10 lg(white^2 / mean (picture - sharp)^2), all pixels and channels",
        better="higher",
        scale="dB",
        needs=("pictures",),
        source="Huynh-Thu and Ghanbari, Scope of validity of PSNR, Electronics Letters 44, 2008; values as stored",
    )

    def sums(self, case: Case) -> Sums:
        """(sum of squares in units of white, samples)."""
        if case.picture is None or case.sharp is None:
            return np.zeros(2)
        difference = (case.picture.astype(np.float64) - case.sharp) / case.white
        return np.array([(difference**2).sum(), difference.size], np.float64)

    def value(self, sums: Sums) -> float:
        """Return decibels; infinity for equal pictures.

        >>> half = np.full((4, 4, 3), 127.5)
        >>> case = Case.of([[1.0]], [[1.0]], picture=half, sharp=half + 25.5)
        >>> round(METRIC.value(METRIC.sums(case)), 9)
        20.0
        """
        if not sums[1] > 0:
            return nan
        return 10 * log10(sums[1] / sums[0]) if sums[0] > 0 else inf


METRIC = Psnr()

"""Mean absolute difference of decimal logarithms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums, mean_of, ratio


@dataclass(frozen=True)
class MeanLog10Error:
    """mean abs(lg p - lg t)."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Mean error of decimal logarithms",
        "log10",
        "mean abs(lg p - lg t) where p > 0 and t > 0",
        scale="1",
        needs=("positive depth",),
        source="Saxena, Sun, Ng, Make3D, PAMI 31, 2009; used by FOSSA",
    )

    def sums(self, case: Case) -> Sums:
        """(sum of abs, pixels)."""
        p, t = case.at(case.found), case.at(case.truth)
        positive = (p > 0) & (t > 0)
        return mean_of(np.abs(np.log10(p[positive]) - np.log10(t[positive])))

    def value(self, sums: Sums) -> float:
        """Return the mean.

        >>> METRIC.value(METRIC.sums(Case.of([[10.0, 1.0]], [[1.0, 1.0]])))
        0.5
        """
        return ratio(sums)


METRIC = MeanLog10Error()

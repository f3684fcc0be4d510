"""Mean absolute error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import AIF, MetricFacts, Sums, mean_of, ratio


@dataclass(frozen=True)
class MeanAbsoluteError:
    """mean abs(e)."""

    facts: ClassVar[MetricFacts] = MetricFacts("Mean absolute error", "MAE", "mean abs(e)", source=AIF)

    def sums(self, case: Case) -> Sums:
        """(sum of abs(e), pixels)."""
        return mean_of(np.abs(case.error))

    def value(self, sums: Sums) -> float:
        """Return the mean.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, 4.0]], [[2.0, 2.0]])))
        1.5
        """
        return ratio(sums)


METRIC = MeanAbsoluteError()

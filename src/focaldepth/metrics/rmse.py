"""Root of the mean squared error."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import EIGEN, MetricFacts, Sums, mean_of, ratio


@dataclass(frozen=True)
class RootMeanSquaredError:
    """sqrt(mean e^2).

    All four papers print the mean over images of the root of each image, which is at most the root of the mean square
    of all images (Jensen); the pooled value is the latter.
    """

    facts: ClassVar[MetricFacts] = MetricFacts("Root mean squared error", "RMSE", "sqrt(mean e^2)", source=EIGEN)

    def sums(self, case: Case) -> Sums:
        """(sum of e^2, pixels)."""
        return mean_of(case.error**2)

    def value(self, sums: Sums) -> float:
        """Return the root of the mean.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, 9.0]], [[2.0, 2.0]])))
        5.0
        """
        return sqrt(ratio(sums))


METRIC = RootMeanSquaredError()

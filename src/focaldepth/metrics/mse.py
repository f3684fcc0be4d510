"""Mean squared error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import DDFF, MetricFacts, Sums, mean_of, ratio


@dataclass(frozen=True)
class MeanSquaredError:
    """mean e^2."""

    facts: ClassVar[MetricFacts] = MetricFacts("Mean squared error", "MSE", "mean e^2", scale="depth^2", source=DDFF)

    def sums(self, case: Case) -> Sums:
        """(sum of e^2, pixels)."""
        return mean_of(case.error**2)

    def value(self, sums: Sums) -> float:
        """Return the mean.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, 4.0]], [[2.0, 2.0]])))
        2.5
        """
        return ratio(sums)


METRIC = MeanSquaredError()

"""Mean error with its sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums, mean_of, ratio


@dataclass(frozen=True)
class Bias:
    """mean e; negative: the estimate is too small."""

    facts: ClassVar[MetricFacts] = MetricFacts("Mean error", "bias", "mean e", better="0", source="mean of residuals")

    def sums(self, case: Case) -> Sums:
        """(sum of e, pixels)."""
        return mean_of(case.error)

    def value(self, sums: Sums) -> float:
        """Return the mean.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, 4.0]], [[2.0, 2.0]])))
        0.5
        """
        return ratio(sums)


METRIC = Bias()

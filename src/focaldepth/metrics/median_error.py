"""Median of the absolute error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums


@dataclass(frozen=True)
class MedianError:
    """median abs(e); a few pixels that are far off do not count."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Median absolute error", "median", "median abs(e)", pools=False, source="order statistics"
    )

    def sums(self, case: Case) -> Sums:
        """(the median,)."""
        error = np.abs(case.error)
        return np.array([np.median(error) if error.size else np.nan], np.float64)

    def value(self, sums: Sums) -> float:
        """Return the median.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, 2.0, 90.0]], [[1.0, 1.0, 1.0]])))
        1.0
        """
        return float(sums[0])


METRIC = MedianError()

"""Root of the mean squared difference of logarithms."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from focaldepth.core.settings import check, setting
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import EIGEN, MetricFacts, Sums, ratio


@dataclass(frozen=True)
class LogRootMeanSquaredError:
    """sqrt(mean (ln p - ln t)^2), natural logarithm."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Root mean squared error of logarithms",
        "logRMSE",
        "sqrt(mean (ln p - ln t)^2) where p > 0 and t > 0",
        scale="1",
        needs=("positive depth",),
        source=EIGEN,
        variants={"calmetrics": {"count": "all"}},
    )

    count: str = setting(
        "positive",
        "what the sum is divided by: the pixels that have a logarithm, or all that are compared. The program of DDFF "
        "and DFV (calmetrics) divides by all, so that an estimate <= 0 costs nothing there",
        choices=("positive", "all"),
    )

    def __post_init__(self) -> None:
        check(self)

    def sums(self, case: Case) -> Sums:
        """(sum of squares, pixels)."""
        p, t = case.at(case.found), case.at(case.truth)
        positive = (p > 0) & (t > 0)
        squares = (np.log(p[positive]) - np.log(t[positive])) ** 2
        return np.array([squares.sum(), squares.size if self.count == "positive" else (t > 0).sum()], np.float64)

    def value(self, sums: Sums) -> float:
        """Return the root of the mean.

        >>> round(METRIC.value(METRIC.sums(Case.of([[np.e, -1.0]], [[1.0, 1.0]]))), 6)
        1.0
        """
        return sqrt(ratio(sums))


METRIC = LogRootMeanSquaredError()

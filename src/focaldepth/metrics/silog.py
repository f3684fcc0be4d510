"""Error of logarithms that half forgives a common scale."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import ClassVar

import numpy as np

from focaldepth.core.settings import check, setting
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import EIGEN, MetricFacts, Sums


@dataclass(frozen=True)
class ScaleInvariantLogError:
    """sqrt(mean g^2 - weight mean(g)^2), g = ln p - ln t."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Scale-invariant error of logarithms",
        "SIlog",
        "sqrt(mean g^2 - 0.5 mean(g)^2), g = ln p - ln t where p > 0 and t > 0",
        scale="1",
        needs=("positive depth",),
        source=f"{EIGEN}, eq. 4",
        variants={"full": {"weight": 1.0}},
    )

    weight: float = setting(0.5, "how much of a common factor is forgiven; 1 = all", low=0, high=1)

    def __post_init__(self) -> None:
        check(self)

    def sums(self, case: Case) -> Sums:
        """(sum of g^2, sum of g, pixels)."""
        p, t = case.at(case.found), case.at(case.truth)
        positive = (p > 0) & (t > 0)
        g = np.log(p[positive]) - np.log(t[positive])
        return np.array([(g * g).sum(), g.sum(), g.size], np.float64)

    def value(self, sums: Sums) -> float:
        """Return the error.

        >>> full = ScaleInvariantLogError(weight=1.0)
        >>> round(full.value(full.sums(Case.of([[2.0, 4.0]], [[1.0, 2.0]]))), 6)
        0.0
        """
        squares, total, n = sums
        return sqrt(max(squares / n - self.weight * (total / n) ** 2, 0.0)) if n > 0 else nan


METRIC = ScaleInvariantLogError()

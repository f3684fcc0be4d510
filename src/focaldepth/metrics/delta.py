"""Share of pixels whose ratio to the truth is small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.core.settings import check, setting
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import EIGEN, MetricFacts, Sums, ratio


@dataclass(frozen=True)
class Delta:
    """Share of max(p/t, t/p) < base^power; an estimate <= 0 never counts as a hit."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Share with a small ratio",
        "delta",
        "share of max(p/t, t/p) < base^power, strict, where t > 0",
        better="higher",
        scale="1",
        needs=("positive depth",),
        source=f"{EIGEN}; DDFF and DFV print it in per cent; d1.05 and d1.15 as in FOSSA",
        variants={
            "1": {"power": 1},
            "2": {"power": 2},
            "3": {"power": 3},
            "1-05": {"base": 1.05},
            "1-15": {"base": 1.15},
        },
    )

    base: float = setting(1.25, "largest ratio", low=1)
    power: int = setting(1, "power of the ratio", low=1, high=9)

    def __post_init__(self) -> None:
        check(self)

    def sums(self, case: Case) -> Sums:
        """(hits, pixels)."""
        p, t = case.at(case.found), case.at(case.truth)
        p, t = p[t > 0], t[t > 0]
        positive = p > 0
        larger = np.maximum(p[positive] / t[positive], t[positive] / p[positive])
        return np.array([(larger < self.base**self.power).sum(), t.size], np.float64)

    def value(self, sums: Sums) -> float:
        """Return the share, 0 to 1.

        >>> METRIC.value(METRIC.sums(Case.of([[1.2, 1.25, -1.0, 1.0]], [[1.0, 1.0, 1.0, 1.2]])))
        0.5
        """
        return ratio(sums)


METRIC = Delta()

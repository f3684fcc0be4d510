"""Whether the error bar holds as often as it says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import erf, sqrt

import numpy as np

from focaldepth.core.settings import check, setting
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums, mean_of, ratio

_FACTS = MetricFacts(
    "Share of errors within sigma",
    "coverage",
    "share of abs(e) <= k sigma; ideal 0.683, 0.954, 0.997 for k = 1, 2, 3",
    better="0.683",
    scale="1",
    needs=("sigma",),
    source="normal distribution",
    variants={"1": {"sigmas": 1.0}, "2": {"sigmas": 2.0}, "3": {"sigmas": 3.0}},
)


@dataclass(frozen=True)
class Coverage:
    """Share of abs(e) <= sigmas x sigma; for a true Gaussian sigma 0.683, 0.954, 0.997."""

    sigmas: float = setting(1.0, "width of the interval in standard deviations", low=0, high=100)

    def __post_init__(self) -> None:
        check(self)

    @property
    def facts(self) -> MetricFacts:
        """What it is; the ideal is the share of a normal distribution.

        >>> [Coverage(k).facts.better for k in (1.0, 2.0, 3.0)]
        ['0.683', '0.954', '0.997']
        """
        return replace(_FACTS, better=f"{erf(self.sigmas / sqrt(2)):.3f}")

    def sums(self, case: Case) -> Sums:
        """(inside, pixels)."""
        if case.sigma is None:
            return np.zeros(2)
        sigma = case.at(case.sigma)
        known = np.isfinite(sigma)
        return mean_of(np.abs(case.error[known]) <= self.sigmas * sigma[known])

    def value(self, sums: Sums) -> float:
        """Return the share, 0 to 1.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, 4.0]], [[2.0, 2.0]], [[1.0, 1.0]])))
        0.5
        """
        return ratio(sums)


METRIC = Coverage()

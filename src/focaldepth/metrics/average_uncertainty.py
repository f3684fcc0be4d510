"""Mean of the error bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.core.settings import check, setting
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import DFV, MetricFacts, Sums, mean_of, ratio


@dataclass(frozen=True)
class AverageUncertainty:
    """mean sigma."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Average uncertainty",
        "avgUnc",
        "mean sigma",
        needs=("sigma",),
        source=DFV,
        variants={"dfv": {"over": "map"}},
    )

    over: str = setting(
        "compared",
        "pixels that count: those compared, or the whole map also where the truth is unknown, as the program of DFV "
        "(which takes the padded map of the network)",
        choices=("compared", "map"),
    )

    def __post_init__(self) -> None:
        check(self)

    def sums(self, case: Case) -> Sums:
        """(sum of sigma, pixels)."""
        if case.sigma is None:
            return np.zeros(2)
        sigma = case.at(case.sigma) if self.over == "compared" else case.sigma
        return mean_of(sigma[np.isfinite(sigma)])

    def value(self, sums: Sums) -> float:
        """Return the mean.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, 4.0]], [[2.0, 2.0]], [[0.5, 1.0]])))
        0.75
        """
        return ratio(sums)


METRIC = AverageUncertainty()

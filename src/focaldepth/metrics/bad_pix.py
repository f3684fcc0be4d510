"""Share of pixels with a large error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.core.settings import check, setting
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums, mean_of, ratio


@dataclass(frozen=True)
class BadPix:
    """Share of abs(e) > tau."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Share of bad pixels",
        "BadPix",
        "share of abs(e) > tau, tau = 0.07 in the unit of depth",
        scale="1",
        source="Honauer et al., A Dataset and Evaluation Methodology for 4D Light Fields, ACCV 2016",
        variants={"0-01": {"tau": 0.01}, "0-03": {"tau": 0.03}, "0-07": {"tau": 0.07}},
    )

    tau: float = setting(0.07, "largest good error, in the unit of depth", low=0)

    def __post_init__(self) -> None:
        check(self)

    def sums(self, case: Case) -> Sums:
        """(bad pixels, pixels)."""
        return mean_of(np.abs(case.error) > self.tau)

    def value(self, sums: Sums) -> float:
        """Return the share, 0 to 1.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, 1.1, 0.9, 1.06]], [[1.0, 1.0, 1.0, 1.0]])))
        0.5
        """
        return ratio(sums)


METRIC = BadPix()

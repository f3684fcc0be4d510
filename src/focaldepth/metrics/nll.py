"""Negative log-likelihood of the truth under the error bar."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi
from typing import ClassVar

import numpy as np

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums, mean_of, ratio


@dataclass(frozen=True)
class NegativeLogLikelihood:
    """mean (ln(2 pi sigma^2) + e^2/sigma^2) / 2: the only figure that both accuracy and honesty lower.

    A density: its value moves with the unit of depth.
    """

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Negative log-likelihood",
        "NLL",
        "mean (ln(2 pi sigma^2) + e^2/sigma^2)/2",
        scale="nat",
        needs=("sigma",),
        source="normal distribution; Kendall and Gal, What Uncertainties Do We Need, NIPS 2017",
    )

    def sums(self, case: Case) -> Sums:
        """(sum over pixels, pixels)."""
        if case.sigma is None:
            return np.zeros(2)
        sigma = case.at(case.sigma)
        known = sigma > 0
        ratios = case.error[known] / sigma[known]
        return mean_of(0.5 * (log(2 * pi) + ratios**2) + np.log(sigma[known]))

    def value(self, sums: Sums) -> float:
        """Return the mean.

        >>> round(METRIC.value(METRIC.sums(Case.of([[1.0]], [[2.0]], [[1.0]]))), 4)
        1.4189
        """
        return ratio(sums)


METRIC = NegativeLogLikelihood()

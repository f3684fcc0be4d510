"""Correlation of estimate and truth."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import ClassVar

import numpy as np

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums


@dataclass(frozen=True)
class Pearson:
    """cov(p, t) / sqrt(var p var t)."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Correlation with the truth",
        "Pearson",
        "cov(p, t) / sqrt(var p var t)",
        better="higher",
        scale="1",
        pools=False,
        source="Maximov, Galim, Leal-Taixe, Focus on defocus, CVPR 2020 (DefocusNet)",
    )

    def sums(self, case: Case) -> Sums:
        """(covariance, variance of p, variance of t), from centred values."""
        p, t = case.at(case.found), case.at(case.truth)
        if not p.size:
            return np.zeros(3)
        p, t = p - p.mean(), t - t.mean()
        return np.array([(p * t).sum(), (p * p).sum(), (t * t).sum()], np.float64)

    def value(self, sums: Sums) -> float:
        """Return the coefficient, -1 to 1; NaN for a constant.

        >>> METRIC.value(METRIC.sums(Case.of([[3.0, 5.0, 7.0]], [[1.0, 2.0, 3.0]])))
        1.0
        """
        spread = sums[1] * sums[2]
        return float(np.clip(sums[0] / sqrt(spread), -1, 1)) if spread > 0 else nan


METRIC = Pearson()

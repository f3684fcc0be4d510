"""Mean squared error, weighted by the confidence of the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import WILD, MetricFacts, Sums, ratio


@dataclass(frozen=True)
class ConfidentMeanSquaredError:
    """sum c e^2 / sum c."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Mean squared error by confidence",
        "MSE*",
        "sum c e^2 / sum c, c = confidence of the truth, at most 1",
        scale="depth^2",
        needs=("confidence",),
        source=f"{WILD}, Table 2, Smartphone; weights of Garg et al., ICCV 2019",
    )

    def sums(self, case: Case) -> Sums:
        """(weighted sum, sum of weights)."""
        if case.confidence is None:
            return np.zeros(2)
        weight = case.at(case.confidence)
        return np.array([(weight * case.error**2).sum(), weight.sum()], np.float64)

    def value(self, sums: Sums) -> float:
        """Return the weighted mean.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, 4.0]], [[2.0, 2.0]], confidence=np.array([[1.0, 0.25]]))))
        1.6
        """
        return ratio(sums)


METRIC = ConfidentMeanSquaredError()

"""Mean squared error over the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import EIGEN, MetricFacts, Sums, mean_of, ratio


@dataclass(frozen=True)
class SquaredRelativeError:
    """mean e^2 / abs(t)."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Squared relative error", "SqRel", "mean e^2/abs(t) where t is not 0", source=EIGEN
    )

    def sums(self, case: Case) -> Sums:
        """(sum of the ratios, pixels)."""
        t = np.abs(case.at(case.truth))
        return mean_of(case.error[t > 0] ** 2 / t[t > 0])

    def value(self, sums: Sums) -> float:
        """Return the mean.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, 4.0]], [[2.0, 2.0]])))
        1.25
        """
        return ratio(sums)


METRIC = SquaredRelativeError()

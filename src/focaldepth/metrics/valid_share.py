"""Share of the known truth that an estimate claims to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums, ratio


@dataclass(frozen=True)
class ValidShare:
    """Compared pixels over pixels of the truth: every error belongs beside it."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Share of the truth compared",
        "compared",
        "compared / known",
        better="higher",
        scale="1",
        source="our claim of valid",
    )

    def sums(self, case: Case) -> Sums:
        """(compared, known)."""
        return np.array([case.compared.sum(), (case.mask & np.isfinite(case.truth)).sum()], np.float64)

    def value(self, sums: Sums) -> float:
        """Return the share, 0 to 1.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, np.nan]], [[2.0, 2.0]])))
        0.5
        """
        return ratio(sums)


METRIC = ValidShare()

"""Share of bad pixels for every threshold."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import DDFF, MetricFacts, Sums


@dataclass(frozen=True)
class BadPixCurve:
    """BadPix(tau) for tau = 0 ... largest; the value is the mean height of the curve (trapezoids)."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Share of bad pixels over the threshold",
        "BadPix area",
        "mean of BadPix(tau) over tau from 0 to 0.3",
        scale="1",
        source=f"{DDFF}, Fig. 5",
    )
    abscissa: ClassVar[str] = "threshold"

    largest: float = setting(0.3, "largest threshold, in the unit of depth", low=1e-9)
    steps: int = setting(60, "intervals between 0 and the largest threshold", low=1, high=10_000)

    def __post_init__(self) -> None:
        check(self)

    def sums(self, case: Case) -> Sums:
        """(bad pixels at each threshold ..., pixels)."""
        error = np.sort(np.abs(case.error))
        bad = error.size - np.searchsorted(error, self._taus(), side="right")
        return np.append(bad, error.size).astype(np.float64)

    def value(self, sums: Sums) -> float:
        """Return the mean height, 0 to 1.

        >>> curve = BadPixCurve(largest=1.0, steps=2)
        >>> curve.value(curve.sums(Case.of([[0.0, 0.75]], [[0.0, 0.0]])))
        0.375
        """
        if not sums[-1] > 0:
            return nan
        y = sums[:-1] / sums[-1]
        return float((y[:-1] + y[1:]).mean() / 2)

    def curve(self, sums: Sums) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
        """Return the thresholds and the share of bad pixels at each."""
        return self._taus(), {"BadPix": sums[:-1] / (sums[-1] if sums[-1] > 0 else nan)}

    def _taus(self) -> NDArray[np.float64]:
        return np.linspace(0, self.largest, self.steps + 1)


METRIC = BadPixCurve()

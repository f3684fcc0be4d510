"""Whether the error bar finds the bad pixels: sparsification."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums

Plane = NDArray[np.float64]


@dataclass(frozen=True)
class SparsificationError:
    """Area between two curves: mean abs(e) of the pixels kept, dropping by sigma, and dropping by the error itself.

    Both over the share of pixels kept (1/steps ... 1), divided by the mean error of all pixels: 0 is an error bar that
    ranks pixels as their errors do, and does not depend on the scale of sigma. Pixels of equal sigma come in no
    order: each stands for the mean of its equals.
    """

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Area under the sparsification error",
        "AUSE",
        "mean over shares kept of (mean abs(e) by sigma - mean abs(e) by error) / mean abs(e)",
        scale="1",
        needs=("sigma",),
        pools=False,
        source="Ilg et al., Uncertainty Estimates and Multi-Hypotheses Networks for Optical Flow, ECCV 2018",
        variants={"rmse": {"error": "square"}},
    )
    abscissa: ClassVar[str] = "share of pixels kept"

    steps: int = setting(50, "points of the curve", low=2, high=1000)
    error: str = setting(
        "absolute", "error of the pixels kept: mean abs(e) or root mean square", choices=("absolute", "square")
    )

    def __post_init__(self) -> None:
        check(self)

    def sums(self, case: Case) -> Sums:
        """(errors kept by sigma ..., errors kept by error ...), each over the error of all; NaN without sigma."""
        if case.sigma is None:
            return np.full(2 * self.steps, nan)
        sigma, error = case.at(case.sigma), np.abs(case.error)
        known = np.isfinite(sigma)
        sigma, error = sigma[known], error[known]
        if not error.size:
            return np.full(2 * self.steps, nan)
        values = error if self.error == "absolute" else error**2
        by_sigma, by_error = (self._kept(values, ranks) for ranks in (sigma, error))
        total = by_error[-1]
        curves = np.concatenate([by_sigma, by_error])
        return curves / total if total > 0 else np.zeros(2 * self.steps)

    def value(self, sums: Sums) -> float:
        """Return the area.

        >>> METRIC.value(METRIC.sums(Case.of([[1.0, 2.0, 4.0]], [[1.0, 1.0, 1.0]], [[0.1, 0.2, 0.3]])))
        0.0
        """
        return float((sums[: self.steps] - sums[self.steps :]).mean())

    def curve(self, sums: Sums) -> tuple[Plane, dict[str, Plane]]:
        """Return the shares kept and the error at each, over the error of all pixels."""
        return self._shares(), {"by sigma": sums[: self.steps], "by error": sums[self.steps :]}

    def _shares(self) -> Plane:
        return np.arange(1, self.steps + 1) / self.steps

    def _kept(self, values: Plane, ranks: Plane) -> Plane:
        _, group, count = np.unique(ranks, return_inverse=True, return_counts=True)  # groups in rising order
        means = np.bincount(group, values) / count
        counts = np.maximum(np.rint(self._shares() * values.size).astype(int), 1)
        kept: Plane = np.cumsum(np.repeat(means, count))[counts - 1] / counts
        return kept if self.error == "absolute" else np.sqrt(kept)


METRIC = SparsificationError()

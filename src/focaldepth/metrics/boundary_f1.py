"""How well the steps of an estimate lie on those of the truth."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums

DEPTH_PRO = "after Bochkovskii et al., Depth Pro: Sharp Monocular Metric Depth in Less Than a Second, ICLR 2025"


@dataclass(frozen=True)
class BoundaryF1:
    """Mean over thresholds of F1 = 2 hits / (steps of the estimate + steps of the truth).

    A step lies between two neighbours (rows, columns), both compared and positive, where one depth is more than
    1 + threshold times the other; it is hit where the estimate steps the same way. Larger thresholds weigh more, in
    proportion to 1 + threshold. Thresholds at which the truth has no step do not count. A factor on all depths changes
    nothing, and depth and disparity give the same.
    """

    facts: ClassVar[MetricFacts] = MetricFacts(
        "F1 of depth boundaries",
        "boundary F1",
        "mean over t = 0.05 to 0.25 of F1 of pairs of neighbours with max(p/p', p'/p) > 1 + t",
        better="higher",
        scale="1",
        needs=("positive depth",),
        source=f"{DEPTH_PRO}; FOSSA prints one, whether with these thresholds is not known",
    )

    least: float = setting(0.05, "smallest threshold", low=1e-6)
    largest: float = setting(0.25, "largest threshold", low=1e-6)
    thresholds: int = setting(10, "number of thresholds, evenly spaced", low=1, high=1000)

    def __post_init__(self) -> None:
        check(self)

    def sums(self, case: Case) -> Sums:
        """(hits at each threshold ..., steps of the estimate ..., steps of the truth ...)."""
        counted = case.compared & (np.nan_to_num(case.found) > 0) & (np.nan_to_num(case.truth) > 0)
        found, true = (np.log(np.where(counted, plane, nan)) for plane in (case.found, case.truth))
        total = np.zeros((3, self.thresholds))
        for axis in (0, 1):
            p, t = (np.diff(plane, axis=axis) for plane in (found, true))
            known = np.isfinite(p)
            p, t = p[known], t[known]
            for k, least in enumerate(np.log(self._ratios())):
                steps_p, steps_t = np.abs(p) > least, np.abs(t) > least
                total[:, k] += (steps_p & steps_t & (p * t > 0)).sum(), steps_p.sum(), steps_t.sum()
        return total.ravel()

    def value(self, sums: Sums) -> float:
        """Return the weighted mean, 0 to 1; NaN for a truth without steps.

        >>> step = np.where(np.arange(8) < 4, 1.0, 2.0)[None].repeat(3, 0)
        >>> METRIC.value(METRIC.sums(Case.of(3 * step, step)))
        1.0
        """
        hits, found, true = sums.reshape(3, -1)
        some = true > 0
        if not some.any():
            return nan
        f1 = 2 * hits[some] / (found[some] + true[some])
        return float(np.average(f1, weights=self._ratios()[some]))

    def _ratios(self) -> NDArray[np.float64]:
        return 1 + np.linspace(self.least, self.largest, self.thresholds)


METRIC = BoundaryF1()

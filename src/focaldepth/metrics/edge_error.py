"""Mean absolute error near the edges of the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums, mean_of, ratio


@dataclass(frozen=True)
class EdgeError:
    """mean abs(e) of the pixels within `radius` px of a depth edge, or of all others.

    A depth edge lies between two neighbours (rows, columns) whose truths differ by more than `jump`, as a share of the
    spread of the truth (1st to 99th percentile of the counted pixels). Both neighbours have distance 0.
    """

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Mean absolute error at depth edges",
        "MAE edge",
        "mean abs(e) within 8 px of a step of the truth larger than 5 % of its spread",
        source="where a near edge, defocused, lies over its background; our definition",
        variants={"away": {"where": "away"}},
    )

    radius: float = setting(8.0, "reach of an edge", unit="px", low=0)
    jump: float = setting(0.05, "smallest step of the truth", low=0)
    relative: bool = setting(True, "whether the step is a share of the spread of the truth, or a number in its unit")
    where: str = setting("near", "pixels that count: near an edge, or away from all", choices=("near", "away"))

    def __post_init__(self) -> None:
        check(self)

    def sums(self, case: Case) -> Sums:
        """(sum of abs(e), pixels)."""
        near = self.band(np.where(case.mask, case.truth, np.nan))
        chosen = near if self.where == "near" else ~near
        return mean_of(np.abs(case.error)[chosen[case.compared]])

    def value(self, sums: Sums) -> float:
        """Return the mean; NaN for a truth without edges.

        >>> step = np.where(np.arange(40) < 20, 1.0, 2.0)[None].repeat(3, 0)
        >>> METRIC.value(METRIC.sums(Case.of(step + 0.25, step)))
        0.25
        """
        return ratio(sums)

    def band(self, truth: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(H, W) where an edge of the truth is within reach; NaN is unknown and has no edge."""
        known = truth[np.isfinite(truth)]
        edge = np.zeros(truth.shape, np.uint8)
        if known.size:
            low, high = np.percentile(known, [1, 99])
            step = self.jump * (high - low) if self.relative else self.jump
            for axis in (0, 1):
                jumps = np.abs(np.diff(truth, axis=axis)) > step  # False beside NaN
                edge |= np.insert(jumps, jumps.shape[axis], False, axis) | np.insert(jumps, 0, False, axis)
        if not edge.any():
            return np.zeros(truth.shape, bool)
        distance = cv2.distanceTransform(1 - edge, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        near: NDArray[np.bool_] = distance <= self.radius
        return near


METRIC = EdgeError()

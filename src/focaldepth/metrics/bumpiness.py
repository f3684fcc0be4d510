"""How rough the error is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import DDFF, MetricFacts, Sums, mean_of, ratio

Plane = NDArray[np.float64]
_SMOOTH = np.array([3, 10, 3], np.float64) / 16
_STEP = np.array([-1, 0, 1], np.float64)  # over two pixels and not halved: twice the slope, as all programs have it


@dataclass(frozen=True)
class Bumpiness:
    """100 mean min(limit, norm of the Hessian of the error), second derivatives by Scharr filters.

    A Scharr filter gives twice the slope, so the Hessian is four times the true one; every published number has this
    factor, and so has this metric.
    """

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Bumpiness",
        "Bump",
        "100 mean min(0.05, norm of Hessian of e), second Scharr derivatives",
        scale="1",
        source=f"{DDFF}, after Honauer et al., ACCV 2016",
        variants={
            "calmetrics": {"holes": "zero", "border": "zero"},
            "calmetrics-reflect": {"holes": "zero"},
            "ddl-gru": {"holes": "flat"},
            "aifdepthnet": {"holes": "zero"},
        },
    )

    limit: float = setting(0.05, "largest norm that counts, in the unit of depth per pixel squared", low=0)
    holes: str = setting(
        "out",
        "pixels that are not compared: out = neither they nor what their derivatives reach counts; zero = an unknown "
        "truth is 0, so holes are edges (ddff-pytorch, DFV, AiFDepthNet, DfFintheWild); flat = the error is 0 there "
        "(DDL-GRU)",
        choices=("out", "zero", "flat"),
    )
    border: str = setting(
        "reflect",
        "border of the picture: reflect (recent scikit-image) or zero = each derivative is 0 on it (the releases that "
        "the numbers of the DDFF years come from)",
        choices=("reflect", "zero"),
    )

    def __post_init__(self) -> None:
        check(self)

    def sums(self, case: Case) -> Sums:
        """(100 x sum of the clipped norms, pixels)."""
        counted = case.compared
        if self.holes == "zero":
            error = np.nan_to_num(case.found) - np.nan_to_num(case.truth)
        else:
            error = np.where(counted, case.found - case.truth, 0.0)
        if self.holes == "out":
            counted = cv2.erode(counted.astype(np.uint8), np.ones((5, 5)), borderValue=1).astype(bool)
        return mean_of(100 * np.minimum(self._norm(error)[counted], self.limit))

    def value(self, sums: Sums) -> float:
        """Return the mean; at most 100 x limit.

        >>> slope, cup = np.tile(np.arange(9.0), (9, 1)), np.tile(0.001 * np.arange(9.0) ** 2, (9, 1))
        >>> middle = np.pad(np.ones((5, 5), bool), 2)
        >>> [round(METRIC.value(METRIC.sums(Case.of(p, 0 * p, mask=middle))), 9) for p in (slope, cup)]
        [0.0, 0.8]
        """
        return ratio(sums)

    def _norm(self, error: Plane) -> Plane:
        across, down = self._slope(error, 1), self._slope(error, 0)
        parts = (self._slope(across, 1), self._slope(across, 0), self._slope(down, 0), self._slope(down, 1))
        norm: Plane = np.sqrt(sum(part * part for part in parts))
        return norm

    def _slope(self, plane: Plane, axis: int) -> Plane:
        """Scharr derivative along an axis."""
        kernels = (_STEP, _SMOOTH) if axis else (_SMOOTH, _STEP)
        slope: Plane = cv2.sepFilter2D(plane, cv2.CV_64F, *kernels, borderType=cv2.BORDER_REFLECT)
        if self.border == "zero":
            slope[[0, -1]] = 0
            slope[:, [0, -1]] = 0
        return slope


METRIC = Bumpiness()

"""Strongest response of a Gaussian derivative turned to eight directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips

_X = np.arange(-3, 4)
_SMOOTH = np.exp(-(_X**2) / 2) / np.exp(-(_X**2) / 2).sum()
_SLOPE = _X * _SMOOTH / (_X**2 * _SMOOTH).sum()


@dataclass(frozen=True)
class SteerableFilters:
    """max over t = 0, 45, ..., 315 degrees of cos(t) G_x * I + sin(t) G_y * I, sigma 1 px (Freeman & Adelson 1991)."""

    title: ClassVar[str] = "Steerable filters"
    source: ClassVar[str] = (
        "Minhas, Mohammed, Wu, Sid-Ahmed, "
        "3D shape from focus and depth map computation using steerable filters, ICIAR 2009"
    )
    reach: ClassVar[int] = 3
    facts: ClassVar[MeasureFacts] = MeasureFacts("other", ("MIS7", "SFIL"))

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> ramp = np.arange(9, dtype=np.float32)
        >>> SteerableFilters()(3 * ramp[:, None] + 3 * ramp)[4, 4].round(3)
        np.float32(4.243)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    across = np.abs(cv2.sepFilter2D(strip, -1, _SLOPE, _SMOOTH))
    down = np.abs(cv2.sepFilter2D(strip, -1, _SMOOTH, _SLOPE))
    # Opposite directions differ in sign only, so the best diagonal is the sum of both magnitudes.
    diagonal = np.float32(2**-0.5) * (across + down)
    strongest: NDArray[Any] = np.maximum(np.maximum(across, down), diagonal)
    return strongest


MEASURE = SteerableFilters()

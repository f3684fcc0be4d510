"""Coefficients of a quadratic surface through the grey levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips

_EVEN = np.full(3, 1 / 3)
_SLOPE = np.array([-1, 0, 1]) / 2
_BEND = np.array([1, -2, 1]) / 2


@dataclass(frozen=True)
class Curvature:
    """abs(a) + abs(b) + abs(c) + abs(d) of a x + b y + c x^2 + d y^2 + e, fitted by least squares to 3 x 3 pixels.

    The constant e, absent in the source, makes the fit independent of brightness.
    """

    title: ClassVar[str] = "Image curvature"
    source: ClassVar[str] = (
        "Helmli, Scherer, Adaptive shape from focus with an error estimation in light microscopy, ISPA 2001"
    )
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("other", ("MIS4", "CURV"))

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> x = np.arange(-2, 3, dtype=np.float32)
        >>> Curvature()(np.tile(5 + 2 * x - 3 * x**2, (5, 1)))[2, 2].round(4)
        np.float32(5.0)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    slopes = cv2.sepFilter2D(strip, -1, _SLOPE, _EVEN), cv2.sepFilter2D(strip, -1, _EVEN, _SLOPE)
    bends = cv2.sepFilter2D(strip, -1, _BEND, _EVEN), cv2.sepFilter2D(strip, -1, _EVEN, _BEND)
    total: NDArray[Any] = sum(np.abs(plane) for plane in (*slopes, *bends))
    return total


MEASURE = Curvature()

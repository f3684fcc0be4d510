"""Squared gradient over rows, columns and frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._frames import three_frames
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips

_SLOPE = np.array([-1.0, 0.0, 1.0])
_SMOOTH = np.array([1, 2, 1]) / 4


@dataclass(frozen=True)
class Gradient3d:
    """D_x^2 + D_y^2 + D_z^2 of 3 x 3 x 3 pixels: [-1 0 1] along one axis, [1 2 1] / 4 along the two others.

    z counts frames. Of a single picture D_z is 0.
    """

    title: ClassVar[str] = "3D gradient"
    source: ClassVar[str] = (
        "Ahmad, Choi, Three dimensional shape from image focus, IEEE Trans. Consumer Electronics 53, 2007"
    )
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("gradient", ("GRA5",), degree=2, frames=3)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel of the middle frame.

        >>> ramp = np.tile(np.float32([0, 1, 2]), (3, 1))
        >>> Gradient3d()(np.stack([ramp, ramp + 3, ramp + 6]))[1, 1]
        np.float32(40.0)
        """
        return in_strips(three_frames(grey), self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    before, frame, after = strip
    mixed = (before + after + 2 * frame) / 4
    across = cv2.sepFilter2D(mixed, -1, _SLOPE, _SMOOTH)
    down = cv2.sepFilter2D(mixed, -1, _SMOOTH, _SLOPE)
    along = cv2.sepFilter2D(after - before, -1, _SMOOTH, _SMOOTH)
    squared: NDArray[Any] = across * across + down * down + along * along
    return squared


MEASURE = Gradient3d()

"""Modified Laplacian averaged over neighbouring pixels and frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._frames import three_frames
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._window import mean

_BEND = np.array([[-1, 2, -1]], np.float32)


@dataclass(frozen=True)
class Laplacian3d:
    """Mean of abs(2 I - I(x-1,y) - I(x+1,y)) + the same along y over 3 x 3 pixels of 3 frames."""

    title: ClassVar[str] = "Laplacian in a 3D window"
    source: ClassVar[str] = "An, Kang, Kim et al., Shape from focus through Laplacian using 3D window, FGCN 2008"
    reach: ClassVar[int] = 2
    facts: ClassVar[MeasureFacts] = MeasureFacts("laplacian", ("LAP5",), frames=3)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel of the middle frame.

        >>> point = np.pad(np.float32([[9]]), 3)
        >>> Laplacian3d()(np.stack([0 * point, point, 2 * point]))[3, 3].round(3)
        np.float32(8.0)
        """
        return in_strips(three_frames(grey), self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    total = np.zeros_like(strip[0])
    for frame in strip:
        for kernel in (_BEND, _BEND.T):
            total += np.abs(cv2.filter2D(frame, -1, kernel))
    return mean(total, 3) / 3


MEASURE = Laplacian3d()

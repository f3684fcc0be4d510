"""Modified Laplacian with the two diagonals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips

_LINE = np.array([[-1, 2, -1]], np.float32)
_DIAGONAL = np.float32(2**-0.5) * np.array([[-1, 0, 0], [0, 2, 0], [0, 0, -1]], np.float32)


@dataclass(frozen=True)
class DiagonalLaplacian:
    """Sum of abs(2 I - I(-) - I(+)) along rows, columns and, divided by sqrt(2), both diagonals."""

    title: ClassVar[str] = "Diagonal Laplacian"
    source: ClassVar[str] = "Thelen, Frey, Hirsch, Hering, IEEE Trans. Image Processing 18, 2009"
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("laplacian", ("LAP3", "LAPD"))

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> DiagonalLaplacian()(np.pad(np.float32([[1]]), 2))[2, 1:3].round(3)
        array([1.   , 6.828], dtype=float32)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    across = np.abs(cv2.filter2D(strip, -1, _LINE))
    down = np.abs(cv2.filter2D(strip, -1, _LINE.T))
    falling = np.abs(cv2.filter2D(strip, -1, _DIAGONAL))
    rising = np.abs(cv2.filter2D(strip, -1, _DIAGONAL[::-1].copy()))
    total: NDArray[Any] = across + down + falling + rising
    return total


MEASURE = DiagonalLaplacian()

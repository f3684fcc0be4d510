"""Energy of the middle frequencies, by a 4 x 4 mask of signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips

_SIGNS = np.array([1, 1, -1, -1]) / 4


@dataclass(frozen=True)
class ModifiedDct:
    """(M * I)^2, M = s s^T, s = [1 1 -1 -1] / 4: the signs of the first diagonal coefficient of a 4 x 4 transform."""

    title: ClassVar[str] = "Modified DCT"
    source: ClassVar[str] = "Lee, Kumar, Choi, Lim, IEEE Trans. Circuits and Systems for Video Technology 18, 2008"
    reach: ClassVar[int] = 2
    facts: ClassVar[MeasureFacts] = MeasureFacts("dct", ("DCT3", "DCTM"), degree=2)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> corner = np.zeros((4, 4), np.float32)
        >>> corner[:2, :2] = corner[2:, 2:] = 4
        >>> ModifiedDct()(corner)[2, 2]
        np.float32(4.0)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    middle = cv2.sepFilter2D(strip, -1, _SIGNS, _SIGNS)
    squared: NDArray[Any] = middle * middle
    return squared


MEASURE = ModifiedDct()

"""Squared magnitude of the Sobel gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips


@dataclass(frozen=True)
class Tenengrad:
    """S_x^2 + S_y^2 with the Sobel operators [1 2 1]^T [-1 0 1] and its transpose."""

    title: ClassVar[str] = "Tenengrad"
    source: ClassVar[str] = (
        "Tenenbaum, Accommodation in computer vision, Stanford 1970; Krotkov, Focusing, IJCV 1, 1987"
    )
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("gradient", ("GRA6", "TENG"), degree=2)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> import numpy as np
        >>> Tenengrad()(np.tile(np.float32([0, 1, 2]), (3, 1)))[1, 1]
        np.float32(64.0)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    across = cv2.Sobel(strip, -1, 1, 0)
    down = cv2.Sobel(strip, -1, 0, 1)
    squared: NDArray[Any] = across * across + down * down
    return squared


MEASURE = Tenengrad()

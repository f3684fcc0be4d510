"""Larger of the squared differences to the next pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips

_NEXT = np.array([[0, -1, 1]], np.float32)


@dataclass(frozen=True)
class SquaredGradient:
    """max((I(x+1,y) - I(x,y))^2, (I(x,y+1) - I(x,y))^2).

    The source takes differences along rows only; the larger of both directions sees edges of every direction.
    """

    title: ClassVar[str] = "Squared gradient"
    source: ClassVar[str] = (
        "Eskicioglu, Fisher, Image quality measures and their performance, IEEE Trans. Communications 43, 1995"
    )
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("gradient", ("GRA4", "GRAS"), degree=2)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> SquaredGradient()(np.float32([[1, 2, 4], [1, 2, 4], [5, 5, 5]]))[1, 1]
        np.float32(9.0)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    across = cv2.filter2D(strip, -1, _NEXT)
    down = cv2.filter2D(strip, -1, _NEXT.T)
    larger: NDArray[Any] = np.maximum(across * across, down * down)
    return larger


MEASURE = SquaredGradient()

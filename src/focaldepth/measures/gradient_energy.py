"""Sum of squared differences to the next pixel."""

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
class GradientEnergy:
    """(I(x+1,y) - I(x,y))^2 + (I(x,y+1) - I(x,y))^2."""

    title: ClassVar[str] = "Gradient energy"
    source: ClassVar[str] = "Subbarao, Choi, Nikzad, Focusing techniques, Optical Engineering 32, 1993"
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("gradient", ("GRA2", "GRAE"), degree=2)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> GradientEnergy()(np.float32([[1, 2, 4], [1, 2, 4], [4, 4, 4]]))[1, 1]
        np.float32(8.0)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    across = cv2.filter2D(strip, -1, _NEXT)
    down = cv2.filter2D(strip, -1, _NEXT.T)
    squared: NDArray[Any] = across * across + down * down
    return squared


MEASURE = GradientEnergy()

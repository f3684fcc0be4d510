"""Larger of the squared differences two pixels apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips

_APART = np.array([[-1, 0, 1]], np.float32)


@dataclass(frozen=True)
class Brenner:
    """max((I(x+1,y) - I(x-1,y))^2, (I(x,y+1) - I(x,y-1))^2).

    The source takes differences along rows only; the larger of both directions sees edges of every direction.
    """

    title: ClassVar[str] = "Brenner's measure"
    source: ClassVar[str] = (
        "Brenner et al., An automated microscope for cytologic research, J. Histochem. Cytochem. 24, 1976"
    )
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("other", ("MIS2", "BREN"), degree=2)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> Brenner()(np.float32([[9, 0, 9], [1, 0, 3], [4, 0, 4]]))[1, 1]
        np.float32(4.0)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    across = cv2.filter2D(strip, -1, _APART)
    down = cv2.filter2D(strip, -1, _APART.T)
    larger: NDArray[Any] = np.maximum(across * across, down * down)
    return larger


MEASURE = Brenner()

"""Squared Laplacian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips

_LAPLACIAN = np.array([[1, 4, 1], [4, -20, 4], [1, 4, 1]], np.float32) / 6


@dataclass(frozen=True)
class LaplacianEnergy:
    """(L * I)^2 with L = [1 4 1; 4 -20 4; 1 4 1] / 6, the nine-point Laplacian."""

    title: ClassVar[str] = "Energy of the Laplacian"
    source: ClassVar[str] = "Subbarao, Choi, Nikzad, Focusing techniques, Optical Engineering 32, 1993"
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("laplacian", ("LAP1", "LAPE"), degree=2)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> LaplacianEnergy()(np.pad(np.float32([[3]]), 2))[2, 2].round(3)
        np.float32(100.0)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    laplacian = cv2.filter2D(strip, -1, _LAPLACIAN)
    squared: NDArray[Any] = laplacian * laplacian
    return squared


MEASURE = LaplacianEnergy()

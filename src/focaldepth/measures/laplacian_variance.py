"""Variance of the Laplacian in a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._window import variance

_LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32) / 6


@dataclass(frozen=True)
class LaplacianVariance:
    """Variance over a window of L * I, L = [0 1 0; 1 -4 1; 0 1 0] / 6."""

    title: ClassVar[str] = "Variance of the Laplacian"
    source: ClassVar[str] = (
        "Pech-Pacheco, Cristobal, Chamorro-Martinez, Fernandez-Valdivia, Diatom autofocusing, ICPR 2000"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("laplacian", ("LAP4", "LAPV"), degree=2)

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """The window and one pixel of the derivative."""
        return self.radius + 1

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> LaplacianVariance(radius=1)(np.pad(np.float32([[6]]), 3))[3, 3].round(4)
        np.float32(2.2222)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        return variance(cv2.filter2D(strip, -1, _LAPLACIAN), 2 * self.radius + 1)


MEASURE = LaplacianVariance()

"""Variance of the Sobel gradient in a window."""

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


@dataclass(frozen=True)
class TenengradVariance:
    """Variance over a window of sqrt(S_x^2 + S_y^2), with the Sobel operators S_x, S_y."""

    title: ClassVar[str] = "Tenengrad variance"
    source: ClassVar[str] = (
        "Pech-Pacheco, Cristobal, Chamorro-Martinez, Fernandez-Valdivia, Diatom autofocusing, ICPR 2000"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("gradient", ("GRA7", "TENV"), degree=2)

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """The window and one pixel of the derivative."""
        return self.radius + 1

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> step = np.repeat(np.float32([0, 3]), 4)[None].repeat(9, 0)
        >>> TenengradVariance(radius=1)(step)[4, 2:4].round(3)
        array([32., 32.], dtype=float32)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        gradient = cv2.magnitude(cv2.Sobel(strip, -1, 1, 0), cv2.Sobel(strip, -1, 0, 1))
        return variance(gradient.astype(np.float64), 2 * self.radius + 1)


MEASURE = TenengradVariance()

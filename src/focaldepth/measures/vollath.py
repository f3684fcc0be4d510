"""Autocorrelation one pixel apart minus that two pixels apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._window import mean

_STEP = np.array([[0, -1, 1]], np.float32)
_APART = np.array([[-1, 0, 1]], np.float32)


@dataclass(frozen=True)
class Vollath:
    """Mean over a window of I(x) I(x+1) - I(x) I(x+2), for rows and columns.

    Written with squared differences, which is the same up to the border of the window and independent of brightness:
    I(x) I(x+k) averages to a constant minus half of (I(x) - I(x+k))^2. White noise adds equally to both terms and
    cancels. Negative means count as 0.
    """

    title: ClassVar[str] = "Vollath's autocorrelation"
    source: ClassVar[str] = (
        "Vollath, The influence of the scene parameters and of noise on automatic focusing, J. Microscopy 151, 1988, F4"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("other", ("MIS9", "VOLA"), degree=2)

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """The window and one pixel of the derivative."""
        return self.radius + 1

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> Vollath()(np.tile(np.arange(12, dtype=np.float32), (9, 1)))[4, 6].round(4)
        np.float32(1.5)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        total = np.zeros_like(strip)
        for step, apart in ((_STEP, _APART), (_STEP.T, _APART.T)):
            near, far = cv2.filter2D(strip, -1, step), cv2.filter2D(strip, -1, apart)
            total += far * far - near * near
        correlation: NDArray[Any] = np.maximum(mean(total, 2 * self.radius + 1) / 2, 0)
        return correlation


MEASURE = Vollath()

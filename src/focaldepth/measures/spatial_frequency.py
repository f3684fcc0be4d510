"""Root of the mean squared differences in a window."""

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

_NEXT = np.array([[0, -1, 1]], np.float32)


@dataclass(frozen=True)
class SpatialFrequency:
    """sqrt(mean of (I(x+1,y) - I(x,y))^2 + mean of (I(x,y+1) - I(x,y))^2) over a window."""

    title: ClassVar[str] = "Spatial frequency"
    source: ClassVar[str] = (
        "Eskicioglu, Fisher, IEEE Trans. Communications 43, 1995; Malik, Choi, Pattern Recognition 41, 2008"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("other", ("MIS8", "SFRQ"))

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """The window and one pixel of the derivative."""
        return self.radius + 1

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> SpatialFrequency()(np.arange(9, dtype=np.float32)[:, None] + 0 * np.ones((9, 9), np.float32))[4, 4].round(4)
        np.float32(1.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        across, down = cv2.filter2D(strip, -1, _NEXT), cv2.filter2D(strip, -1, _NEXT.T)
        root: NDArray[Any] = cv2.sqrt(mean(across * across + down * down, 2 * self.radius + 1))
        return root


MEASURE = SpatialFrequency()

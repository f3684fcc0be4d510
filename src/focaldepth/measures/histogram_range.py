"""Brightest minus darkest pixel of a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips


@dataclass(frozen=True)
class HistogramRange:
    """max(I) - min(I) over a window."""

    title: ClassVar[str] = "Histogram range"
    source: ClassVar[str] = (
        "Firestone, Cook, Culp, Talsania, Preston, Comparison of autofocus methods, Cytometry 12, 1991"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("statistics", ("STA8", "HISR"))

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """As far as the window."""
        return self.radius

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> HistogramRange(radius=1)(np.float32([[9, 0, 0], [0, 3, 0], [0, 0, 1]]))[1, 1]
        np.float32(9.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        window = np.ones((2 * self.radius + 1,) * 2, np.uint8)
        extent: NDArray[Any] = cv2.subtract(cv2.dilate(strip, window), cv2.erode(strip, window))
        return extent


MEASURE = HistogramRange()

"""Squared difference to the mean of the window around each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._window import mean


@dataclass(frozen=True)
class ModifiedGreyLevelVariance:
    """(I - m)^2, m the mean of the window around the pixel itself; the sum is left to the aggregation."""

    title: ClassVar[str] = "Modified grey-level variance"
    source: ClassVar[str] = "Ng, Poo, Ang, Practical issues in pixel-based autofocusing for machine vision, ICRA 2001"
    facts: ClassVar[MeasureFacts] = MeasureFacts("statistics", ("STA6", "GLVM"), degree=2)

    radius: int = setting(3, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """As far as the window."""
        return self.radius

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> import numpy as np
        >>> ModifiedGreyLevelVariance(radius=1)(np.float32([[0, 0, 0], [0, 9, 0], [0, 0, 0]]))[1, 1]
        np.float32(64.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        difference = cv2.subtract(strip, mean(strip, 2 * self.radius + 1))
        squared: NDArray[Any] = difference * difference
        return squared


MEASURE = ModifiedGreyLevelVariance()

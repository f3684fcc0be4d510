"""Ratio of a pixel to the mean around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._window import mean, ratio


@dataclass(frozen=True)
class HelmliMean:
    """max(I / m, m / I) - 1, m the mean of a window; 1 is taken off so that a flat picture scores 0.

    The score is at most 255, which is what a black pixel beside brighter ones gets.
    """

    title: ClassVar[str] = "Helmli's mean"
    source: ClassVar[str] = (
        "Helmli, Scherer, Adaptive shape from focus with an error estimation in light microscopy, ISPA 2001"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("other", ("MIS5", "HELM"), degree=0, offset=False)

    radius: int = setting(3, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """As far as the window."""
        return self.radius

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> HelmliMean(radius=1)(np.float32([[1, 1, 1], [1, 10, 1], [1, 1, 1]]))[1, 1].round(4)
        np.float32(4.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        local = mean(strip, 2 * self.radius + 1)
        above, below = cv2.max(strip, local), cv2.min(strip, local)
        return ratio(above - below, cv2.max(below, above * np.float32(1 / 255)))


MEASURE = HelmliMean()

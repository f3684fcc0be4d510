"""Mean absolute deviation in a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips, neighbours
from focaldepth.measures._window import mean


@dataclass(frozen=True)
class AbsoluteCentralMoment:
    """Sum over grey levels k of abs(k - m) p(k): the mean of abs(I - m) over a window, m its mean."""

    title: ClassVar[str] = "Absolute central moment"
    source: ClassVar[str] = "Shirvaikar, An optimal measure for camera focus and exposure, SSST 2004"
    facts: ClassVar[MeasureFacts] = MeasureFacts("other", ("MIS1", "ACMO"))

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """As far as the window."""
        return self.radius

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> AbsoluteCentralMoment(radius=1)(np.float32([[9, 0, 0], [0, 0, 0], [0, 0, 0]]))[1, 1].round(4)
        np.float32(1.7778)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        around = neighbours(strip, self.radius)
        centre = mean(strip, 2 * self.radius + 1)[self.radius : -self.radius, self.radius : -self.radius]
        total = np.zeros_like(centre)
        for pixel in around.values():
            total += cv2.absdiff(pixel, centre)
        total /= np.float32(len(around))
        return total


MEASURE = AbsoluteCentralMoment()

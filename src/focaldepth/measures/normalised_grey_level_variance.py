"""Variance in a window over its mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._window import mean, ratio, variance


@dataclass(frozen=True)
class NormalisedGreyLevelVariance:
    """Mean of (I - m)^2 over a window, divided by its mean m; 0 where m is 0."""

    title: ClassVar[str] = "Normalised grey-level variance"
    source: ClassVar[str] = "Groen, Young, Ligthart, A comparison of different focus functions, Cytometry 6, 1985"
    facts: ClassVar[MeasureFacts] = MeasureFacts("statistics", ("STA5", "GLVN"), offset=False)

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """As far as the window."""
        return self.radius

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> NormalisedGreyLevelVariance(radius=1)(np.float32([[9, 0, 0], [0, 0, 0], [0, 0, 0]]))[1, 1]
        np.float32(8.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        side, exact = 2 * self.radius + 1, strip.astype(np.float64)
        return ratio(variance(exact, side), mean(exact, side))


MEASURE = NormalisedGreyLevelVariance()

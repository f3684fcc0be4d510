"""Variance in a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._window import variance


@dataclass(frozen=True)
class GreyLevelVariance:
    """Mean of (I - m)^2 over a window, m its mean."""

    title: ClassVar[str] = "Grey-level variance"
    source: ClassVar[str] = "Krotkov, Focusing, IJCV 1, 1987; Subbarao, Choi, Nikzad, Optical Engineering 32, 1993"
    facts: ClassVar[MeasureFacts] = MeasureFacts("statistics", ("STA3", "GLVA"), degree=2)

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """As far as the window."""
        return self.radius

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> GreyLevelVariance(radius=1)(np.float32([[9, 0, 0], [0, 0, 0], [0, 0, 0]]))[1, 1]
        np.float32(8.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        return variance(strip.astype(np.float64), 2 * self.radius + 1)


MEASURE = GreyLevelVariance()

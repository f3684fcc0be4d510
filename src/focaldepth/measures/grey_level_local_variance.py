"""Variance of the variance."""

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
class GreyLevelLocalVariance:
    """Variance, over a window, of the grey-level variance of the same window around every pixel."""

    title: ClassVar[str] = "Grey-level local variance"
    source: ClassVar[str] = (
        "Pech-Pacheco, Cristobal, Chamorro-Martinez, Fernandez-Valdivia, Diatom autofocusing, ICPR 2000"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("statistics", ("STA4", "GLLV"), degree=4)

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """The window twice."""
        return 2 * self.radius

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> GreyLevelLocalVariance()(np.eye(9, dtype=np.float32) % 2).shape
        (9, 9)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        local = variance(strip.astype(np.float64), 2 * self.radius + 1)
        return variance(local, 2 * self.radius + 1)


MEASURE = GreyLevelLocalVariance()

"""Squared gradient of the picture smoothed by a Gaussian."""

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
class GaussianDerivative:
    """(G_x * I)^2 + (G_y * I)^2, with the first derivatives G_x, G_y of a Gaussian."""

    title: ClassVar[str] = "Gaussian derivative"
    source: ClassVar[str] = "Geusebroek, Cornelissen, Smeulders, Geerts, Cytometry 39, 2000"
    facts: ClassVar[MeasureFacts] = MeasureFacts("gradient", ("GRA1", "GDER"), degree=2)

    sigma: float = setting(1.0, "width of the Gaussian", unit="px", low=0.5, high=20)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """Three sigma."""
        return int(np.ceil(3 * self.sigma))

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel: 1 on a ramp of slope 1.

        >>> GaussianDerivative()(np.tile(np.arange(9.0, dtype=np.float32), (9, 1)))[4, 4].round(4)
        np.float32(1.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        x = np.arange(-self.reach, self.reach + 1)
        smooth = np.exp(-(x**2) / (2 * self.sigma**2))
        slope = x * smooth
        smooth, slope = smooth / smooth.sum(), slope / (slope * x).sum()
        across = cv2.sepFilter2D(strip, -1, slope, smooth)
        down = cv2.sepFilter2D(strip, -1, smooth, slope)
        squared: NDArray[Any] = across * across + down * down
        return squared


MEASURE = GaussianDerivative()

"""Variance of wavelet coefficients in a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._wavelet import REACH, bands
from focaldepth.measures._window import variance


@dataclass(frozen=True)
class WaveletVariance:
    """Sum of the variances of HL, LH and HH of the first level over a window."""

    title: ClassVar[str] = "Variance of wavelet coefficients"
    source: ClassVar[str] = "Yang, Nelson, Wavelet-based autofocusing and unsupervised segmentation, ICIP 2003"
    facts: ClassVar[MeasureFacts] = MeasureFacts("wavelet", ("WAV2", "WAVV"), degree=2)

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """The window and the filter."""
        return self.radius + REACH

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> import numpy as np
        >>> WaveletVariance()(np.arange(20, dtype=np.float32)[None] ** 2)[0, 10].round(3)
        np.float32(0.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        _, *details = bands(strip)
        side = 2 * self.radius + 1
        across, down, diagonal = (variance(band, side) for band in details)
        total: NDArray[Any] = across + down + diagonal
        return total


MEASURE = WaveletVariance()

"""Energy of the wavelet details over that of the approximation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._wavelet import REACH, bands
from focaldepth.measures._window import mean, ratio


@dataclass(frozen=True)
class WaveletRatio:
    """Sum over a window of HL^2 + LH^2 + HH^2, divided by the sum of LL^2; first level."""

    title: ClassVar[str] = "Ratio of wavelet coefficients"
    source: ClassVar[str] = "Xie, Rong, Sun, Wavelet-based focus measure and 3-D surface reconstruction, IROS 2006"
    facts: ClassVar[MeasureFacts] = MeasureFacts("wavelet", ("WAV3", "WAVR"), degree=0, offset=False)

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """The window and the filter."""
        return self.radius + REACH

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel: 1 for stripes of one pixel, whose mean has the energy of their detail.

        >>> import numpy as np
        >>> WaveletRatio()(np.float32([[0, 8] * 8] * 16))[8, 8].round(4)
        np.float32(1.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        low, *details = bands(strip)
        across, down, diagonal = (band * band for band in details)
        side = 2 * self.radius + 1
        return ratio(mean(across + down + diagonal, side), mean(low * low, side))


MEASURE = WaveletRatio()

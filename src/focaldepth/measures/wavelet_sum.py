"""Sum of the magnitudes of wavelet coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._wavelet import REACH, bands


@dataclass(frozen=True)
class WaveletSum:
    """abs(HL) + abs(LH) + abs(HH) of the first level; the sum over a window is left to the aggregation."""

    title: ClassVar[str] = "Sum of wavelet coefficients"
    source: ClassVar[str] = "Yang, Nelson, Wavelet-based autofocusing and unsupervised segmentation, ICIP 2003"
    reach: ClassVar[int] = REACH
    facts: ClassVar[MeasureFacts] = MeasureFacts("wavelet", ("WAV1", "WAVS"))

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel: 0 on a parabola, which three vanishing moments do not see.

        >>> WaveletSum()(np.arange(12, dtype=np.float32)[None] ** 2)[0, 6].round(3)
        np.float32(0.0)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    _, across, down, diagonal = bands(strip)
    total: NDArray[Any] = np.abs(across) + np.abs(down) + np.abs(diagonal)
    return total


MEASURE = WaveletSum()

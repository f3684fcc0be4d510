"""One level of the undecimated wavelet transform, so that a shifted picture has shifted coefficients."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[Any]
REACH = 3


def bands(strip: Plane) -> tuple[Plane, Plane, Plane, Plane]:
    """Coefficients LL, HL, LH, HH with the Daubechies filter of six taps, in the precision of the strip.

    The low-pass filter sums to 1, so LL is a local mean. Six taps make a pixel look 3 back and 2 ahead.
    """
    low, high = (cv2.filter2D(strip, -1, kernel[None]) for kernel in (_LOW, _HIGH))
    low_low, low_high = (cv2.filter2D(low, -1, kernel[:, None]) for kernel in (_LOW, _HIGH))
    high_low, high_high = (cv2.filter2D(high, -1, kernel[:, None]) for kernel in (_LOW, _HIGH))
    return low_low, high_low, low_high, high_high


def _daubechies() -> NDArray[np.float64]:
    """The orthogonal filter of six taps with three vanishing moments (Daubechies 1988), of sum 1."""
    a = np.sqrt(10)
    b = np.sqrt(5 + 2 * a)
    return np.array([1 + a + b, 5 + a + 3 * b, 10 - 2 * a + 2 * b, 10 - 2 * a - 2 * b, 5 + a - 3 * b, 1 + a - b]) / 32


_LOW = _daubechies()
_HIGH = _LOW[::-1] * np.array([1, -1, 1, -1, 1, -1])

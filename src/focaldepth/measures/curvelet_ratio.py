"""Magnitude of fine curvelet coefficients over that of the coarse ones."""

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

_SIDE = 7
_DIRECTIONS = 4


@dataclass(frozen=True)
class CurveletRatio:
    """Sum over a window and four directions of abs(c_l), divided by the sum of the coarse coefficients abs(c_0).

    c_l = k_l * I: the frequency plane is cut into a disc and four pairs of opposite wedges by smooth windows whose
    squares add up to 1, as the curvelet transform does at its finest scale; k_l is the inverse transform of a window on
    7 x 7 pixels. The source transforms whole pictures; on 7 pixels coefficients stay local.
    """

    title: ClassVar[str] = "Ratio of curvelet coefficients"
    source: ClassVar[str] = (
        "Minhas, Mohammed, Wu, Shape from focus using fast discrete curvelet transform, Pattern Recognition 44, 2011; "
        "windows after Candes, Demanet, Donoho, Ying, Multiscale Modeling & Simulation 5, 2006"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("wavelet", ("WAV4",), degree=0, offset=False)

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """The window and the kernels."""
        return self.radius + _SIDE // 2

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> float(CurveletRatio()(np.full((9, 9), 5, np.uint8)).max()) < 1e-5
        True
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        coarse, *wedges = (np.abs(cv2.filter2D(strip, -1, kernel)) for kernel in _KERNELS)
        side = 2 * self.radius + 1
        fine: NDArray[Any] = sum(wedges)
        return ratio(mean(fine, side), mean(coarse, side))


def _kernels() -> list[NDArray[np.float32]]:
    """The coarse kernel and one per direction, (7, 7) each."""
    frequency = np.fft.fftfreq(_SIDE) * 2 * np.pi
    y, x = np.meshgrid(frequency, frequency, indexing="ij")
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    # The coarse window is 1 up to pi / 4 and fades to 0 at pi / 2.
    rise = np.clip((radius - np.pi / 4) / (np.pi / 4), 0, 1)
    coarse, fine = np.cos(np.pi / 2 * rise), np.sin(np.pi / 2 * rise)
    windows = [coarse]
    spacing = np.pi / _DIRECTIONS
    for direction in range(_DIRECTIONS):
        off = np.abs((angle - direction * spacing + np.pi / 2) % np.pi - np.pi / 2)
        windows.append(fine * np.cos(np.pi / 2 * np.clip(off / spacing, 0, 1)))
    return [np.fft.fftshift(np.fft.ifft2(window).real).astype(np.float32) for window in windows]


_KERNELS = _kernels()
MEASURE = CurveletRatio()

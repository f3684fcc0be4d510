"""Refocusing by interpolated shifts: shift every view between its pixels, average.

Hazirbas et al. 2018, Deep Depth From Focus, eqs. 2-3 with linear or cubic interpolation in place of the phase shift of
eq. 4. Does not ring and repeats border pixels; linear interpolation blurs, so all but whole-pixel shifts lose contrast.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.light_field import LightField
from focaldepth.core.progress import Run
from focaldepth.core.settings import check, setting
from focaldepth.optics.refocus._views import Planes, check_disparities, margins, read_row


@dataclass(frozen=True)
class Interpolation:
    """Shift by interpolating between pixels; see the module."""

    title: ClassVar[str] = "Interpolated shift (linear or cubic)"

    kernel: str = setting("cubic", "what lies between pixels", choices=("linear", "cubic"))

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, views: LightField, disparities: NDArray[np.float64], run: Run = Run()) -> Planes:
        """Return (N, H, W, C) float32, 1 = full scale, focused at disparities in px; see `PhaseShift`."""
        disparities = check_disparities(views, disparities)
        rows, columns = (m + 2 for m in margins(views, disparities))
        h, w, c = views.shape
        total = np.zeros((len(disparities), h, w, c), np.float32)
        share = np.float32(1 / (views.grid[0] * views.grid[1]))
        run.stage("refocus", views.grid[0])
        with ThreadPoolExecutor(run.threads) as pool:
            for u in range(views.grid[0]):
                planes = np.ascontiguousarray(np.moveaxis(read_row(views, u, pool), 1, -1))
                padded = [_extended(p, rows, columns) for p in planes]

                def add(i: int, u: int = u, padded: list[Planes] = padded) -> None:
                    down = disparities[i] * (u - views.centre[0])
                    for v, plane in enumerate(padded):
                        across = disparities[i] * (v - views.centre[1])
                        total[i] += share * self._moved(plane, (rows, columns), (down, across), (h, w))

                list(pool.map(add, range(len(disparities))))
                run.advance()
        return total

    def _moved(
        self, plane: Planes, margin: tuple[int, int], shift: tuple[float, float], size: tuple[int, int]
    ) -> Planes:
        """Return a padded plane moved down and right, cut to its size without the padding."""
        taps, parts = [], []
        for edge, step, length in zip(margin, shift, size, strict=True):
            whole = int(np.floor(-step))
            taps.append(_weights(-step - whole, self.kernel))
            parts.append(slice(edge + whole - 1, edge + whole + 2 + length))
        filtered = cv2.sepFilter2D(plane[parts[0], parts[1]], -1, taps[1], taps[0], anchor=(0, 0))
        cut: Planes = filtered[: size[0], : size[1]].reshape(*size, plane.shape[2])
        return cut


def _extended(plane: Planes, rows: int, columns: int) -> Planes:
    around = (rows, rows, columns, columns)
    wide: Planes = cv2.copyMakeBorder(plane, *around, cv2.BORDER_REPLICATE)
    return wide.reshape(plane.shape[0] + 2 * rows, plane.shape[1] + 2 * columns, plane.shape[2])


def _weights(part: float, kernel: str) -> Planes:
    """Return the four weights of pixels -1, 0, 1, 2 for a point at `part` of the way from 0 to 1.

    Cubic: Keys 1981, Cubic convolution interpolation, a = -1/2.
    """
    t = part
    if kernel == "linear":
        return np.array([0, 1 - t, t, 0], np.float32)
    cubic = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3]
    return np.array(cubic, np.float32) / np.float32(2)


REFOCUSER = Interpolation()

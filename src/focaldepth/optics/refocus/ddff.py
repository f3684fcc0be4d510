"""Refocusing exactly as the published DDFF 12-Scene and 4D Light Field stacks were made.

Per view: phase shift that wraps around, modulus, cut to [0, 1]; then the mean, and values cut (not rounded) to 8 bits.
Every view, picture and channel needs a transform back of its own, which is why `phase` is the one to use otherwise.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from focaldepth.core.light_field import LightField
from focaldepth.core.progress import Run
from focaldepth.optics.refocus._views import Planes, check_disparities

_LEVELS = 255


@dataclass(frozen=True)
class Published:
    """The procedure of the published stacks, in double precision; see the module."""

    title: ClassVar[str] = "As the published DDFF stacks: modulus, cut to [0, 1] per view, cut to 8 bits"

    def __call__(self, views: LightField, disparities: NDArray[np.float64], run: Run = Run()) -> Planes:
        """Return (N, H, W, C) float32, multiples of 1/255, focused at disparities in px; see `PhaseShift`."""
        disparities = check_disparities(views, disparities)
        h, w, c = views.shape
        total = np.zeros((len(disparities), c, h, w))
        down, across = fft.fftfreq(h)[:, None], fft.fftfreq(w)[None]
        run.stage("refocus", views.grid[0] * views.grid[1])
        with ThreadPoolExecutor(run.threads) as pool:
            for u, v in np.ndindex(views.grid):
                plane = np.moveaxis(views.view(u, v) / float(views.white), -1, 0)
                spectrum = fft.fft2(plane, axes=(-2, -1), workers=run.threads)
                rows, columns = u - views.centre[0], v - views.centre[1]

                def add(
                    i: int, spectrum: NDArray[np.complex128] = spectrum, rows: int = rows, columns: int = columns
                ) -> None:
                    phase = np.exp(-2j * np.pi * disparities[i] * (down * rows + across * columns))
                    total[i] += np.minimum(np.abs(fft.ifft2(spectrum * phase, axes=(-2, -1))), 1)

                list(pool.map(add, range(len(disparities))))
                run.advance()
        mean = total / (views.grid[0] * views.grid[1])
        return np.moveaxis(np.floor(mean * _LEVELS) / _LEVELS, 1, -1).astype(np.float32)


REFOCUSER = Published()

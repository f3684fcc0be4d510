"""Refocusing by Fourier phase shifts: shift every view, average; one transform per view.

Hazirbas, Soyer, Staab, Leal-Taixe, Cremers 2018, Deep Depth From Focus, eqs. 2-4: a shift of a view is a phase of its
spectrum. The phases separate into rows and columns, and the sum over views may be taken before the transform back, so
U V forward transforms and N backward ones do the work of U V N pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from focaldepth.core.light_field import LightField
from focaldepth.core.progress import Run
from focaldepth.core.settings import check, setting
from focaldepth.optics.refocus._views import (
    Planes,
    check_disparities,
    coded_light,
    linear_light,
    margins,
    read_row,
)

Spectrum = NDArray[np.complex64]
_BLOCK_BYTES = 192 << 20


@dataclass(frozen=True)
class PhaseShift:
    """Shift by phases in Fourier space, exact for what the pixels can hold; see the module."""

    title: ClassVar[str] = "Fourier phase shift (Hazirbas et al. 2018, eq. 4)"

    border: str = setting(
        "extend",
        "what lies beyond a view: its border pixels, or its other side as in the published data set",
        choices=("extend", "wrap"),
    )
    light: str = setting(
        "coded",
        "average the values of the files, as papers do, or linear light (sRGB files), as a lens does",
        choices=("coded", "linear"),
    )

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, views: LightField, disparities: NDArray[np.float64], run: Run = Run()) -> Planes:
        """Return (N, H, W, C) float32, 1 = full scale, focused at disparities in px (positive = nearer).

        The view of row u, column v is moved down by (u - u0) d and right by (v - v0) d. Values ring a little beyond
        0 and 1 beside hard edges. Spectra of all N pictures are held: N is cut into blocks where they would exceed
        about 200 MB, and every block reads the views again.

        Raises:
            SettingError: disparities that are no list of finite numbers or shift by more than the picture.
            ReadError: a view cannot be read.
        """
        disparities = check_disparities(views, disparities)
        rows, columns = margins(views, disparities) if self.border == "extend" else (0, 0)
        h, w, c = views.shape
        # Twice the shift: a view moved by m pixels shows m pixels that it never saw, taken from the padding.
        size = (_fast(h + 2 * rows), _fast(w + 2 * columns)) if self.border == "extend" else (h, w)
        per_slice = size[0] * (size[1] // 2 + 1) * c * 8
        block = max(1, int(_BLOCK_BYTES // per_slice))
        out = np.empty((len(disparities), h, w, c), np.float32)
        run.stage("refocus", views.grid[0] * -(-len(disparities) // block))
        for first in range(0, len(disparities), block):
            chosen = disparities[first : first + block]
            pad = (rows, columns, *size)
            summed = self._sum(views, chosen, pad, run)
            for i, picture in enumerate(_pictures(summed, size, run.threads)):
                part = picture[:, rows : rows + h, columns : columns + w]
                out[first + i] = np.moveaxis(coded_light(part) if self.light == "linear" else part, 0, -1)
        return out

    def _sum(
        self, views: LightField, disparities: NDArray[np.float64], pad: tuple[int, int, int, int], run: Run
    ) -> Spectrum:
        """Return the mean spectrum of the shifted views, (K, N, C, H) with K columns of the half spectrum."""
        rows, columns, height, width = pad
        down, right = _frequencies(height), _frequencies(width)[: width // 2 + 1]
        total = np.zeros((len(right), len(disparities), views.shape[2], height), np.complex64)
        steps = np.arange(views.grid[1]) - views.centre[1]
        across = _phases(right, np.multiply.outer(disparities, steps), width)  # (K, N, V)
        with ThreadPoolExecutor(run.threads) as pool:
            for u in range(views.grid[0]):
                planes = read_row(views, u, pool)
                planes = linear_light(planes) if self.light == "linear" else planes
                planes = _padded(planes, rows, columns, height, width)
                spectra = fft.rfft2(planes, axes=(-2, -1), workers=run.threads)
                v, c = spectra.shape[:2]
                spectra = np.ascontiguousarray(np.moveaxis(spectra, -1, 0)).reshape(len(right), v, c * height)
                along = _phases(down, disparities * (u - views.centre[0]), height).T  # (N, H)
                along = along[:, None, :] / np.float32(views.grid[0] * views.grid[1])
                list(pool.map(_Adder(total, across, spectra, along), _parts(len(right), run.threads)))
                if height % 2 == width % 2 == 0:
                    # Highest along both axes: cos(a + b), of which the product of the cosines is only a part.
                    both = np.sin(np.pi * disparities * (u - views.centre[0]))[:, None] * np.sin(
                        np.pi * np.multiply.outer(disparities, steps)
                    )
                    corner = spectra.reshape(len(right), v, c, height)[-1, :, :, height // 2]
                    total[-1, :, :, height // 2] -= (both @ corner) / (views.grid[0] * views.grid[1])
                run.advance()
        return total


@dataclass(frozen=True, eq=False)
class _Adder:
    """Adds one row of views to the sum, for some columns of the spectrum."""

    total: Spectrum
    across: Spectrum
    spectra: Spectrum
    along: Spectrum

    def __call__(self, part: slice) -> None:
        shifted = np.matmul(self.across[part], self.spectra[part]).reshape(self.total[part].shape)
        shifted *= self.along
        self.total[part] += shifted


def _parts(count: int, threads: int) -> list[slice]:
    """Slices of about 32 columns: small enough to stay in the cache, and enough of them for all threads."""
    step = max(1, min(32, -(-count // threads)))
    return [slice(k, min(k + step, count)) for k in range(0, count, step)]


def _frequencies(size: int) -> NDArray[np.float64]:
    return np.asarray(fft.fftfreq(size), np.float64)


def _phases(frequency: NDArray[np.float64], shift: NDArray[np.float64], size: int) -> Spectrum:
    """Return exp(-2 pi i f s) for every frequency and shift, frequency first.

    The highest frequency of an even size stands for both signs at once; the mean of its two phases, a cosine, keeps the
    picture real.
    """
    angle = -2 * np.pi * np.multiply.outer(frequency, shift)
    phase = np.exp(1j * angle)
    if size % 2 == 0:
        phase[size // 2] = np.cos(angle[size // 2])
    single: Spectrum = phase.astype(np.complex64)
    return single


def _fast(size: int) -> int:
    return int(fft.next_fast_len(size, real=True))


def _padded(planes: Planes, rows: int, columns: int, height: int, width: int) -> Planes:
    """Repeat border pixels around each plane up to the size of the transform."""
    h, w = planes.shape[-2:]
    if (h, w) == (height, width):
        return planes
    around = ((0, 0), (0, 0), (rows, height - h - rows), (columns, width - w - columns))
    return np.pad(planes, around, mode="edge")


def _pictures(summed: Spectrum, size: tuple[int, int], threads: int) -> Iterator[Planes]:
    """Transform back one picture (C, H, W) at a time."""
    for i in range(summed.shape[1]):
        spectrum = np.moveaxis(summed[:, i], 0, -1)  # (C, H, K)
        yield fft.irfft2(spectrum, s=size, axes=(-2, -1), workers=threads)


REFOCUSER = PhaseShift()

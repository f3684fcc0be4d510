"""The one constant of the blur model, blur radius per unit of the focus axis, measured from the stack itself.

It is the value under which the frames agree best: that explains most of the energy of textured tiles, each tile with
the depth that suits it.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import shrink
from focaldepth.classical._blur_model import NOTHING, Floats, TransferTable, high_pass

_TILE = 24
_TILES = 256
_MOST_FRAMES = 24
_STEPS_PX = np.geomspace(0.04, 6.0, 18)
_FALLBACK_STEP_PX = 0.7
_SHRINKINGS = (1, 2, 4)
_LEAST_RISE = 1.01
_LEAST_GAIN = 0.2
"""What a wide blur must explain beyond none, as a share of all there is, to be more than noise of single frames."""
_LEAK = 1.05
"""Tiles mix depths and windows mix frequencies, so tiles see 5 % less blur than there is (median of 16 scenes)."""


def measure_blur(frames: NDArray[np.uint16], focus: Floats) -> tuple[float, float]:
    """Measure the blur radius in pixels per unit of the axis.

    Args:
        frames: (N, h, w) luminance.
        focus: (N,) blur-linear positions.

    Returns:
        Pixels per unit, and the share of the texture's energy that the model explains with it (0..1). Where any wider
        blur explains the frames as well, the smallest such value; where none explains more than noise, a plain guess
        and 0.
    """
    n = len(focus)
    spread = np.unique(np.linspace(0, n - 1, min(n, _MOST_FRAMES)).round().astype(int))
    # Where frames are so many that those between the picked ones matter, some neighbours tell.
    middle = np.arange(max((n - _MOST_FRAMES) // 2, 0), min((n + _MOST_FRAMES) // 2, n))
    least = None
    for picked in (spread, middle) if n > _MOST_FRAMES else (spread,):
        found = _measure_at_scales(frames[picked], focus[picked])
        if found is not None and found.stands_out:
            return found.px_per_unit, found.explained
        least = least or found
    if least is not None:
        return least.px_per_unit, least.explained
    return _FALLBACK_STEP_PX / float(np.abs(np.diff(focus)).mean()), 0.0


class _Measured(NamedTuple):
    px_per_unit: float
    explained: float
    stands_out: bool
    """False: any wider blur explains the frames as well, no detail of this scale is seen by two of them."""


def _measure_at_scales(frames: NDArray[np.uint16], focus: Floats) -> _Measured | None:
    """Measure in the picture, and where its detail is too fine for the blur in smaller copies of it."""
    found = None
    for factor in _SHRINKINGS:
        if factor > 1 and min(frames.shape[1:]) < 2 * _TILE * factor:
            break
        small = frames if factor == 1 else np.stack([shrink(frame, factor) for frame in frames])
        there = _measure(small, focus)
        if there is None:
            break
        found = there._replace(px_per_unit=there.px_per_unit * factor)
        if found.stands_out:
            break
    return found


def _measure(frames: NDArray[np.uint16] | NDArray[np.float32], focus: Floats) -> _Measured | None:
    """Measure the blur of some frames; None where every value explains them about as well."""
    trials = _STEPS_PX / float(np.abs(np.diff(focus)).mean())
    spectra, w = _tile_spectra(frames)
    if not spectra.size:
        return None
    explained = np.array([_explained(spectra, w, focus, trial) for trial in trials])
    best = int(explained.argmax())
    top = float(explained[best])
    if best not in (0, len(trials) - 1) and top >= _LEAST_RISE * max(explained[0], explained[-1]):
        left, _, right = explained[best - 1 : best + 2]
        shift = (left - right) / (2 * (left - 2 * top + right))
        ratio = _STEPS_PX[1] / _STEPS_PX[0]
        return _Measured(float(_LEAK * trials[best] * ratio**shift), top, True)
    by_chance = 1 / len(focus)
    if top - max(explained[0], by_chance) < _LEAST_GAIN * (1 - by_chance):
        return None
    first = int(np.flatnonzero(explained * _LEAST_RISE >= top)[0])
    return _Measured(float(trials[first]), top, False)


def _tile_spectra(frames: NDArray[np.uint16] | NDArray[np.float32]) -> tuple[NDArray[np.complex64], Floats]:
    """High-passed spectra of textured tiles, (F, N, T), and their frequencies (F,)."""
    n, h, w = frames.shape
    size = min(_TILE, h, w)
    window = np.outer(np.hanning(size + 2)[1:-1], np.hanning(size + 2)[1:-1]).astype(np.float32)
    wy, wx = 2 * np.pi * np.fft.fftfreq(size)[:, None], 2 * np.pi * np.fft.rfftfreq(size)
    radius = np.hypot(wy, wx).ravel()
    rows, cols = (np.arange(0, length - size + 1, size) for length in (h, w))
    places = [(y, x) for y in rows for x in cols]
    places = places[:: max(1, len(places) // (2 * _TILES))]
    weight = (high_pass(radius) / 65535).astype(np.float32)
    used = np.flatnonzero((radius > 0.3) & (radius < 2.8))[::2]
    found = []
    for y, x in places:
        tile = frames[:, y : y + size, x : x + size].astype(np.float32)
        # Without strong low frequencies the window lets nothing leak into the detail.
        tile -= np.stack([cv2.GaussianBlur(part, (0, 0), 2.0) for part in tile])
        found.append((np.fft.rfft2(tile * window).reshape(n, -1) * weight)[:, used].astype(np.complex64))
    spectra = np.stack(found, 2)
    energy = (np.abs(spectra) ** 2).sum((0, 1))
    # Plain tiles hold only noise, which every model explains equally badly.
    chosen = spectra[:, :, energy > max(float(np.median(energy)), 1e-12)]
    return np.ascontiguousarray(chosen.transpose(1, 0, 2)), radius[used]


def _explained(spectra: NDArray[np.complex64], w: Floats, focus: Floats, px_per_unit: float) -> float:
    """Mean share of a tile's energy that its best hypothesis explains."""
    depths = np.linspace(focus.min(), focus.max(), int(np.clip(np.ptp(focus) * px_per_unit / 0.4 + 1, 9, 60)))
    defocus = np.abs(depths[:, None] - focus) * px_per_unit
    kept = TransferTable(float(defocus.max() * w.max()))(np.multiply.outer(w, defocus))
    kept /= np.maximum(np.sqrt((kept**2).sum(-1, keepdims=True)), NOTHING)
    energy = (np.abs(kept.astype(np.float32) @ spectra) ** 2).sum(0)
    total = (np.abs(spectra) ** 2).sum((0, 1))
    return float((energy.max(0) / total).mean())

"""Defocus as a linear model: which share of every spatial frequency a frame keeps, given its distance from focus.

A point out of focus is a uniform disc whose radius grows linearly on the blur-linear axis. For a hypothesis of depth,
the coefficients of all frames at one spatial frequency must then be proportional to a known vector: that of the disc's
transfer at each frame. The energy of their projection on that vector is the evidence for the hypothesis; it uses every
frame with its sign, and it does not depend on the picture behind the blur (Favaro & Soatto, A geometric approach to
shape from defocus, IEEE PAMI 27(3), 2005: orthogonal projection). The one constant, blur radius per unit of the axis,
is measured from the stack itself: it is the one under which the frames agree best.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import shrink

Floats = NDArray[np.float64]
WIDTHS = (0.6, 1.0, 1.8, 3.2)
"""Gaussians (sigma, px) whose differences are the bands that every combination of frames is made of."""
_HIGH_PASS = 2.0
_SPACING_PX = 0.25
_MARGIN_PX = 1.5
FEWEST_HYPOTHESES, MOST_HYPOTHESES = 9, 160
_TILE = 24
_TILES = 256
_MOST_FRAMES = 24
_STEPS_PX = np.geomspace(0.04, 6.0, 18)
_FALLBACK_STEP_PX = 0.7
_READABLE_STEP_PX = 2 * 3.83 / _HIGH_PASS
"""Half-way between frames whose blur differs by more, no detail at the corner of the high pass is left: the first zero
of the disc's transfer."""
_MOST_SCALE = 8.0
"""Wider blur than is ever measured."""
_SHRINKINGS = (1, 2, 4)
_NOTHING = 1e-9
_LEAST_RISE = 1.01
_LEAST_GAIN = 0.2
"""What a wide blur must explain beyond none, as a share of all there is, to be more than noise of single frames."""
_LEAK = 1.05
"""Tiles mix depths and windows mix frequencies, so tiles see 5 % less blur than there is (median of 16 scenes)."""
_FAR = 40.0
"""Beyond it the transfer of a disc is below 0.01: nothing is left to read."""


def disc_transfer(x: NDArray[np.floating]) -> Floats:
    """Transfer of a disc of radius r at angular frequency w, x = w r >= 0: 2 J1(x) / x.

    Chebyshev quadrature of J1's integral, exact to 1e-9 below x = 40.

    >>> float(np.round(disc_transfer(np.array(0.0)), 9)), float(np.round(abs(disc_transfer(np.array(3.8317))), 4))
    (1.0, 0.0)
    """
    order = 48
    angle = np.arange(1, order + 1) * np.pi / (order + 1)
    weight = 2 / (order + 1) * np.sin(angle) ** 2
    transfer: Floats = (np.cos(np.multiply.outer(x, np.cos(angle))) * weight).sum(-1)
    return transfer


class _Table:
    """The transfer of a disc from a fine table: calls with millions of values take milliseconds."""

    def __init__(self, reach: float) -> None:
        self._grid = np.linspace(0, min(reach, _FAR), 2 + int(min(reach, _FAR) * 40))
        self._values = disc_transfer(self._grid)

    def __call__(self, x: Floats) -> Floats:
        return np.interp(x, self._grid, self._values, right=0.0)


def high_pass(w: Floats, scale: float = 1.0) -> Floats:
    """Weight of an angular frequency (rad/px): depth is read from detail, because wide blur crosses depth edges."""
    corner = _HIGH_PASS / scale
    return w**2 / (w**2 + corner**2)


def reading_scale(focus: Floats, px_per_unit: float) -> float:
    """Return how much coarser than usual detail is read, 1..8: where frames lie far apart, the finest is seen by none.

    >>> reading_scale(np.arange(5.0), 1.0), round(reading_scale(np.arange(5.0), 10.0), 2)
    (1.0, 2.61)
    """
    step_px = float(np.abs(np.diff(focus)).mean()) * px_per_unit
    return float(np.clip(step_px / _READABLE_STEP_PX, 1.0, _MOST_SCALE))


def hypotheses(focus: Floats, px_per_unit: float) -> Floats:
    """Depths to try, (D,) ascending: even steps of a quarter of a pixel of blur, 1.5 px beyond both ends.

    Pixels of the scale at which detail is read. Never fewer than 9 nor more than 160.
    """
    low, high = float(focus.min()), float(focus.max())
    px = px_per_unit / reading_scale(focus, px_per_unit)
    count = int(np.clip(np.ceil((high - low) * px / _SPACING_PX) + 1, FEWEST_HYPOTHESES, MOST_HYPOTHESES))
    margin = min(_MARGIN_PX / px, (high - low) / 4)
    return np.linspace(low - margin, high + margin, count)


def most_hypotheses(frames: int) -> int:
    """Return how many depths a stack of so many frames may ask for, whatever its blur turns out to be."""
    reach_px = (frames - 1) * _READABLE_STEP_PX + 2 * _MARGIN_PX
    return int(np.clip(np.ceil(reach_px / _SPACING_PX) + 1, FEWEST_HYPOTHESES, MOST_HYPOTHESES))


def widths(scale: float) -> tuple[float, ...]:
    """Return the Gaussians (sigma, px) whose differences are the bands."""
    return tuple(width * scale for width in WIDTHS)


def kernel(sigma: float) -> NDArray[np.float32]:
    """A sampled Gaussian of unit sum, 3 sigma to each side."""
    taps: NDArray[np.float32] = cv2.getGaussianKernel(2 * int(np.ceil(3 * sigma)) + 1, sigma, cv2.CV_32F).ravel()
    return taps


@lru_cache(maxsize=4)
def _plane(scale: float) -> tuple[Floats, Floats, Floats]:
    """Frequencies (F,), transfer of every band there (F, J), and the amplitude that a texture has there (F,)."""
    count = 28
    axis = (np.arange(count) + 0.5) / count * np.pi
    wx, wy = (part.ravel() for part in np.meshgrid(axis, axis))
    w = np.hypot(wx, wy)
    smooth = [np.ones_like(w), *(_transfer(kernel(s), wx) * _transfer(kernel(s), wy) for s in widths(scale))]
    bands = np.stack([a - b for a, b in pairwise(smooth)], 1)
    return w, bands, np.exp(-(w**2) / 8) / (w + 0.1) ** 1.5


def _transfer(taps: NDArray[np.float32], w: Floats) -> Floats:
    reach = len(taps) // 2
    transfer: Floats = (np.cos(np.multiply.outer(w, np.arange(-reach, reach + 1))) * taps).sum(-1)
    return transfer


def combinations(focus: Floats, depths: Floats, px_per_unit: float, scale: float = 1.0) -> NDArray[np.float32]:
    """How to add the bands of all frames for each hypothesis, (D, N, J) float32.

    The ideal combination is a radial filter per frame, disc transfer over the norm of all frames' transfers, times the
    high pass; it is fitted by the J separable bands where textures have their energy. White noise comes out equally
    strong for every hypothesis.
    """
    w, bands, amplitude = _plane(scale)
    weighted = np.linalg.pinv(bands * amplitude[:, None]) * amplitude
    table = _Table(float(np.abs(depths[:, None] - focus).max() * px_per_unit * w.max()))
    out = np.empty((len(depths), len(focus), len(WIDTHS)), np.float32)
    for row, depth in zip(out, depths, strict=True):
        kept = table(np.outer(np.abs(focus - depth) * px_per_unit, w))
        ideal = high_pass(w, scale) * kept / np.maximum(np.sqrt((kept**2).sum(0)), _NOTHING)
        fitted = ideal @ weighted.T
        heard = ((fitted @ bands.T) * kept).sum(0) * amplitude
        wanted = (ideal * kept).sum(0) * amplitude
        row[:] = fitted * np.sqrt((wanted**2).sum() / (heard**2).sum())
    return out


def single_frame(scale: float = 1.0) -> NDArray[np.float32]:
    """How to add the bands of one frame to its high-passed picture, (J,) float32."""
    w, bands, amplitude = _plane(scale)
    fitted: NDArray[np.float32] = (
        np.linalg.pinv(bands * amplitude[:, None]) @ (high_pass(w, scale) * amplitude)
    ).astype(np.float32)
    return fitted


def measure_blur(frames: NDArray[np.uint16], focus: Floats) -> tuple[float, float]:
    """Measure the blur radius in pixels per unit of the axis.

    Args:
        frames: (N, h, w) luminance.
        focus: (N,) blur-linear positions.

    Returns:
        Pixels per unit, and the share of the texture's energy that the model explains with it (0..1; 0 where no
        value stands out, and then the first is a plain guess).
    """
    n = len(focus)
    spread = np.unique(np.linspace(0, n - 1, min(n, _MOST_FRAMES)).round().astype(int))
    # Where frames are so many that those between the picked ones matter, some neighbours tell.
    middle = np.arange(max((n - _MOST_FRAMES) // 2, 0), min((n + _MOST_FRAMES) // 2, n))
    for picked in (spread, middle) if n > _MOST_FRAMES else (spread,):
        found = _measure_at_scales(frames[picked], focus[picked])
        if found is not None:
            return found.px_per_unit, found.explained
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
    kept = _Table(float(defocus.max() * w.max()))(np.multiply.outer(w, defocus))
    kept /= np.maximum(np.sqrt((kept**2).sum(-1, keepdims=True)), _NOTHING)
    energy = (np.abs(kept.astype(np.float32) @ spectra) ** 2).sum(0)
    total = (np.abs(spectra) ** 2).sum((0, 1))
    return float((energy.max(0) / total).mean())

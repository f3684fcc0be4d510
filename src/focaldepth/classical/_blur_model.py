"""Defocus as a linear model: which share of every spatial frequency a frame keeps, given its distance from focus.

A point out of focus is a uniform disc whose radius grows linearly on the blur-linear axis. For a hypothesis of depth,
the coefficients of all frames at one spatial frequency must then be proportional to a known vector: that of the disc's
transfer at each frame. The energy of their projection on that vector is the evidence for the hypothesis; it uses every
frame with its sign, and it does not depend on the picture behind the blur (Favaro & Soatto, A geometric approach to
shape from defocus, IEEE PAMI 27(3), 2005: orthogonal projection). The one constant, blur radius per unit of the axis,
is measured from the stack itself (`_measure_blur`).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WIDTHS = (0.6, 1.0, 1.8, 3.2)
"""Gaussians (sigma, px) whose differences are the bands that every combination of frames is made of."""
_HIGH_PASS = 2.0
_SPACING_PX = 0.25
_MARGIN_PX = 1.5
FEWEST_HYPOTHESES, MOST_HYPOTHESES = 9, 160
_READABLE_STEP_PX = 2 * 3.83 / _HIGH_PASS
"""Half-way between frames whose blur differs by more, no detail at the corner of the high pass is left: the first zero
of the disc's transfer."""
_MOST_SCALE = 8.0
"""Wider blur than is ever measured."""
NOTHING = 1e-9
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


class TransferTable:
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


def combinations(focus: Floats, depths: Floats, px_per_unit: float, scale: float) -> NDArray[np.float32]:
    """How to add the bands of all frames for each hypothesis, (D, N, J) float32.

    The ideal combination is a radial filter per frame, disc transfer over the norm of all frames' transfers, times the
    high pass; it is fitted by the J separable bands where textures have their energy. White noise comes out equally
    strong for every hypothesis.
    """
    w, bands, amplitude = _plane(scale)
    weighted = np.linalg.pinv(bands * amplitude[:, None]) * amplitude
    table = TransferTable(float(np.abs(depths[:, None] - focus).max() * px_per_unit * w.max()))
    out = np.empty((len(depths), len(focus), len(WIDTHS)), np.float32)
    for row, depth in zip(out, depths, strict=True):
        kept = table(np.outer(np.abs(focus - depth) * px_per_unit, w))
        ideal = high_pass(w, scale) * kept / np.maximum(np.sqrt((kept**2).sum(0)), NOTHING)
        fitted = ideal @ weighted.T
        heard = ((fitted @ bands.T) * kept).sum(0) * amplitude
        wanted = (ideal * kept).sum(0) * amplitude
        row[:] = fitted * np.sqrt((wanted**2).sum() / (heard**2).sum())
    return out


def single_frame(scale: float) -> NDArray[np.float32]:
    """How to add the bands of one frame to its high-passed picture, (J,) float32."""
    w, bands, amplitude = _plane(scale)
    fitted: NDArray[np.float32] = (
        np.linalg.pinv(bands * amplitude[:, None]) @ (high_pass(w, scale) * amplitude)
    ).astype(np.float32)
    return fitted

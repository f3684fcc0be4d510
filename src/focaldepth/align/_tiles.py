"""How far each tile of one frame lies from where it should be in another, whatever their blur.

Two frames of a focal stack differ in blur from place to place, so no single gain links them. Each tile is compared
after removing its own mean and contrast, and its displacement maximises its own correlation: the enhanced correlation
coefficient of Evangelidis & Psarakis (2008), tile by tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.align._geometry import Matrix
from focaldepth.align._pyramid import TILE

Plane = NDArray[np.float32]
_EPS = 1e-6


@dataclass(frozen=True)
class Tiles:
    """Local displacements that remain between a reference and a frame under some transform.

    Attributes:
        centre: (K, 2) x and y of tile centres in the reference.
        shift: (K, 2) where the content lies, in reference pixels, relative to where the transform puts it.
        information: (K, 2, 2) inverse covariance of `shift`, from texture and agreement.
        correlation: (K,) correlation of each tile in [-1, 1].
    """

    centre: NDArray[np.float64]
    shift: NDArray[np.float64]
    information: NDArray[np.float64]
    correlation: NDArray[np.float64]

    def take(self, chosen: NDArray[Any]) -> Tiles:
        """Return some of the tiles."""
        return Tiles(self.centre[chosen], self.shift[chosen], self.information[chosen], self.correlation[chosen])

    def __len__(self) -> int:
        return len(self.centre)


def measure(
    reference: Plane,
    frame: Plane,
    transform: Matrix,
    corner: NDArray[np.int64],
    offset: NDArray[np.float64] | None = None,
) -> Tiles:
    """Measure the displacement of tiles; those that seem to have moved by a third of a tile or more are left out.

    Args:
        reference: (H, W) band-passed reference.
        frame: (H, W) band-passed frame.
        transform: reference pixels to frame pixels.
        corner: (K, 2) x and y of the top left pixels of tiles; tiles that leave either picture are left out.
        offset: (K, 2) displacement of each tile known so far; then no tile is left out, and shifts include it.
    """
    size = TILE
    if offset is None:
        corner = _inside(corner, size, transform, reference.shape)
    if not len(corner):
        return Tiles(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros((0, 2, 2)), np.zeros(0))
    a = _cut(reference, corner, size)
    b = _cut_warped(frame, transform, corner if offset is None else corner + offset, size)
    centre = corner.astype(np.float64) + (size - 1) / 2
    shift, information, correlation = _displacement(a, b)
    if offset is not None:
        return Tiles(centre, shift + offset, information, correlation)
    return Tiles(centre, shift, information, correlation).take(np.hypot(*shift.T) < size / 3)


def _inside(corner: NDArray[np.int64], size: int, transform: Matrix, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Keep tiles that lie in the reference and, transformed, in the frame, with a pixel of margin for gradients."""
    h, w = shape
    offset = np.array([[-1, -1], [size, -1], [-1, size], [size, size]])
    at = corner[:, None] + offset
    q = at @ transform[:, :2].T + transform[:, 2]
    p = q[..., :2] / q[..., 2:]
    ok = (at >= 0).all((1, 2)) & (at[..., 0] < w).all(1) & (at[..., 1] < h).all(1)
    ok &= (p >= 0).all((1, 2)) & (p[..., 0] <= w - 1).all(1) & (p[..., 1] <= h - 1).all(1)
    kept: NDArray[np.int64] = corner[ok]
    return kept


def _cut(image: Plane, corner: NDArray[np.int64], size: int) -> Plane:
    """Return tiles with one pixel of margin, (K, size + 2, size + 2)."""
    step = np.arange(-1, size + 1)
    tiles: Plane = image[(corner[:, 1, None] + step)[:, :, None], (corner[:, 0, None] + step)[:, None, :]]
    return tiles


def _cut_warped(image: Plane, transform: Matrix, corner: NDArray[Any], size: int) -> Plane:
    step = np.arange(-1, size + 1)
    x = (corner[:, 0, None] + step)[:, None, :]
    y = (corner[:, 1, None] + step)[:, :, None]
    t = transform
    depth = t[2, 0] * x + t[2, 1] * y + t[2, 2]
    u = ((t[0, 0] * x + t[0, 1] * y + t[0, 2]) / depth).astype(np.float32)
    v = ((t[1, 0] * x + t[1, 1] * y + t[1, 2]) / depth).astype(np.float32)
    k, n = len(corner), size + 2
    # cv2.remap takes pictures of at most 32767 rows
    rows = max(1, 32000 // n)
    parts = [
        cv2.remap(image, u[i : i + rows].reshape(-1, n), v[i : i + rows].reshape(-1, n), cv2.INTER_LINEAR)
        for i in range(0, k, rows)
    ]
    out: Plane = np.concatenate(parts).reshape(k, n, n)
    return out


def _displacement(a: Plane, b: Plane) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return shift, information and correlation of tile pairs with margin."""
    za, zb = _standard(a), _standard(b)
    mean = (za + zb) / 2
    k = len(a)
    inner = mean[:, 1:-1, 1:-1].reshape(k, -1)
    gx = ((mean[:, 1:-1, 2:] - mean[:, 1:-1, :-2]) / 2).reshape(k, -1)
    gy = ((mean[:, 2:, 1:-1] - mean[:, :-2, 1:-1]) / 2).reshape(k, -1)
    za, zb = za[:, 1:-1, 1:-1].reshape(k, -1), zb[:, 1:-1, 1:-1].reshape(k, -1)
    correlation = np.einsum("kp,kp->k", za, zb)
    # A change along the tile itself or of its mean is contrast or brightness, not motion: take it out of gradients.
    energy = np.einsum("kp,kp->k", inner, inner) + _EPS
    gx, gy = (
        g - g.mean(1, keepdims=True) - inner * (np.einsum("kp,kp->k", g, inner) / energy)[:, None] for g in (gx, gy)
    )
    diff = za - zb
    hxx, hxy, hyy = (np.einsum("kp,kp->k", p, q).astype(float) for p, q in ((gx, gx), (gx, gy), (gy, gy)))
    bx, by = np.einsum("kp,kp->k", gx, diff).astype(float), np.einsum("kp,kp->k", gy, diff).astype(float)
    hxx, hyy = hxx + _EPS, hyy + _EPS
    det = hxx * hyy - hxy * hxy
    shift = np.stack([hyy * bx - hxy * by, hxx * by - hxy * bx], -1) / det[:, None]
    hessian = np.stack([np.stack([hxx, hxy], -1), np.stack([hxy, hyy], -1)], -2)
    # diff holds noise of variance 2 (1 - correlation) / P per pixel; information is hessian over it.
    good = np.clip(correlation, 0, 1).astype(float)
    noise = np.maximum(2 * (1 - good), 0.02) / inner.shape[1]
    return shift, hessian * (good**2 / noise)[:, None, None], correlation.astype(float)


def _standard(tile: Plane) -> Plane:
    """Remove the mean of the inner part and bring its norm to 1."""
    inner = tile[:, 1:-1, 1:-1]
    out = tile - inner.mean((1, 2), keepdims=True)
    norm = np.sqrt(np.einsum("kij,kij->k", out[:, 1:-1, 1:-1], out[:, 1:-1, 1:-1]))
    z: Plane = out / (norm + _EPS)[:, None, None]
    return z

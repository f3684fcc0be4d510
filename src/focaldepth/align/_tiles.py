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
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from focaldepth.align._geometry import Matrix
from focaldepth.align._pyramid import TILE

Plane = NDArray[np.float32]
_EPS = 1e-6
_SIDE = TILE + 2
"""Tiles are cut with one pixel of margin, for gradients."""
_FIRST, _LAST = _SIDE + 1, _SIDE * _SIDE - _SIDE - 1
"""A cut tile is a row of SIDE^2 pixels; between these lie its inner ones, with two margin pixels after each line."""
_INNER = np.pad(np.ones((TILE, TILE), np.float32), 1).ravel()


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

    def replaced(self, at: NDArray[np.intp], others: Tiles) -> Tiles:
        """Return the tiles with those at some indices replaced by others."""
        centre, shift, information, correlation = (
            part.copy() for part in (self.centre, self.shift, self.information, self.correlation)
        )
        centre[at], shift[at], information[at] = others.centre, others.shift, others.information
        correlation[at] = others.correlation
        return Tiles(centre, shift, information, correlation)

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
        transform: reference pixels to frame pixels, affine.
        corner: (K, 2) x and y of the top left pixels of tiles; tiles that leave either picture are left out.
        offset: (K, 2) displacement of each tile known so far; then no tile is left out, and shifts include it.
    """
    if offset is None:
        corner = _inside(corner, transform, reference.shape)
    if not len(corner):
        return Tiles(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros((0, 2, 2)), np.zeros(0))
    a = sliding_window_view(reference, (_SIDE, _SIDE))[corner[:, 1] - 1, corner[:, 0] - 1]
    b = _cut_warped(frame, transform, corner if offset is None else corner + offset)
    centre = corner.astype(np.float64) + (TILE - 1) / 2
    shift, information, correlation = _displacement(a.reshape(len(corner), -1), b)
    if offset is not None:
        return Tiles(centre, shift + offset, information, correlation)
    return Tiles(centre, shift, information, correlation).take(np.hypot(*shift.T) < TILE / 3)


def _inside(corner: NDArray[np.int64], transform: Matrix, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Keep tiles that lie in the reference and, transformed, in the frame, with a pixel of margin for gradients."""
    last = np.array(shape[1::-1]) - 1
    margin = np.array([[-1, -1], [TILE, -1], [-1, TILE], [TILE, TILE]])
    moved = margin @ transform[:2, :2].T
    at = corner @ transform[:2, :2].T + transform[:2, 2]
    ok = (corner >= 1) & (corner + TILE <= last) & (at + moved.min(0) >= 0) & (at + moved.max(0) <= last)
    kept: NDArray[np.int64] = corner[ok.all(1)]
    return kept


def _cut_warped(image: Plane, transform: Matrix, corner: NDArray[Any]) -> Plane:
    """Return tiles of the transformed picture with their margin, (K, SIDE^2)."""
    y, x = np.divmod(np.arange(_SIDE * _SIDE), _SIDE) - np.ones((2, 1))
    k = len(corner)
    maps = np.empty((2, k, _SIDE * _SIDE), np.float32)
    for to, (along_x, along_y, shift) in zip(maps, transform[:2], strict=True):
        start = along_x * corner[:, 0] + along_y * corner[:, 1] + shift
        np.add(start[:, None], along_x * x + along_y * y, out=to, casting="same_kind")
    # cv2.remap takes pictures of at most 32767 rows
    rows = 32000
    parts = [
        cv2.remap(image, maps[0, i : i + rows], maps[1, i : i + rows], cv2.INTER_LINEAR) for i in range(0, k, rows)
    ]
    out: Plane = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return out


def _displacement(a: Plane, b: Plane) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return shift, information and correlation of pairs of tiles with margin, (K, SIDE^2) each."""
    za, zb = _standard(a), _standard(b)
    inner = _INNER[_FIRST:_LAST]
    total, diff = za + zb, (za - zb)[:, _FIRST:_LAST]
    # gradients of the mean of both, from the pixels beside, above and below
    gx = total[:, _FIRST + 1 : _LAST + 1] - total[:, _FIRST - 1 : _LAST - 1]
    gy = total[:, _FIRST + _SIDE : _LAST + _SIDE] - total[:, _FIRST - _SIDE : _LAST - _SIDE]
    gx *= inner / 4
    gy *= inner / 4
    mean = total[:, _FIRST:_LAST] * (inner / 2)
    correlation = _dot(za[:, _FIRST:_LAST] * inner, zb[:, _FIRST:_LAST])
    bx, by = _dot(gx, diff), _dot(gy, diff)
    # A change along the tile itself or of its mean is contrast or brightness, not motion: take it out of gradients.
    energy = _dot(mean, mean) + _EPS
    ax, ay, sx, sy = _dot(gx, mean), _dot(gy, mean), _dot(gx, inner), _dot(gy, inner)
    hxx, hxy, hyy = (
        _dot(p, q) - ap * aq / energy - sp * sq / TILE**2
        for p, q, ap, aq, sp, sq in ((gx, gx, ax, ax, sx, sx), (gx, gy, ax, ay, sx, sy), (gy, gy, ay, ay, sy, sy))
    )
    hxx, hyy = hxx + _EPS, hyy + _EPS
    det = hxx * hyy - hxy * hxy
    shift = np.stack([hyy * bx - hxy * by, hxx * by - hxy * bx], -1) / det[:, None]
    hessian = np.stack([hxx, hxy, hxy, hyy], -1).reshape(-1, 2, 2)
    # diff holds noise of variance 2 (1 - correlation) / P per pixel; information is hessian over it.
    good = np.clip(correlation, 0, 1)
    noise = np.maximum(2 * (1 - good), 0.02) / TILE**2
    return shift, hessian * (good**2 / noise)[:, None, None], correlation


def _dot(p: NDArray[Any], q: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sum over the pixels of each tile of the product of two pictures, (K,)."""
    return np.asarray(np.einsum("kp,kp->k" if q.ndim == 2 else "kp,p->k", p, q), np.float64)


def _standard(tile: Plane) -> Plane:
    """Remove the mean of the inner part of tiles (K, SIDE^2) and bring its norm to 1."""
    out = tile - (tile @ (_INNER / TILE**2))[:, None]
    inner = out * _INNER
    z: Plane = out * (1 / (np.sqrt(np.einsum("kp,kp->k", inner, inner)) + _EPS))[:, None]
    return z

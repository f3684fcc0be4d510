"""The all-in-focus picture, built while frames go by."""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane, enlarge_part
from focaldepth.core.stack import Frame

_STRIP = 16
_TILE = np.array([32, 1024])
_NEGLIGIBLE = 1 / 64
_COARSE = 8
_TINY = np.float32(1e-6)


class Fuser(Protocol):
    """Takes frames with their score on a grid and ends with a picture.

    Attributes:
        picked: frame of every grid pixel; None where it is the one with the highest score.
    """

    picked: NDArray[np.int16] | None

    def update(self, frame: Frame, score: Plane, higher: NDArray[np.uint8]) -> None:
        """Take the next frame; `score` and `higher` (255 = highest so far) lie on the grid."""

    def finish(self) -> Frame:
        """Return the picture in the dtype of the frames."""


class ColourFuser:
    """Every pixel comes unchanged from the frame that is sharpest there."""

    picked: NDArray[np.int16] | None = None

    def __init__(self, shape: tuple[int, int, int], dtype: np.dtype[Any], factor: int) -> None:
        self._picture = np.zeros(shape, dtype)
        self._factor = factor

    def update(self, frame: Frame, score: Plane, higher: NDArray[np.uint8]) -> None:
        """Copy the pixels that are sharper here than in all frames before."""
        h, w, c = self._picture.shape
        rows, cols = higher.shape
        size = (cols * self._factor, rows * self._factor)
        mask = cv2.resize(higher, size, interpolation=cv2.INTER_NEAREST)[:h, :w]
        target = self._picture if c > 1 else self._picture[..., 0]
        cv2.copyTo(frame if c > 1 else frame[..., 0], np.ascontiguousarray(mask), target)

    def finish(self) -> Frame:
        """Return the picture."""
        return self._picture


class MultibandFuser:
    """Frames weighed by score^8: fine detail at full resolution, everything coarser in a pyramid of its own.

    Fine detail is a running weighted mean. Below 1/8 resolution each band of a Laplacian pyramid has its own, wider
    weights (Burt & Adelson 1983), so that seams of brightness spread over their own size.
    """

    picked: NDArray[np.int16] | None = None

    def __init__(self, shape: tuple[int, int, int], dtype: np.dtype[Any], factor: int) -> None:
        self._shape, self._dtype, self._factor = shape, dtype, factor
        h, w, c = shape
        self._picture = np.zeros((h, w, c), np.float32)
        self._piece = np.empty((*_TILE, c), np.float32)
        self._total: Plane | None = None
        self._top: Plane | None = None
        self._bands = _BandBlend(_levels(h, w))

    def update(self, frame: Frame, score: Plane, higher: NDArray[np.uint8]) -> None:
        """Blend one more frame in."""
        share = self._share(score)
        h, w, _ = self._shape
        for y, x in np.argwhere(_tile_peaks(share, self._factor) >= _NEGLIGIBLE) * _TILE:
            rows, cols = slice(y, min(y + _TILE[0], h)), slice(x, min(x + _TILE[1], w))
            part = enlarge_part(share, rows, cols, self._factor)
            target = self._picture[rows, cols]
            piece = self._piece[: target.shape[0], : target.shape[1]]
            np.copyto(piece, frame[rows, cols])
            cv2.blendLinear(target, piece, 1 - part, part, dst=target)
        self._bands.update(_reduced(frame), score)

    def _share(self, score: Plane) -> Plane:
        """Share of this frame in the running mean; weights are kept relative to the highest score so far."""
        if self._total is None or self._top is None:
            self._top, self._total = np.maximum(score, _TINY), np.ones_like(score)
            return np.ones_like(score)
        share = np.empty_like(score)
        for y in range(0, len(score), _STRIP):
            rows = slice(y, y + _STRIP)
            new = np.maximum(score[rows], _TINY)
            old, total = self._top[rows], self._total[rows]
            top = np.maximum(old, new)
            total *= _power(old, top)
            weight = _power(new, top)
            total += weight
            old[:] = top
            np.divide(weight, total, out=share[rows])
        return share

    def finish(self) -> Frame:
        """Return the blended picture in the dtype of the frames."""
        h, w, _ = self._shape
        correction = self._bands.finish() - _reduced(self._picture)
        for divisor in (_COARSE // 2, _COARSE // 4):
            correction = _up(correction, -(-h // divisor), -(-w // divisor))
        out: Frame = np.empty(self._shape, self._dtype)
        for y in range(0, h, _STRIP):
            rows = slice(y, min(y + _STRIP, h))
            wide = self._picture[rows] + _up_rows(correction, rows, h, w)
            out[rows] = as_dtype(wide, self._dtype)
        return out


class _BandBlend:
    """Laplacian pyramid whose bands are running weighted means."""

    def __init__(self, levels: int) -> None:
        self._levels = levels
        self._sums: list[NDArray[np.float32]] = []
        self._weights: list[Plane] = []
        self._top: list[Plane] = []

    def update(self, picture: NDArray[np.float32], score: Plane) -> None:
        h, w, _ = picture.shape
        score = np.maximum(cv2.resize(score, (w, h), interpolation=cv2.INTER_AREA), np.float32(1e-6))
        for level in range(self._levels + 1):
            if level < self._levels:
                below = _down(picture)
                band = picture - _up(below, *picture.shape[:2])
            else:
                below, band = picture, picture
            self._add(level, band.astype(np.float32, copy=False), score)
            picture, score = below, cv2.pyrDown(score) if level < self._levels else score

    def _add(self, level: int, band: NDArray[np.float32], score: Plane) -> None:
        if level == len(self._sums):
            self._sums.append(band.copy())
            self._weights.append(np.ones_like(score))
            self._top.append(score)
            return
        top = np.maximum(self._top[level], score)
        fade = _power(self._top[level], top)
        weight = _power(score, top)
        self._sums[level] = self._sums[level] * fade[..., None] + band * weight[..., None]
        self._weights[level] = self._weights[level] * fade + weight
        self._top[level] = top.astype(np.float32, copy=False)

    def finish(self) -> NDArray[np.float32]:
        bands = [s / w[..., None] for s, w in zip(self._sums, self._weights, strict=True)]
        picture = bands[-1]
        for band in reversed(bands[:-1]):
            picture = _up(picture, *band.shape[:2]) + band
        return picture


def _power(score: Plane, top: Plane) -> Plane:
    """(score / top)^8 by squaring."""
    ratio = np.divide(score, top, dtype=np.float32)
    for _ in range(3):
        np.multiply(ratio, ratio, out=ratio)
    return ratio


def _levels(h: int, w: int) -> int:
    """Bands below 1/8 resolution: three, fewer for small pictures."""
    return int(np.clip(np.log2(max(min(h, w) / (8 * _COARSE), 1)), 0, 3))


def _reduced(frame: Frame) -> NDArray[np.float32]:
    """The frame at 1/8 resolution, block means, (ceil, ceil, C) float32."""
    h, w, _ = frame.shape
    pad_y, pad_x = -h % _COARSE, -w % _COARSE
    padded = cv2.copyMakeBorder(frame, 0, pad_y, 0, pad_x, cv2.BORDER_REPLICATE) if pad_y or pad_x else frame
    size = (-(-w // _COARSE), -(-h // _COARSE))
    small: NDArray[Any] = cv2.resize(padded, size, interpolation=cv2.INTER_AREA)
    return (small if small.ndim == 3 else small[..., None]).astype(np.float32)


def _down(picture: NDArray[Any]) -> NDArray[Any]:
    small: NDArray[Any] = cv2.pyrDown(picture)
    return small if small.ndim == 3 else small[..., None]


def _up(picture: NDArray[Any], h: int, w: int) -> NDArray[Any]:
    big: NDArray[Any] = cv2.pyrUp(picture, dstsize=(w, h))
    return big if big.ndim == 3 else big[..., None]


def _tile_peaks(share: Plane, factor: int) -> Plane:
    """Highest share in every tile, so that tiles without a say are skipped; shares are smooth, half are read."""
    thin = share[::2, ::2]
    rows, cols = (-(-t // (2 * factor)) for t in _TILE)
    pad_y, pad_x = -thin.shape[0] % rows, -thin.shape[1] % cols
    padded = cv2.copyMakeBorder(thin, 0, pad_y, 0, pad_x, cv2.BORDER_REPLICATE)
    tiles = padded.reshape(padded.shape[0] // rows, rows, padded.shape[1] // cols, cols)
    peaks: Plane = tiles.max(1).max(2)
    return peaks


def _up_rows(half: NDArray[np.float32], rows: slice, h: int, w: int) -> NDArray[np.float32]:
    """Some rows of the doubled picture; two rows beside them take part."""
    first, last = max(rows.start // 2 - 2, 0), min(-(-rows.stop // 2) + 2, half.shape[0])
    part = _up(half[first:last], min(2 * (last - first), h - 2 * first), w)
    inner: NDArray[np.float32] = part[rows.start - 2 * first : rows.stop - 2 * first]
    return inner


def as_dtype(values: NDArray[np.float32], dtype: np.dtype[Any]) -> Frame:
    """Return a picture in the dtype of the frames: rounded and cut for whole numbers."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    return np.clip(np.rint(values), 0, np.iinfo(dtype).max).astype(dtype)


FUSERS: dict[str, type[MultibandFuser] | type[ColourFuser]] = {"multiband": MultibandFuser, "colour": ColourFuser}

"""Pictures in tiles: where they lie, how they are cut with their margins, and how results grow together again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.networks._spec import Limits, Padding

Offsets = NDArray[np.int64]


@dataclass(frozen=True)
class Tiling:
    """Equal tiles over a picture that was padded right and below to multiples of the stride.

    Attributes:
        height, width: of the picture, without padding.
        side: (h, w) of every tile, multiples of the stride.
        rows, columns: where tiles begin, multiples of the stride.
        overlap: least overlap of neighbours.
    """

    height: int
    width: int
    side: tuple[int, int]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    overlap: int

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    @property
    def corners(self) -> list[tuple[int, int]]:
        """(row, column) of the first pixel of every tile."""
        return [(y, x) for y in self.rows for x in self.columns]

    def weight(self, y: int, x: int) -> NDArray[np.float32]:
        """Return how much the tile at (y, x) counts at its pixels inside the picture, (h, w) in 0..1.

        Beside a neighbour a quarter of the overlap does not count (there the network sees an edge that is none), and
        over the middle half the tile fades out.
        """
        down = self._ramp(y, self.side[0], self.rows[-1])[: self.height - y]
        across = self._ramp(x, self.side[1], self.columns[-1])[: self.width - x]
        return down[:, None] * across[None]

    def _ramp(self, start: int, length: int, last: int) -> NDArray[np.float32]:
        ramp = np.ones(length, np.float32)
        distance = np.arange(length, dtype=np.float32) + 0.5
        for inner, far in ((start > 0, distance), (start < last, distance[::-1])):
            if inner:
                ramp *= np.clip((far - self.overlap / 4) / (self.overlap / 2), 0, 1)
        return ramp


def padded(height: int, width: int, limits: Limits) -> tuple[int, int]:
    """Return the size after padding: multiples of the stride, at least the smallest side."""
    return _up(max(height, limits.min_side), limits.stride), _up(max(width, limits.min_side), limits.stride)


def smallest(limits: Limits, overlap: int) -> int:
    """Return the side of the smallest tile that leaves more than its overlaps."""
    return _up(max(limits.min_side, 2 * overlap + limits.stride), limits.stride)


def tile(height: int, width: int, limits: Limits, overlap: int, area: float) -> Tiling | None:
    """Return the tiling of least work whose tiles have at most `area` pixels; None where not even the smallest fit."""
    full = padded(height, width, limits)
    least = smallest(limits, overlap)
    best: tuple[int, Tiling] | None = None
    for h in _sides(full[0], least, overlap, limits.stride):
        for w in _sides(full[1], least, overlap, limits.stride):
            if h * w > area:
                continue
            rows, columns = _starts(full[0], h, overlap, limits.stride), _starts(full[1], w, overlap, limits.stride)
            work = len(rows) * len(columns) * h * w
            if best is None or work < best[0]:
                best = work, Tiling(height, width, (h, w), rows, columns, overlap)
    return None if best is None else best[1]


def _sides(full: int, least: int, overlap: int, stride: int) -> list[int]:
    """Sides with which 1, 2, 3 ... tiles cover a length."""
    found = [full]
    count = 2
    while found[-1] > least and count < 400:
        side = _up(-(-(full + (count - 1) * (overlap + stride)) // count), stride)
        found.append(max(side, least))
        count += 1
    return sorted({side for side in found if side <= full})


def _starts(full: int, side: int, overlap: int, stride: int) -> tuple[int, ...]:
    """Where tiles of a side begin so that neighbours overlap enough and the last ends at the end."""
    step = (side - overlap) // stride * stride
    count = 1 if side >= full else 1 + -(-(full - side) // step)
    return tuple(round(i * (full - side) / max(count - 1, 1) / stride) * stride for i in range(count))


def _up(number: int, stride: int) -> int:
    return -(-number // stride) * stride


def cut(frame: NDArray[Any], y: int, x: int, side: tuple[int, int], padding: Padding) -> NDArray[Any]:
    """Return the tile at (y, x) of a frame (H, W, C); what lies outside is mirrored or black."""
    height, width = frame.shape[:2]
    inside = frame[y : y + side[0], x : x + side[1]]
    if inside.shape[:2] == side:
        return inside
    if padding is Padding.BLACK:
        missing = [(0, full - there) for full, there in zip(side, inside.shape[:2], strict=True)]
        return np.pad(inside, [*missing, (0, 0)])
    rows, columns = mirrored(y, side[0], height), mirrored(x, side[1], width)
    return frame[rows[:, None], columns[None]]


def mirrored(start: int, length: int, size: int) -> Offsets:
    """Return the indices of a run that is reflected at both ends of 0..size-1, without repeating the last one.

    >>> mirrored(2, 5, 4)
    array([2, 3, 2, 1, 0])
    """
    if size == 1:
        return np.zeros(length, np.int64)
    period = 2 * (size - 1)
    at = np.arange(start, start + length) % period
    return np.where(at < size, at, period - at)

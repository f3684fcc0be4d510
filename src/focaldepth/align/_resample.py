"""Cubic resampling under transforms that hardly turn the picture: what a warp gives but for rounding, at half its cost.

A warp finds sixteen weights for every pixel. Along a single axis all lines share their weights, and resizing makes use
of that. An affine transform is two such passes, first along rows, then along columns (Catmull & Smith 1980), each cut
into strips across which its shear moves no sample by more than 1/32 px.

Resizing begins at a fixed fraction of a pixel: sample j lies at (j + 1/2) scale - 1/2. From one sample to the next the
fraction changes by scale - 1, so any other one is met by beginning some samples early and dropping those.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.align._geometry import Matrix
from focaldepth.core.stack import Frame

T = TypeVar("T")
_STEP = 1 / 32
"""Samples lie this far apart at most from where they should, measured over a strip or a block."""
_MOST_ROWS, _MOST_COLUMNS = 64, 256
"""So many rows stay in the cache; so many columns are long enough pieces of each row."""
_LEAST_LINES = 40
"""With narrower strips a warp is as fast."""
_LEAST_BLOCK = 64
_SHARPNESS = -0.75
"""Slope of the cubic kernel at 1 (Keys 1981: a), that of OpenCV."""


def resampled(frame: Frame, transform: Matrix, size: tuple[int, int]) -> Frame | None:
    """Return a picture seen through an affine transform; None where a warp would be as fast.

    Args:
        frame: (H, W, C) uint8, uint16 or float32.
        transform: (3, 3) pixels of the result to pixels of `frame`; outside of it the nearest pixels are repeated.
        size: rows and columns (h, w) of the result.

    >>> ramp = np.arange(200, dtype=np.float32).reshape(1, 200, 1).repeat(100, 0)
    >>> half = resampled(ramp, np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1.0]]), (100, 190))
    >>> half[50, 10:13, 0]
    array([10.5, 11.5, 12.5], dtype=float32)
    """
    h, w = size
    (a, b, c), (d, e, f) = transform[:2] / transform[2, 2]
    corner_rows = [d * x + e * y + f for x in (0, w - 1) for y in (0, h - 1)]
    first = int(np.clip(min(corner_rows) - 2, 0, frame.shape[0] - 1))
    last = int(np.clip(max(corner_rows) + 4, first + 1, frame.shape[0]))
    # Rows are resampled where they were taken: there, y of the result is (row - d x - f) / e.
    along_rows = _Pass(1, _MOST_ROWS, a - b * d / e, b / e, c + (first - f) * b / e)
    along_columns = _Pass(0, _MOST_COLUMNS, e, d, f - first)
    if not (along_rows.pays(w) and along_columns.pays(h)):
        return None
    source = frame[first:last, :, 0] if frame.shape[2] == 1 else frame[first:last]
    # One array serves both passes: a pass looks at no other line than the one it writes.
    both = np.empty((max(h, last - first), w, *source.shape[2:]), frame.dtype)
    along_rows.run(source, both[: last - first])
    along_columns.run(both[: last - first], both[:h])
    return both[:h].reshape(h, w, frame.shape[2])


@dataclass(frozen=True)
class _Pass:
    """Resampling along one axis: sample i of line j lies at scale i + shear j + offset of that line.

    Attributes:
        axis: 1 = lines are rows, 0 = lines are columns.
        most: lines of a strip at most.
        scale, shear, offset: where samples lie, in pixels.
    """

    axis: int
    most: int
    scale: float
    shear: float
    offset: float

    def pays(self, length: int) -> bool:
        """Return whether lines of so many samples can be resampled in pieces that are large enough."""
        large = self._meets_all(length) or self._block >= min(_LEAST_BLOCK, length)
        return 0.5 < self.scale < 2 and self._lines >= _LEAST_LINES and large

    def run(self, source: Frame, out: Frame) -> None:
        """Fill `out` with the samples of all lines of `source`, which may be the same array."""
        lines, length = out.shape[1 - self.axis], out.shape[self.axis]
        count = -(-lines // int(min(self._lines, self.most)))
        edges = [lines * k // count for k in range(count + 1)]
        step = length if self._meets_all(length) else int(min(self._block, length))
        read = self._resized if self._meets_all(length) else self._shifted
        for first, last in pairwise(edges):
            strip = source[self._part(slice(None), slice(first, last))]
            start = self.offset + self.shear * (first + last - 1) / 2
            pieces = [read(strip, start, i, min(i + step, length)) for i in range(0, length, step)]
            target = self._part(slice(None), slice(first, last))
            out[target] = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, self.axis)

    @property
    def _lines(self) -> float:
        """Lines of a strip."""
        return _STEP / max(abs(self.shear), 1e-9)

    @property
    def _block(self) -> float:
        """Samples over which the fraction of a pixel hardly changes."""
        return _STEP / max(abs(self.scale - 1), 1e-9)

    def _meets_all(self, length: int) -> bool:
        """Return whether some of the samples up to half a line early meets every fraction of a pixel."""
        fractions = np.sort(self._early(length) % 1)
        return bool(np.diff(fractions, append=fractions[0] + 1).max() <= _STEP)

    def _early(self, length: int) -> NDArray[np.float64]:
        """Return where resizing puts its first samples; the kernel reaches beyond the very first ones."""
        early = np.arange(2, length // 2 + 3, dtype=np.float64)
        return (early + 0.5) * self.scale - 0.5

    def _resized(self, lines: Frame, start: float, i: int, j: int) -> Frame:
        """Return samples i to j of lines, by beginning early and dropping the surplus."""
        begin = start + self.scale * i - self._early(j)
        chosen = int((np.abs(begin - np.rint(begin)) <= _STEP / 2).argmax())
        surplus = chosen + 2
        needed = int(np.ceil((surplus + j - i) * self.scale)) + 3
        part = self._cut(lines, round(begin[chosen]), needed)
        zoom = self._part(1 / self.scale, 1.0)
        out: Frame = cv2.resize(part, None, fx=zoom[1], fy=zoom[0], interpolation=cv2.INTER_CUBIC)
        return out[self._part(slice(surplus, surplus + j - i), slice(None))]

    def _shifted(self, lines: Frame, start: float, i: int, j: int) -> Frame:
        """Return samples i to j of lines, all at the fraction of a pixel of the middle one."""
        shift = start + (self.scale - 1) * (i + j - 1) / 2
        whole = int(np.floor(shift))
        kernel = _cubic(shift - whole).reshape(self._part(4, 1))
        part = self._cut(lines, i + whole - 1, j - i + 3)
        out: Frame = cv2.filter2D(part, -1, kernel, anchor=(1, 0) if self.axis else (0, 1))
        return out[self._part(slice(1, -2), slice(None))]

    def _cut(self, lines: Frame, begin: int, count: int) -> Frame:
        """Return `count` pixels of lines; before the first and behind the last that one is repeated."""
        size = lines.shape[self.axis]
        first, last = min(max(begin, 0), size - 1), max(min(begin + count, size), 1)
        part = lines[self._part(slice(first, last), slice(None))]
        missing = count - (last - first)
        if not missing:
            return part
        before = min(max(first - begin, 0), missing)
        (top, left), (bottom, right) = self._part(before, 0), self._part(missing - before, 0)
        wide: Frame = cv2.copyMakeBorder(part, top, bottom, left, right, cv2.BORDER_REPLICATE)
        return wide

    def _part(self, along: T, across: T) -> tuple[T, T]:
        """Return what concerns rows and what concerns columns."""
        return (across, along) if self.axis else (along, across)


def _cubic(fraction: float) -> NDArray[np.float32]:
    """Return the weights of the pixels at -1, 0, 1 and 2 for a sample at a fraction of a pixel (Keys 1981, eq. 4)."""
    a, near, far = _SHARPNESS, np.array([fraction, 1 - fraction]), np.array([1 + fraction, 2 - fraction])
    inner = (a + 2) * near**3 - (a + 3) * near**2 + 1
    outer = a * (far**3 - 5 * far**2 + 8 * far - 4)
    return np.array([outer[0], *inner, outer[1]], np.float32)

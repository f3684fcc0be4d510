"""Frames brought into the reference geometry on reading; what no frame pixel feeds is masked, never invented."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.align._geometry import Matrix, rescaled
from focaldepth.align._resample import resampled
from focaldepth.core.errors import AlignmentError
from focaldepth.core.stack import DerivedSource, Frame

INTERPOLATIONS = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}
"""Ways to read between pixels. Linear takes away detail, more at half pixels than at whole ones, which focus measures
notice as a pattern; cubic keeps it and takes 2.7 times as long, or 1.4 times where frames hardly turn (_resample.py);
Lanczos takes 10 times as long."""
_TOUCH = 1e-6
"""A place this little outside the outermost pixel centres counts as on them."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the reference: first row and column, number of rows and columns."""

    y: int
    x: int
    h: int
    w: int

    @property
    def shift(self) -> Matrix:
        """Pixels of the window to pixels of the reference."""
        return np.array([[1, 0, self.x], [0, 1, self.y], [0, 0, 1.0]])


@dataclass(frozen=True)
class WarpedSource(DerivedSource):
    """Another source seen through one transform per frame.

    Attributes:
        base: the frames as they were taken.
        transforms: (N, 3, 3) reference pixels to frame pixels.
        window: part of the reference that is shown.
        interpolation: a key of INTERPOLATIONS.
    """

    transforms: NDArray[np.float64]
    window: Window
    interpolation: str = "cubic"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        return self.window.h, self.window.w, self.base.shape[2]

    def read(self, i: int) -> Frame:
        """Return frame i in the reference geometry; outside its coverage the nearest pixels are repeated."""
        return self._warp(self.base.read(i), self._transform(i), (self.window.h, self.window.w), self.interpolation)

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced, in the reference geometry."""
        small = self.base.preview(i, factor)
        size = (-(-self.window.h // factor), -(-self.window.w // factor))
        return self._warp(small, rescaled(self._transform(i), 1 / factor), size, "linear")

    def coverage(self, i: int) -> NDArray[np.bool_] | None:
        """Return where frame i shows the scene: where a pixel centre falls between pixel centres that were taken."""
        t, base = self._transform(i), self.base.coverage(i)
        h, w, _ = self.base.shape
        mask = inside(t, (h, w), (self.window.h, self.window.w))
        if base is not None:
            # any share of a pixel that was not covered makes the result uncovered
            seen = self._warp(base[..., None].astype(np.float32), t, mask.shape, "linear")[..., 0]
            mask &= seen > 1 - 1e-4
        return None if mask.all() else mask

    def _transform(self, i: int) -> Matrix:
        t: Matrix = self.transforms[i] @ self.window.shift
        return t

    def _warp(self, frame: Frame, t: Matrix, size: tuple[int, int], interpolation: str) -> Frame:
        h, w = size
        if (t[:2, :2] == np.eye(2)).all() and (t[2] == [0, 0, 1]).all() and (t[:2, 2] % 1 == 0).all():
            x, y = int(t[0, 2]), int(t[1, 2])
            if 0 <= x <= frame.shape[1] - w and 0 <= y <= frame.shape[0] - h:
                part: Frame = np.ascontiguousarray(frame[y : y + h, x : x + w])
                return part
        flags = INTERPOLATIONS[interpolation] | cv2.WARP_INVERSE_MAP
        edge = cv2.BORDER_REPLICATE
        if (t[2, :2] == 0).all():
            quick = resampled(frame, t, size) if interpolation == "cubic" else None
            if quick is not None:
                return quick
            out = cv2.warpAffine(frame, t[:2] / t[2, 2], (w, h), flags=flags, borderMode=edge)
        else:
            out = cv2.warpPerspective(frame, t, (w, h), flags=flags, borderMode=edge)
        warped: Frame = out.reshape(h, w, frame.shape[2])
        return warped


def inside(transform: Matrix, source: tuple[int, int], target: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (h, w) where transformed pixel centres of the target lie on or between pixel centres of the source."""
    h, w = target
    first, last = _row_limits(transform, source, h)
    start = np.clip(np.ceil(first), 0, w).astype(int).tolist()
    stop = np.clip(np.floor(last) + 1, 0, w).astype(int).tolist()
    mask = np.zeros((h, w), bool)
    # ten times as fast as comparing every column number
    for row, begin, end in zip(mask, start, stop, strict=True):
        row[begin:end] = True
    return mask


def _row_limits(
    transform: Matrix, source: tuple[int, int], rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the first and the last column (fractions) of every row that land inside the source.

    Each side of the source is a straight line in the target: a x + b y + c >= 0.
    """
    h, w = source
    t = transform / transform[2, 2]
    sides = [t[0] + _TOUCH * t[2], (w - 1 + _TOUCH) * t[2] - t[0], t[1] + _TOUCH * t[2], (h - 1 + _TOUCH) * t[2] - t[1]]
    y = np.arange(rows, dtype=np.float64)
    first, last = np.full(rows, -np.inf), np.full(rows, np.inf)
    for a, b, c in [*sides, t[2] - [0, 0, 1e-9]]:
        rest = b * y + c
        if abs(a) < 1e-12:
            last[rest < 0] = -np.inf
        elif a > 0:
            first = np.maximum(first, -rest / a)
        else:
            last = np.minimum(last, -rest / a)
    return first, last


def common_window(transforms: NDArray[np.float64], shape: tuple[int, int]) -> Window:
    """Return the largest rectangle of the reference that every frame covers.

    Raises:
        AlignmentError: no pixel is covered by all frames.
    """
    h, w = shape
    limits = [_row_limits(t, shape, h) for t in transforms]
    first = np.maximum(np.ceil(np.max([f for f, _ in limits], axis=0)), 0)
    last = np.minimum(np.floor(np.min([e for _, e in limits], axis=0)), w - 1)
    rows = np.flatnonzero(last >= first)
    if not rows.size:
        raise AlignmentError(
            "the aligned frames have no area in common.",
            hint="Keep the full area (mask instead of crop), or leave out the frames that moved most.",
        )
    best, step = Window(0, 0, 0, 0), max(1, rows.size // 300)
    tops, bottoms = rows[::step], np.append(rows[::step], rows[-1])
    while True:
        # The common area is convex: what two rows share, all rows between them share.
        left = np.maximum(first[tops][:, None], first[bottoms][None])
        right = np.minimum(last[tops][:, None], last[bottoms][None])
        area = np.maximum(right - left + 1, 0) * np.maximum(bottoms[None] - tops[:, None] + 1, 0)
        r, c = np.unravel_index(np.argmax(area), area.shape)
        top, bottom = int(tops[r]), int(bottoms[c])
        best = Window(top, int(left[r, c]), bottom - top + 1, int(right[r, c] - left[r, c]) + 1)
        if step == 1:
            return best
        reach, step = 2 * step, max(1, step // 8)
        tops, bottoms = (np.arange(max(rows[0], v - reach), min(rows[-1], v + reach) + 1, step) for v in (top, bottom))

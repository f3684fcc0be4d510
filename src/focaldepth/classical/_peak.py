"""The peak of the focus curve of every pixel, found while frames go by."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
REACH = 2
"""Samples kept on each side of the highest one."""
_STRIP = 16


@dataclass(frozen=True)
class Peak:
    """What the fit found; planes (h, w) float32.

    Attributes:
        position: peak position on the focus axis (blur-linear unit).
        curvature: rise of highest / score one mean step away from the peak, x 2; 0 where there is no peak.
        contrast: highest minus lowest score.
        second: prominence of the next-highest peak over that of the highest, 0..1.
        at_end: the highest score is that of the first or last frame (bool).
    """

    position: Plane
    curvature: Plane
    contrast: Plane
    second: Plane
    at_end: NDArray[np.bool_]


class PeakTracker:
    """Running maximum with its two neighbours on each side, lowest score, and the second peak's prominence.

    The number of planes does not depend on the number of frames. Call `update` once per frame, in order.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.best = np.full(shape, -1, np.float32)
        self.low, self.valley = (np.full(shape, np.inf, np.float32) for _ in range(2))
        self.second = np.zeros(shape, np.float32)
        self.sides = {offset: np.zeros(shape, np.float32) for offset in (-2, -1, 1, 2)}
        self.index = np.zeros(shape, np.int16)
        self._before: list[Plane] = []
        self._fresh: list[NDArray[np.uint8]] = []
        self.count = 0

    def update(self, score: Plane) -> NDArray[np.uint8]:
        """Take the score (h, w) of the next frame; return 255 where it is the highest so far."""
        higher = np.empty(score.shape, np.uint8)
        kept = [np.empty(score.shape, np.uint8) for _ in self._fresh[: REACH - 1]]
        number = np.full((_STRIP, score.shape[1]), self.count, np.int16)
        # Strips that stay in the cache: every plane is read and written once per frame instead of once per step.
        for y in range(0, len(score), _STRIP):
            part = score[y : y + _STRIP]
            self._update_rows(slice(y, y + _STRIP), part, number[: len(part)], higher, kept)
        self._before = [score, *self._before][:REACH]
        self._fresh = [higher, *kept]
        self.count += 1
        return higher

    def _update_rows(
        self,
        rows: slice,
        score: Plane,
        number: NDArray[np.int16],
        higher: NDArray[np.uint8],
        kept: list[NDArray[np.uint8]],
    ) -> None:
        best, valley, second = self.best[rows], self.valley[rows], self.second[rows]
        risen = cv2.compare(score, best, cv2.CMP_GT, dst=higher[rows])
        cv2.min(self.low[rows], score, dst=self.low[rows])
        cv2.min(valley, score, dst=valley)
        # A peak stands out by the lower of its two flanks; the higher of two peaks is the main one.
        cv2.max(second, cv2.subtract(cv2.min(best, score), valley), dst=second)
        for age, mask in enumerate(self._fresh, 1):
            cv2.copyTo(score, mask[rows], self.sides[age][rows])
        cv2.copyTo(score, risen, best)
        cv2.copyTo(score, risen, valley)
        for age, earlier in enumerate(self._before, 1):
            cv2.copyTo(earlier[rows], risen, self.sides[-age][rows])
        cv2.copyTo(number, risen, self.index[rows])
        for mask, still in zip(self._fresh, kept, strict=False):
            cv2.subtract(mask[rows], risen, dst=still[rows])

    def fit(self, focus: NDArray[np.float64], rows: slice = slice(None)) -> Peak:
        """Fit the peak of some rows; `focus` (N,) is the blur-linear axis."""
        index, top = self.index[rows], self.best[rows]
        n = len(focus)
        step = float(np.abs(np.diff(focus)).mean())
        shift, curvature = self._parabola(focus, step, rows)
        at_end = (index == 0) | (index == n - 1)
        none = at_end | ~(curvature > 0) | ~np.isfinite(shift)
        before, after = _neighbours(focus, step)
        np.clip(shift, _look_up(before, index), _look_up(after, index), out=shift)
        shift[none], curvature[none] = 0, 0
        position = _look_up(focus.astype(np.float32), index) + shift * np.float32(step)
        contrast = top - self.low[rows]
        second = self.second[rows] / np.maximum(contrast, np.float32(1e-12))
        return Peak(position, curvature, contrast, np.clip(second, 0, 1), at_end)

    def _parabola(self, focus: NDArray[np.float64], step: float, rows: slice) -> tuple[Plane, Plane]:
        """Weighted least-squares parabola through 1 / score around the highest one: shift (steps), curvature.

        A second-derivative measure of a texture whose power falls with the square of its frequency is, under a blur
        of variance v, proportional to 1 / (v + v0), and v grows with the square of the defocus: the reciprocal score
        is a parabola. (Its logarithm is not, and pulls peaks to the nearest frame by up to 0.3 steps.) Samples weigh
        (score / highest)^6, so coarse stacks use three points and dense ones five.
        """
        index, top = self.index[rows], self.best[rows] + _TINY
        n = len(focus)
        powers = [np.zeros(top.shape, np.float32) for _ in range(5)]
        moments = [np.zeros(top.shape, np.float32) for _ in range(3)]
        powers[0] += 1
        for offset, plane in self.sides.items():
            there = np.arange(n) + offset
            inside = ((there >= 0) & (there < n)).astype(np.float32)
            distance = ((focus[np.clip(there, 0, n - 1)] - focus) / step).astype(np.float32)
            x = _look_up(distance, index)
            ratio = np.clip((plane[rows] + _TINY) / top, np.float32(1e-6), np.float32(1))
            y = 1 - 1 / ratio
            square = ratio * ratio
            term = square * square
            term *= square
            term *= _look_up(inside, index)
            for p in range(5):
                powers[p] += term
                if p < 3:
                    moments[p] += term * y
                if p < 4:
                    term *= x
        slope, bend = _least_squares(powers, moments)
        with np.errstate(divide="ignore", invalid="ignore"):
            return -slope / (2 * bend), -2 * bend


_TINY = np.float32(1e-6)


def _look_up(table: Plane, index: NDArray[np.int16]) -> Plane:
    """Return table[index]; OpenCV's table of 256 entries is five times faster than fancy indexing."""
    if len(table) > 256:
        return table[index]
    padded = np.zeros(256, np.float32)
    padded[: len(table)] = table
    found: Plane = cv2.LUT(index.astype(np.uint8), padded)
    return found


def _neighbours(focus: NDArray[np.float64], step: float) -> tuple[Plane, Plane]:
    """How far the peak of each frame may lie from it, in steps: to its neighbours (lower end, upper end)."""
    gaps = np.diff(focus) / step
    back = np.concatenate([[0], -gaps])
    ahead = np.concatenate([gaps, [0]])
    return np.minimum(back, ahead).astype(np.float32), np.maximum(back, ahead).astype(np.float32)


def _least_squares(s: list[Plane], t: list[Plane]) -> tuple[Plane, Plane]:
    """Slope and bend of a + slope x + bend x^2 from the weighted sums of x^p and x^p y."""
    c11, c12, c22 = s[2] - s[1] ** 2 / s[0], s[3] - s[1] * s[2] / s[0], s[4] - s[2] ** 2 / s[0]
    r1, r2 = t[1] - s[1] * t[0] / s[0], t[2] - s[2] * t[0] / s[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        det = c11 * c22 - c12**2
        return (r1 * c22 - r2 * c12) / det, (r2 * c11 - r1 * c12) / det


def three_point_peak(
    left: Plane, best: Plane, right: Plane, index: NDArray[np.int16], focus: NDArray[np.float64]
) -> Plane:
    """Position of the vertex of the parabola through the logarithms of three scores (a Gaussian peak).

    Where the highest score is at the first or last frame, or the three do not bend down, its frame's position.
    """
    n = len(focus)
    if n < 3:
        return focus[index].astype(np.float32)
    middle = np.clip(index, 1, n - 2)
    y0, y1, y2 = (np.log(np.maximum(p, np.float32(1e-12))) for p in (left, best, right))
    x0, x1, x2 = (focus[middle + k] for k in (-1, 0, 1))
    first, last = (y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1)
    bend = (last - first) / (x2 - x0)
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = (x0 + x1) / 2 - first / (2 * bend)
    inner = (bend < 0) & (index > 0) & (index < n - 1) & np.isfinite(vertex)
    vertex = np.clip(vertex, np.minimum(x0, x2), np.maximum(x0, x2))
    position: Plane = np.where(inner, vertex, focus[index]).astype(np.float32)
    return position

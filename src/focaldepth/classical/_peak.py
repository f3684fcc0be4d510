"""The peak of the focus curve of every pixel, found while frames go by."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
REACH = 2
"""Samples kept on each side of the highest one."""


@dataclass(frozen=True)
class Peak:
    """What the fit found; planes (h, w) float32.

    Attributes:
        position: peak position on the focus axis (blur-linear unit).
        index: fractional frame index of the same.
        curvature: drop of log score one mean step away from the peak x 2; 0 where there is no peak.
        contrast: highest minus lowest score.
        second: prominence of the next-highest peak over that of the highest, 0..1.
        at_end: the highest score is that of the first or last frame (bool).
    """

    position: Plane
    index: Plane
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
        i = self.count
        higher: NDArray[np.uint8] = cv2.compare(score, self.best, cv2.CMP_GT)
        cv2.min(self.low, score, dst=self.low)
        cv2.min(self.valley, score, dst=self.valley)
        # A peak stands out by the lower of its two flanks; the higher of two peaks is the main one.
        prominence = cv2.subtract(cv2.min(self.best, score), self.valley)
        cv2.max(self.second, prominence, dst=self.second)
        for age, mask in enumerate(self._fresh, 1):
            cv2.copyTo(score, mask, self.sides[age])
        cv2.copyTo(score, higher, self.best)
        cv2.copyTo(score, higher, self.valley)
        for age, earlier in enumerate(self._before, 1):
            cv2.copyTo(earlier, higher, self.sides[-age])
        np.copyto(self.index, np.int16(i), where=higher.view(bool))
        self._before = [score, *self._before][:REACH]
        kept = [cv2.subtract(mask, higher) for mask in self._fresh]
        self._fresh = [higher, *kept][:REACH]
        self.count += 1
        return higher

    def fit(self, focus: NDArray[np.float64], rows: slice = slice(None)) -> Peak:
        """Fit the peak of some rows; `focus` (N,) is the blur-linear axis."""
        index = self.index[rows].astype(np.intp)
        top = self.best[rows]
        low = self.low[rows]
        step = float(np.abs(np.diff(focus)).mean())
        position, curvature = self._parabola(index, top, focus, step, rows)
        n = len(focus)
        order = np.arange(n, dtype=np.float64)
        flip = slice(None) if focus[-1] > focus[0] else slice(None, None, -1)
        fractional = np.interp(position, focus[flip], order[flip]).astype(np.float32)
        contrast = top - low
        second = self.second[rows] / np.maximum(contrast, np.float32(1e-12))
        at_end = (index == 0) | (index == n - 1)
        return Peak(position, fractional, curvature, contrast, np.clip(second, 0, 1), at_end)

    def _parabola(
        self, index: NDArray[np.intp], top: Plane, focus: NDArray[np.float64], step: float, rows: slice
    ) -> tuple[Plane, Plane]:
        """Weighted least-squares parabola through the log scores around the highest one.

        Samples weigh (score / highest)^6, so coarse stacks use three points and dense ones five.
        """
        n = len(focus)
        floor = np.float32(1e-6)
        powers = [np.zeros(top.shape) for _ in range(5)]
        moments = [np.zeros(top.shape) for _ in range(3)]
        powers[0] += 1
        for offset, plane in self.sides.items():
            there = index + offset
            inside = (there >= 0) & (there < n)
            x = (focus[np.clip(there, 0, n - 1)] - focus[index]) / step
            ratio = np.clip((plane[rows] + floor) / (top + floor), 1e-6, 1).astype(np.float64)
            weight = inside * ratio**6
            y = np.log(ratio)
            for p in range(5):
                powers[p] += weight * x**p
            for p in range(3):
                moments[p] += weight * x**p * y
        slope, bend = _least_squares(powers, moments)
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = -slope / (2 * bend)
        inner = (index > 0) & (index < n - 1) & (bend < 0) & np.isfinite(shift)
        before = (focus[np.maximum(index - 1, 0)] - focus[index]) / step
        after = (focus[np.minimum(index + 1, n - 1)] - focus[index]) / step
        shift = np.clip(np.where(inner, shift, 0), np.minimum(before, after), np.maximum(before, after))
        curvature = np.where(inner, -2 * bend, 0)
        return (focus[index] + shift * step).astype(np.float32), curvature.astype(np.float32)


def _least_squares(
    s: list[NDArray[np.float64]], t: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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

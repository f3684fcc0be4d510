"""Peaks between frames from the highest score and its neighbours, by name; steps of the axis may be uneven."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._peak import PeakTracker, Plane, three_point_peak

_TINY = np.float32(1e-6)
Floats = NDArray[np.float64]


def argmax(tracker: PeakTracker, focus: Floats, rows: slice) -> Plane:
    """The position of the highest frame."""
    return focus[tracker.index[rows]].astype(np.float32)


def parabola(tracker: PeakTracker, focus: Floats, rows: slice) -> Plane:
    """The vertex of the parabola through three scores."""
    planes = (tracker.sides[-1][rows], tracker.best[rows], tracker.sides[1][rows])
    # The vertex through exp(y) of the Gaussian fit is that of the parabola through y; scaled, nothing overflows.
    top = np.maximum(planes[1], _TINY)
    left, best, right = (np.exp(plane / top) for plane in planes)
    return three_point_peak(left, best, right, tracker.index[rows], focus)


def gaussian(tracker: PeakTracker, focus: Floats, rows: slice) -> Plane:
    """The middle of the Gaussian through three scores."""
    left, best, right = tracker.sides[-1][rows], tracker.best[rows], tracker.sides[1][rows]
    return three_point_peak(left, best, right, tracker.index[rows], focus)


def reciprocal(tracker: PeakTracker, focus: Floats, rows: slice) -> Plane:
    """The vertex of the parabola through up to five reciprocal scores, high ones weighing more (`classical-fast`)."""
    return tracker.fit(focus, rows).position


def least_squares(tracker: PeakTracker, focus: Floats, rows: slice) -> Plane:
    """The vertex of the parabola fitted to the logarithms of up to five scores by linear least squares.

    Source: the windowed fit of Cou & Guennebaud, Depth from Focus Using Windowed Linear Least Squares Regressions, The
    Visual Computer 40, 2024, with the window that a streaming method keeps. The vertex stays between the neighbours of
    the highest frame; where the fit does not bend down, and at both ends of the stack, the frame's position is taken.
    """
    index, top = tracker.index[rows], np.maximum(tracker.best[rows], _TINY)
    n = len(focus)
    count = np.ones(top.shape)
    x1, x2, x3, x4, y0, y1, y2 = (np.zeros(top.shape) for _ in range(7))
    for offset, plane in tracker.sides.items():
        there = index.astype(np.int64) + offset
        inside = (there >= 0) & (there < n)
        x = (focus[np.clip(there, 0, n - 1)] - focus[index]) * inside
        y = np.log(np.maximum(plane[rows], _TINY) / top) * inside
        count += inside
        for total, term in ((x1, x), (x2, x**2), (x3, x**3), (x4, x**4), (y0, y), (y1, y * x), (y2, y * x**2)):
            total += term
    c11, c12, c22 = x2 - x1**2 / count, x3 - x1 * x2 / count, x4 - x2**2 / count
    r1, r2 = y1 - x1 * y0 / count, y2 - x2 * y0 / count
    with np.errstate(divide="ignore", invalid="ignore"):
        slope, bend = r1 * c22 - r2 * c12, r2 * c11 - r1 * c12
        shift = -slope / (2 * bend)
        falls = bend * (c11 * c22 - c12**2) < 0
    inner = (index > 0) & (index < n - 1) & falls & np.isfinite(shift)
    before, after = focus[np.maximum(index - 1, 0)], focus[np.minimum(index + 1, n - 1)]
    vertex = np.clip(focus[index] + shift, np.minimum(before, after), np.maximum(before, after))
    return np.where(inner, vertex, focus[index]).astype(np.float32)


Fit = Callable[[PeakTracker, Floats, slice], Plane]
"""(tracker after all frames, (N,) blur-linear axis, rows) -> position (rows, W) float32."""
FITS: dict[str, Fit] = {
    "argmax": argmax,
    "parabola": parabola,
    "gaussian": gaussian,
    "least-squares": least_squares,
    "reciprocal": reciprocal,
}

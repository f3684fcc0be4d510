"""Focus curves: which pixels tell most, and their curves ready to draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import UnitError
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthResult
from focaldepth.report.colour import Tick
from focaldepth.report.scale import Display, decimals_for, display_for, fixed, tick_step, ticks


@dataclass(frozen=True)
class FocusScale:
    """The horizontal axis of focus curves: spaced in the blur-linear coordinate, labelled in the unit of the input.

    Attributes:
        at: (N,) position of each frame in percent, near on the left where that is known.
        marks: labels.
        caption: unit.
        texts: (N) focus position of each frame for people.
        near_left: whether left is known to be near.
    """

    at: NDArray[np.float64]
    marks: tuple[Tick, ...]
    caption: str
    texts: tuple[str, ...]
    near_left: bool

    def of_index(self, index: float) -> float:
        """Return the percent position of a fractional frame index."""
        return float(np.interp(index, np.arange(len(self.at)), self.at))


def focus_scale(axis: FocusAxis, optics: Optics) -> FocusScale:
    """Lay the focus positions of a stack out from left to right."""
    try:
        place = axis.blur_linear(optics).values
    except UnitError:  # pragma: no cover - every unit has a blur-linear form today
        place = axis.values
    at = 100 * (place - place.min()) / ((place.max() - place.min()) or 1.0)
    first_is_left = axis.near_to_far if axis.near_to_far is not None else axis.values[-1] >= axis.values[0]
    if (at[-1] > at[0]) != bool(first_is_left):
        at = 100 - at
    finite = axis.values[np.isfinite(axis.values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    display = display_for(low, high, axis.unit)
    return FocusScale(
        at, _marks(axis, at, display), display.caption, _texts(axis, display), axis.near_to_far is not None
    )


def _texts(axis: FocusAxis, display: Display) -> tuple[str, ...]:
    """Write every focus position with the digits that tell neighbours apart."""
    if axis.unit is Unit.INDEX:
        return tuple(f"frame {value:g}" for value in axis.values)
    steps = np.abs(np.diff(axis.values))
    step = float(steps[np.isfinite(steps)].min(initial=np.inf)) * display.factor
    decimals = decimals_for(10.0 ** floor(log10(step))) + 1 if np.isfinite(step) and step > 0 else 3
    return tuple(f"{fixed(value * display.factor, min(decimals, 6))} {display.symbol}" for value in axis.values)


def _marks(axis: FocusAxis, at: NDArray[np.float64], display: Display) -> tuple[Tick, ...]:
    values, finite = axis.values * display.factor, np.isfinite(axis.values)
    if finite.sum() < 2:
        return ()
    v, x = values[finite], at[finite]
    order = np.argsort(v)
    v, x = v[order], x[order]
    if axis.unit is Unit.METRE:
        wish = [(t, decimals_for(t)) for t in _log_ticks(v[0], v[-1])]
        x_of = np.interp([1 / t for t, _ in wish], (1 / v)[::-1], x[::-1])
    else:
        step = tick_step(v[0], v[-1], 6)
        wish = [(t, decimals_for(step)) for t in ticks(v[0], v[-1], 6)]
        x_of = np.interp([t for t, _ in wish], v, x)
    marks = [Tick(float(p), fixed(t, d)) for p, (t, d) in zip(x_of, wish, strict=True)]
    if not finite.all():
        marks.insert(0, Tick(float(at[~finite][0]), "∞"))
    return _spread(marks)


def _log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers in [low, high], the roundest first: 1, 5, 2, 3, 1.5, 7 of each decade for a long range."""
    if high / low < 2.2:
        return ticks(low, high, 6)
    powers = range(floor(log10(low)), floor(log10(high)) + 1)
    numbers = [float(f"{f * 10.0**k:.6g}") for f in (1, 5, 2, 3, 1.5, 7) for k in powers]
    return [n for n in numbers if low * 0.999 <= n <= high * 1.001]


def _spread(marks: list[Tick], gap: float = 12.0) -> tuple[Tick, ...]:
    """Keep marks, the first ones first, that do not crowd one another."""
    kept: list[Tick] = []
    for mark in marks:
        if all(abs(mark.at - other.at) >= gap for other in kept):
            kept.append(mark)
    return tuple(sorted(kept, key=lambda m: m.at))


@dataclass(frozen=True)
class CurveGrid:
    """Focus curves on a coarse grid: (N, a, b) scaled to a maximum of 1 each, with pixel rows and columns."""

    curves: NDArray[np.float32]
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    contrast: NDArray[np.float32]
    """(a, b) peak over the median of the curve: about 1 where nothing comes into focus."""


def curve_grid(extras: Mapping[str, NDArray[Any]], shape: tuple[int, int], most: int = 240_000) -> CurveGrid | None:
    """Return the curves of a result, thinned to at most `most` numbers; None where it holds none that fit."""
    if not {"curves", "curve_rows", "curve_cols"} <= set(extras):
        return None
    curves, rows, cols = extras["curves"], extras["curve_rows"], extras["curve_cols"]
    if curves.ndim != 3 or curves.shape[1:] != (len(rows), len(cols)) or curves.size == 0:
        return None
    thin = max(1, int(np.ceil(np.sqrt(curves.size / most))))
    curves = np.nan_to_num(curves[:, ::thin, ::thin].astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    curves = np.maximum(curves, 0)
    top = curves.max(axis=0)
    middle = np.median(curves, axis=0)
    contrast = top / np.maximum(middle, 1e-3 * np.maximum(top, np.finfo(np.float32).tiny))
    return CurveGrid(
        curves / np.where(top > 0, top, 1),
        np.clip(rows[::thin].astype(np.int64), 0, shape[0] - 1),
        np.clip(cols[::thin].astype(np.int64), 0, shape[1] - 1),
        np.where(top > 0, contrast, 1).astype(np.float32),
    )


@dataclass(frozen=True)
class Probe:
    """A pixel that is shown with its curve."""

    number: int
    kind: str
    row: int
    col: int
    x: float
    """Percent across the picture; y likewise down."""
    y: float
    line: str
    """SVG path in a box of 100 x 100."""
    dots: str
    peak: float | None
    """Percent position of the peak; None where no depth is claimed."""
    text: str
    contrast: str


def telling_pixels(result: DepthResult, grid: CurveGrid, scale: FocusScale, display: Display) -> list[Probe]:
    """Choose near, middle, far, weakest and depthless pixels of the grid and draw their curves."""
    chosen = _choose(result, grid, scale)
    return [
        _probe(result, grid, scale, display, number, kind, at)
        for number, (kind, at) in enumerate(chosen.items(), start=1)
    ]


def _choose(result: DepthResult, grid: CurveGrid, scale: FocusScale) -> dict[str, tuple[int, int]]:
    picked = np.ix_(grid.rows, grid.cols)
    valid = result.map.valid[picked]
    inside = np.zeros(valid.shape, bool)
    edge_r, edge_c = (max(1, n // 16) if n > 4 else 0 for n in valid.shape)
    inside[edge_r : valid.shape[0] - edge_r, edge_c : valid.shape[1] - edge_c] = True
    place = np.interp(result.index[picked], np.arange(len(scale.at)), scale.at)
    chosen: dict[str, tuple[int, int]] = {}
    good = valid & inside
    if good.any():
        strong = good & (grid.contrast >= np.percentile(grid.contrast[good], 60))
        left, middle, right = np.percentile(place[strong], (4, 50, 96))
        names = ("near", "middle", "far") if scale.near_left else ("low end", "middle", "high end")
        for name, goal in zip(names, (left, middle, right), strict=True):
            _take(chosen, name, np.where(strong, np.abs(place - goal), np.inf))
        doubt = 1 / grid.contrast if result.map.sigma is None else result.map.sigma[picked]
        if good.sum() > 3:
            _take(chosen, "weakest", np.where(good, -doubt, np.inf))
    if (~valid & inside).any():
        _take(chosen, "no depth", np.where(~valid & inside, grid.contrast, np.inf))
    return chosen


def _take(chosen: dict[str, tuple[int, int]], name: str, cost: NDArray[Any]) -> None:
    """Take the cheapest grid point that is not taken yet."""
    cost = cost.copy()
    for taken in chosen.values():
        cost[taken] = np.inf
    best = int(np.argmin(cost))
    if np.isfinite(cost.flat[best]):
        row, col = np.unravel_index(best, cost.shape)
        chosen[name] = (int(row), int(col))


def _probe(
    result: DepthResult,
    grid: CurveGrid,
    scale: FocusScale,
    display: Display,
    number: int,
    kind: str,
    at: tuple[int, int],
) -> Probe:
    row, col = int(grid.rows[at[0]]), int(grid.cols[at[1]])
    height, width = result.map.shape
    valid = bool(result.map.valid[row, col])
    sigma = None if result.map.sigma is None else float(result.map.sigma[row, col])
    order = np.argsort(scale.at, kind="stable")
    points = [(f"{scale.at[i]:.2f}", f"{100 - 96 * grid.curves[i, at[0], at[1]]:.2f}") for i in order]
    return Probe(
        number,
        kind,
        row,
        col,
        100 * (col + 0.5) / width,
        100 * (row + 0.5) / height,
        "M" + "L".join(f"{x} {y}" for x, y in points),
        "".join(f"M{x} {y}h0" for x, y in points) if len(points) <= 60 else "",
        scale.of_index(float(result.index[row, col])) if valid else None,
        display.measured(float(result.map.values[row, col]), sigma) if valid else "no depth",
        f"{float(grid.contrast[at]):.2g}×" if grid.contrast[at] < 10 else f"{float(grid.contrast[at]):.0f}×",
    )

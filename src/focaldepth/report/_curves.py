"""Focus curves: which pixels tell most, and their curves ready to draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import UnitError
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthResult
from focaldepth.report.scale import (
    Display,
    Tick,
    decimals_for,
    display_for,
    fixed,
    round_marks,
    spread,
    tick_step,
    ticks,
)

_WIDE = 3.0
_CLEAR = 1.5
_LETTER = 4.0


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
    """Write every focus position with the fewest digits that keep it to a hundredth of the way to its neighbour.

    Positions over a wide range in metres share the number of significant digits, others the number of decimals.
    """
    if axis.unit is Unit.INDEX:
        return tuple(f"frame {value:g}" for value in axis.values)
    finite = np.isfinite(axis.values)
    shown = axis.values[finite] * display.factor
    if shown.size < 2:
        return tuple(display.quantity(v, abs(v) / 1000 or 1.0) for v in axis.values)
    steps = np.abs(np.diff(shown))
    room = 0.01 * np.minimum(np.r_[steps, np.inf], np.r_[np.inf, steps])
    if axis.unit is Unit.METRE and shown.min() > 0 and shown.max() > _WIDE * shown.min():
        digits = next((d for d in range(3, 7) if _keeps([float(f"{v:.{d - 1}e}") for v in shown], shown, room)), 7)
        return tuple(display.rounded(v, digits) for v in axis.values)
    decimals = next((d for d in range(7) if _keeps(np.round(shown, d), shown, room)), 7)
    return tuple(f"{fixed(v * display.factor, decimals)} {display.symbol}" for v in axis.values)


def _keeps(written: Any, meant: NDArray[np.float64], room: NDArray[np.float64]) -> bool:
    return bool((np.abs(np.asarray(written) - meant) <= room * (1 + 1e-6)).all())


def _marks(axis: FocusAxis, at: NDArray[np.float64], display: Display) -> tuple[Tick, ...]:
    finite = np.isfinite(axis.values)
    if finite.sum() < 2:
        return ()
    order = np.argsort(axis.values[finite])
    v, x = axis.values[finite][order] * display.factor, at[finite][order]
    end = () if finite.all() else (Tick(float(at[~finite][0]), "∞"),)
    if axis.unit is Unit.METRE and v[0] > 0:
        marks = round_marks(v[0], v[-1], lambda t: float(np.interp(1 / t, (1 / v)[::-1], x[::-1])), _LETTER)
    else:
        step = tick_step(v[0], v[-1], 6)
        marks = tuple(Tick(float(np.interp(t, v, x)), fixed(t, decimals_for(step))) for t in ticks(v[0], v[-1], 6))
    return spread((*end, *marks), _LETTER)


@dataclass(frozen=True)
class CurveGrid:
    """Focus curves on a coarse grid: (N, a, b) scaled to a maximum of 1 each, with pixel rows and columns."""

    curves: NDArray[np.float32]
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    contrast: NDArray[np.float32]
    """(a, b) peak over the median of the curve: about 1 where nothing comes into focus."""


def curve_grid(extras: Mapping[str, NDArray[Any]], shape: tuple[int, int], most: int = 3_000_000) -> CurveGrid | None:
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
        left, right = np.percentile(place[good], (2, 98))
        worth = grid.contrast + np.where(_surrounded(good), grid.contrast.max(), 0)
        names = ("near", "middle", "far") if scale.near_left else ("low end", "middle", "high end")
        for name, goal in zip(names, (left, (left + right) / 2, right), strict=True):
            far = np.where(good, np.abs(place - goal), np.inf)
            # Of the pixels about there the one with the clearest curve, rather inside a surface than at its border.
            about = far <= max(np.percentile(far[good], 2), 0.02 * (right - left))
            _take(chosen, name, np.where(about, -worth, np.inf))
        doubt = 1 / grid.contrast if result.map.sigma is None else result.map.sigma[picked]
        if good.sum() > 3:
            _take(chosen, "weakest", np.where(good, -doubt, np.inf))
    bad = _surrounded(~valid & inside)
    if bad.any():
        typical = float(np.median(grid.contrast[bad]))
        _take(chosen, "no depth", np.where(bad, np.abs(grid.contrast - typical), np.inf))
    return chosen


def _surrounded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep grid points whose four neighbours are set, too; all of them where no point is so."""
    whole = mask.copy()
    whole[1:] &= mask[:-1]
    whole[:-1] &= mask[1:]
    whole[:, 1:] &= mask[:, :-1]
    whole[:, :-1] &= mask[:, 1:]
    return whole if whole.any() else mask


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
        display.measured(float(result.map.values[row, col]), sigma) if valid else _why_not(grid, at),
        f"{float(grid.contrast[at]):.1f}×" if grid.contrast[at] < 9.95 else f"{float(grid.contrast[at]):.0f}×",
    )


def _why_not(grid: CurveGrid, at: tuple[int, int]) -> str:
    """Say what the curve of a pixel without depth looks like."""
    curve = grid.curves[:, at[0], at[1]]
    top = int(np.argmax(curve))
    if grid.contrast[at] < _CLEAR:
        return "no clear peak"
    return {0: "peak in first frame", len(curve) - 1: "peak in last frame"}.get(top, "peak not trusted")

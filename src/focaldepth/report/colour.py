"""Numbers to colours: the maps, the scales and their bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.optics import LensModel, Optics
from focaldepth.core.result import DepthMap, Mask
from focaldepth.report.scale import Display, Tick, display_for, round_marks, tick_step, ticks

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB for people."""

_LIGHT, _DARK = 168, 150
"""The two greys of the hatch that marks pixels without a number."""
_DIVERGING = (
    (33, 66, 145),
    (74, 134, 197),
    (160, 200, 226),
    (244, 243, 240),
    (241, 178, 138),
    (208, 92, 71),
    (140, 26, 46),
)
_TURBO_PART = (14, 240)
_SAMPLES = 1 << 18
_WIDE = 3.0
"""Depth in metres whose range spans more than this factor is coloured evenly in dioptres."""
_WIDE_SIGMA = 10.0
_CLOSE = 0.05
"""Extremes that lie at most this share of the range outside of it move its ends to them."""


class Spacing(StrEnum):
    """How numbers are laid out along the colours: evenly, evenly in their reciprocal, or in equal ratios."""

    EVEN = "even"
    RECIPROCAL = "reciprocal"
    RATIO = "ratio"


@dataclass(frozen=True)
class Tail:
    """What lies beyond one end of a scale: the share of the pixels, and the extreme number."""

    share: float
    extreme: float


@dataclass(frozen=True)
class ColourScale:
    """Which number has which colour.

    Attributes:
        low, high: numbers at the two ends, in the unit of the map; beyond them the end colours go on.
        display: how numbers are written.
        palette: "turbo", "viridis", "magma" or "diverging".
        flipped: true = the low end has the last colour of the palette.
        ends: words at the low and the high end ("near", "far"); empty where nobody knows.
        spacing: how numbers are laid out between the ends; anything but EVEN needs low > 0.
        tails: what lies below low and above high; None where nothing does.
    """

    low: float
    high: float
    display: Display
    palette: str = "turbo"
    flipped: bool = False
    ends: tuple[str, str] = ("", "")
    spacing: Spacing = Spacing.EVEN
    tails: tuple[Tail | None, Tail | None] = (None, None)

    def place(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return where numbers lie along the scale: 0 at the low end, 1 at the high end, float32, not clipped."""
        low, high = _laid_out(np.array([self.low, self.high], np.float64), self.spacing)
        laid: NDArray[np.float32] = _laid_out(values.astype(np.float32, copy=False), self.spacing)
        return (laid - np.float32(low)) * np.float32(1 / ((high - low) or 1.0))

    def table(self) -> Picture:
        """Return the (256, 3) RGB colours from low to high."""
        table = _palette(self.palette)
        return table[::-1] if self.flipped else table

    def paint(self, values: NDArray[Any], valid: Mask | None = None) -> Picture:
        """Return the coloured picture of `values` (H, W); pixels that are not valid or NaN are hatched grey."""
        import cv2

        shown = np.isfinite(values) if valid is None else valid & np.isfinite(values)
        level = self.place(np.where(shown, values, np.float32(self.low)))
        index = (np.clip(level, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
        lut = np.ascontiguousarray(self.table())[:, None, :]
        picture: Picture = cv2.applyColorMap(index, lut)
        if not shown.all():
            picture = np.where(shown[..., None], picture, hatch(*values.shape)[..., None])
        return picture

    def stops(self, count: int = 17) -> list[str]:
        """Return evenly spaced CSS colours from low to high."""
        rows = self.table()[np.linspace(0, 255, count).round().astype(int)]
        return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in rows]

    def marks(self, most: int = 6) -> list[Tick]:
        """Return round numbers along the bar; positions in percent from the low end."""
        low, high = self.low * self.display.factor, self.high * self.display.factor
        if self.spacing is not Spacing.EVEN and high > low:
            factor = self.display.factor
            return list(round_marks(low, high, lambda v: 100 * float(self.place(np.array([v / factor]))[0])))
        step = tick_step(low, high, most)
        if step <= 0:
            return [Tick(50.0, self.display.number(self.low, abs(self.low) / 100 or 1.0))]
        unit_step = step / self.display.factor
        return [
            Tick(100 * (t - low) / (high - low), self.display.number(t / self.display.factor, unit_step))
            for t in ticks(low, high, most)
        ]


def _laid_out(values: NDArray[Any], spacing: Spacing) -> NDArray[Any]:
    """Return the coordinate in which a spacing is even, growing with the numbers."""
    if spacing is Spacing.EVEN:
        return values
    above_zero = np.maximum(values, np.finfo(np.float32).tiny)
    laid: NDArray[Any] = -1 / above_zero if spacing is Spacing.RECIPROCAL else np.log(above_zero)
    return laid


def robust_range(values: NDArray[Any], shares: tuple[float, float] = (1.0, 99.0)) -> tuple[float, float] | None:
    """Return percentiles of the finite numbers, from an even sample of large maps; None where there is none.

    >>> robust_range(np.array([np.nan, 1.0, 1.0]))
    (1.0, 1.0)
    """
    some = _sample(values)
    if some.size == 0:
        return None
    low, high = np.percentile(some, shares)
    return float(low), float(high)


def _sample(values: NDArray[Any]) -> NDArray[Any]:
    """Return the finite numbers, of large maps an even sample that is empty only where there is none."""
    flat = values.ravel()
    flat = flat[:: max(1, flat.size // _SAMPLES) | 1]  # odd: even strides walk along columns
    flat = flat[np.isfinite(flat)]
    some: NDArray[Any] = flat if flat.size else values[np.isfinite(values)]
    return some


def depth_scale(
    depth: DepthMap,
    axis: FocusAxis,
    limits: tuple[float, float] | None = None,
    palette: str = "turbo",
    optics: Optics | None = None,
) -> ColourScale:
    """Return the scale of a depth map: near is warm wherever the unit or the axis tells which end is near.

    The colours run from the 1st to the 99th percentile of the valid pixels, or on to the extremes where these lie at
    most 5 % of that range farther out; what lies beyond is told by `tails`.

    Depth in metres through a lens is coloured evenly in dioptres, in which focus steps and errors are even, once
    far / near > 3: from there on the nearer half of the dioptres, 1 / (1 + far / near) of the metres, would get less
    than a quarter of the colours. Every other map is coloured evenly in its own unit.

    Args:
        depth: the map.
        axis: focus positions; they tell which end of a map in frames is near.
        limits: numbers at the two ends in the unit of the map, instead of those of the pixels.
        palette: see ColourScale.
        optics: maps of a telecentric lens or a microscope are never coloured in dioptres; a thin lens when None.
    """
    low, high = limits or robust_range(depth.values) or _axis_limits(depth.unit, axis)
    through_lens = depth.unit is Unit.METRE and (optics or Optics()).model is LensModel.THIN_LENS
    wide = through_lens and low > 0 and _WIDE < high / low < np.inf
    spacing = Spacing.RECIPROCAL if wide else Spacing.EVEN
    low, high, tails = _bounded(depth.values, low, high, spacing, movable=limits is None)
    near_low = nearer_is_smaller(depth.unit, axis)
    ends = ("", "") if near_low is None else ("near", "far") if near_low else ("far", "near")
    show = display_for(low, high, depth.unit)
    return ColourScale(low, high, show, palette, bool(near_low), ends, spacing, tails)


def _bounded(
    values: NDArray[Any], low: float, high: float, spacing: Spacing, movable: bool = True
) -> tuple[float, float, tuple[Tail | None, Tail | None]]:
    """Return the ends of a scale, moved to the extremes of the numbers where these are close, and what lies beyond."""
    some = _sample(values)
    if some.size == 0:
        return low, high, (None, None)
    ends = float(np.fmin.reduce(values, axis=None)), float(np.fmax.reduce(values, axis=None))
    a, b, least, most = (float(v) for v in _laid_out(np.array([low, high, *ends]), spacing))
    room = _CLOSE * (b - a) if movable else 0.0
    low = ends[0] if a - room <= least < a else low
    high = ends[1] if b < most <= b + room else high
    one = 1 / values.size
    under = Tail(max(float(np.mean(some < low)), one), ends[0]) if ends[0] < low else None
    over = Tail(max(float(np.mean(some > high)), one), ends[1]) if ends[1] > high else None
    return low, high, (under, over)


def nearer_is_smaller(unit: Unit, axis: FocusAxis) -> bool | None:
    """Tell whether small numbers of `unit` are near; None where neither the unit nor the axis tells."""
    if unit is Unit.INDEX:
        return axis.near_to_far
    return None if unit is Unit.MICROMETRE else not unit.larger_is_nearer


def sigma_scale(depth: DepthMap) -> ColourScale | None:
    """Return the scale of sigma; None without sigma or without any valid pixel.

    It runs from 0 to the 99th percentile; in equal ratios from the 1st percentile where that is more than ten times
    smaller, as for metres over a wide range, whose error grows with the square of the distance.
    """
    limits = None if depth.sigma is None else robust_range(depth.sigma)
    if limits is None or depth.sigma is None:
        return None
    wide = limits[1] > _WIDE_SIGMA * limits[0] > 0
    spacing = Spacing.RATIO if wide else Spacing.EVEN
    low, high, tails = _bounded(depth.sigma, limits[0], limits[1], spacing)
    if not wide:
        low, tails = 0.0, (None, tails[1])
    show = display_for(0.0, high, depth.unit)
    return ColourScale(low, high, show, "magma", ends=("sure", "unsure"), spacing=spacing, tails=tails)


def index_scale(index: NDArray[Any], frames: int) -> ColourScale:
    """Return the scale of the source-frame map (H, W): whole frames around all but 1 % of its numbers."""
    low, high = robust_range(index, (0.5, 99.5)) or (0.0, frames - 1.0)
    low = min(max(0.0, float(np.floor(low))), max(frames - 2.0, 0.0))
    high = max(low + 1, min(frames - 1.0, float(np.ceil(high))))
    ends = ("first" if low == 0 else "", "last" if high >= frames - 1 else "")
    tails = _bounded(index, low, high, Spacing.EVEN, movable=False)[2]
    return ColourScale(low, high, display_for(0, frames, Unit.INDEX), "viridis", ends=ends, tails=tails)


def error_scale(error: NDArray[Any], unit: Unit) -> ColourScale:
    """Return a scale around zero for signed errors: blue = too small, red = too large."""
    limits = robust_range(np.abs(error), (50.0, 95.0))
    reach = limits[1] if limits and limits[1] > 0 else 1.0
    tails = _bounded(error, -reach, reach, Spacing.EVEN, movable=False)[2]
    show = display_for(0, reach, unit)
    return ColourScale(-reach, reach, show, "diverging", ends=("too small", "too large"), tails=tails)


def mask_picture(valid: Mask, base: Picture | None = None) -> Picture:
    """Return the grey picture with pixels that carry no depth in magenta."""
    if base is None:
        grey = np.full(valid.shape, 200, np.float32)
    else:
        grey = base.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    out = np.repeat(grey[..., None], 3, axis=2)
    tint = np.array([214, 39, 122], np.float32)
    out[~valid] = 0.3 * out[~valid] + 0.7 * tint
    return out.astype(np.uint8)


def hatch(height: int, width: int) -> NDArray[np.uint8]:
    """Return the (H, W) grey diagonal hatch that means "no number here"."""
    cell = max(3, max(height, width) // 160)
    diagonal = (np.arange(height)[:, None] + np.arange(width)[None, :]) // cell
    return np.where(diagonal % 2 == 0, np.uint8(_LIGHT), np.uint8(_DARK))


@cache
def _palette(name: str) -> Picture:
    if name == "diverging":
        return _blend(_DIVERGING)
    import cv2

    code = {"turbo": cv2.COLORMAP_TURBO, "viridis": cv2.COLORMAP_VIRIDIS, "magma": cv2.COLORMAP_MAGMA}[name]
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    table: Picture = cv2.applyColorMap(ramp, code)[:, 0, ::-1].copy()
    if name == "turbo":  # its outermost colours are near black: detail at the ends would drown
        table = table[np.linspace(*_TURBO_PART, 256).round().astype(int)]
    return table


def _blend(colours: Sequence[tuple[int, int, int]]) -> Picture:
    at = np.linspace(0, 1, len(colours))
    x = np.linspace(0, 1, 256)
    channels = [np.interp(x, at, [c[k] for c in colours]) for k in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def _axis_limits(unit: Unit, axis: FocusAxis) -> tuple[float, float]:
    """Return what a map without any valid pixel might have held."""
    if unit is Unit.INDEX:
        return 0.0, float(len(axis) - 1)
    finite = axis.values[np.isfinite(axis.values)]
    same = unit is axis.unit and finite.size > 0
    return (float(finite.min()), float(finite.max())) if same else (0.0, 1.0)

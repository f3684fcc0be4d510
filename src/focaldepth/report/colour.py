"""Numbers to colours: the maps, the scales and their bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.result import DepthMap, Mask
from focaldepth.report.scale import Display, display_for, tick_step, ticks

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


@dataclass(frozen=True)
class Tick:
    """One mark of a bar or an axis: where it stands (percent) and what it says."""

    at: float
    text: str


@dataclass(frozen=True)
class ColourScale:
    """Which number has which colour.

    Attributes:
        low, high: numbers at the two ends, in the unit of the map; beyond them the end colours go on.
        display: how numbers are written.
        palette: "turbo", "viridis", "magma" or "diverging".
        flipped: true = the low end has the last colour of the palette.
        ends: words at the low and the high end ("near", "far"); empty where nobody knows.
    """

    low: float
    high: float
    display: Display
    palette: str = "turbo"
    flipped: bool = False
    ends: tuple[str, str] = ("", "")

    def table(self) -> Picture:
        """Return the (256, 3) RGB colours from low to high."""
        table = _palette(self.palette)
        return table[::-1] if self.flipped else table

    def paint(self, values: NDArray[Any], valid: Mask | None = None) -> Picture:
        """Return the coloured picture of `values` (H, W); pixels that are not valid or NaN are hatched grey."""
        import cv2

        span = (self.high - self.low) or 1.0
        level = (values.astype(np.float32, copy=False) - np.float32(self.low)) * np.float32(255 / span)
        shown = np.isfinite(values) if valid is None else valid & np.isfinite(values)
        np.copyto(level, 0, where=~shown)
        index = np.clip(level + np.float32(0.5), 0, 255).astype(np.uint8)
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
        step = tick_step(low, high, most)
        if step <= 0:
            return [Tick(50.0, self.display.number(self.low, abs(self.low) / 100 or 1.0))]
        unit_step = step / self.display.factor
        return [
            Tick(100 * (t - low) / (high - low), self.display.number(t / self.display.factor, unit_step))
            for t in ticks(low, high, most)
        ]


def robust_range(values: NDArray[Any], shares: tuple[float, float] = (1.0, 99.0)) -> tuple[float, float] | None:
    """Return percentiles of the finite numbers, from an even sample of large maps; None where there is none.

    >>> robust_range(np.array([np.nan, 1.0, 1.0]))
    (1.0, 1.0)
    """
    flat = values.ravel()
    flat = flat[:: max(1, flat.size // _SAMPLES) | 1]  # odd: even strides walk along columns
    flat = flat[np.isfinite(flat)]
    if flat.size == 0:
        flat = values[np.isfinite(values)]
    if flat.size == 0:
        return None
    low, high = np.percentile(flat, shares)
    return float(low), float(high)


def depth_scale(
    depth: DepthMap, axis: FocusAxis, limits: tuple[float, float] | None = None, palette: str = "turbo"
) -> ColourScale:
    """Return the scale of a depth map: near is warm wherever the unit or the axis tells which end is near."""
    low, high = limits or robust_range(depth.values) or _axis_limits(depth.unit, axis)
    near_low = nearer_is_smaller(depth.unit, axis)
    ends = ("", "") if near_low is None else ("near", "far") if near_low else ("far", "near")
    return ColourScale(low, high, display_for(low, high, depth.unit), palette, bool(near_low), ends)


def nearer_is_smaller(unit: Unit, axis: FocusAxis) -> bool | None:
    """Tell whether small numbers of `unit` are near; None where neither the unit nor the axis tells."""
    if unit is Unit.INDEX:
        return axis.near_to_far
    return None if unit is Unit.MICROMETRE else not unit.larger_is_nearer


def sigma_scale(depth: DepthMap) -> ColourScale | None:
    """Return the scale of sigma, from 0 to its 99th percentile; None without sigma or without any valid pixel."""
    limits = None if depth.sigma is None else robust_range(depth.sigma, (50.0, 99.0))
    if limits is None:
        return None
    return ColourScale(0.0, limits[1], display_for(0.0, limits[1], depth.unit), "magma", ends=("sure", "unsure"))


def index_scale(frames: int) -> ColourScale:
    """Return the scale of the source-frame map."""
    return ColourScale(
        0.0, float(max(frames - 1, 1)), display_for(0, frames, Unit.INDEX), "viridis", ends=("first", "last")
    )


def error_scale(error: NDArray[Any], unit: Unit) -> ColourScale:
    """Return a scale around zero for signed errors: blue = too small, red = too large."""
    limits = robust_range(np.abs(error), (50.0, 95.0))
    reach = limits[1] if limits and limits[1] > 0 else 1.0
    return ColourScale(-reach, reach, display_for(0, reach, unit), "diverging", ends=("too small", "too large"))


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

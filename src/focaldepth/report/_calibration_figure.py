"""calibration.png: zoom and shift that the field of view leaves, over the focus distance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from focaldepth.optics.breathing import breathing_scale
from focaldepth.optics.calibration.motion import StackMotion
from focaldepth.optics.calibration.motor import Calibration
from focaldepth.report.colour import Picture
from focaldepth.report.figures import _INK, _SOFT, _font, _plain
from focaldepth.report.scale import decimals_for, fixed, tick_step, ticks

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP, _GAP = 1100, 200, 120, 210, 86, 74
_TEXT = 19
_COLOURS = ((31, 102, 173), (201, 92, 18), (44, 133, 65), (140, 75, 160), (176, 42, 60), (90, 98, 110))
_GRID = (226, 229, 233)


@dataclass(frozen=True)
class Dots:
    """Numbers of one stack: (x, y, standard error) each, and the name in the legend."""

    name: str
    values: Sequence[tuple[float, float, float]]
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class Panel:
    """A box with axes: x runs over dioptres."""

    top: int
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a point."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), self.top + (1 - up) * _PANEL


def calibration_figure(found: Calibration) -> Picture:
    """Return four panels over dioptres: alpha with the line of the error ranges, what it misses, beta, gamma."""
    from PIL import Image, ImageDraw

    near = [1 / f.focus_m for s in found.stacks for f in s.used]
    margin = 0.04 * (max(near) - min(near))
    span = (min(near) - margin, max(near) + margin)
    at = np.linspace(max(span[0], 0), span[1], 60)
    lines = [_line(found, stack) for stack in found.stacks]
    drawn = [list(zip(at.tolist(), (1e3 * line(at)).tolist(), strict=True)) for line in lines]
    alpha = _dots(found, "alpha", 1e3)
    missed = [
        replace(one, values=[(x, y - 1e3 * float(line(np.array([x]))[0]), e) for x, y, e in one.values])
        for one, line in zip(alpha, lines, strict=True)
    ]
    panels = [
        ("zoom alpha (0.001), and the line of the error ranges", alpha, drawn),
        ("alpha less that line (0.001)", missed, []),
        ("shift right beta (px)", _dots(found, "beta"), []),
        ("shift down gamma (px)", _dots(found, "gamma"), []),
    ]
    canvas = Image.new("RGB", (_WIDTH, _TOP + len(panels) * (_PANEL + _GAP) + 10), "white")
    draw = ImageDraw.Draw(canvas)
    title = "Left after the field of view is corrected; bars: one standard error"
    draw.text((_LEFT, 16), title, _INK, _font(_TEXT * 1.1), anchor="lt")
    for n, (caption, dots, curves) in enumerate(panels):
        panel = Panel(_TOP + n * (_PANEL + _GAP), span, _limits(dots, curves))
        _axes(draw, panel, caption, last=n == len(panels) - 1)
        for curve, one in zip(curves, dots, strict=False):
            draw.line([panel.at(x, y) for x, y in curve], one.colour, 2)
        for one in dots:
            _marks(draw, panel, one)
        if n == 0:
            _legend(draw, panel, dots)
    return np.asarray(canvas)


def _limits(dots: Sequence[Dots], curves: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float]:
    """What the y axis shows: all bars and curves, with room around."""
    values = [v + sign * e for d in dots for _, v, e in d.values for sign in (-1, 1)]
    values += [y for curve in curves for _, y in curve]
    room = 0.08 * (max(values) - min(values)) or 1.0
    return min(values) - room, max(values) + room


def _dots(found: Calibration, axis: str, factor: float = 1.0) -> list[Dots]:
    return [
        Dots(
            stack.name,
            [
                (1 / f.focus_m, factor * getattr(f.motion, axis), factor * getattr(f.motion, f"{axis}_se"))
                for f in stack.used
            ],
            _COLOURS[k % len(_COLOURS)],
        )
        for k, stack in enumerate(found.stacks)
    ]


def _line(found: Calibration, stack: StackMotion) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Alpha over dioptres as the error ranges have it, through the middle of the dots of a stack."""
    motor = found.motor
    target = stack.frames[stack.target].focus_m

    def logarithm(near: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            focus = 1 / near
        lens = breathing_scale(focus, target, motor.focal_length_m)
        view = breathing_scale(motor.nearest_m, focus, motor.focal_length_m) + motor.slope * near + motor.intercept
        return np.asarray(-np.log(view) - np.log(lens))

    seen = [(1 / f.focus_m, f.motion.alpha) for f in stack.used if f.motion is not None]
    x, y = (np.array(v) for v in zip(*seen, strict=True))
    shift = float(np.mean(np.log1p(y) - logarithm(x)))
    return lambda near: np.expm1(logarithm(near) + shift)


def _axes(draw: ImageDraw, panel: Panel, caption: str, *, last: bool) -> None:
    left, bottom = panel.at(panel.x[0], panel.y[0])
    right, top = panel.at(panel.x[1], panel.y[1])
    small = _font(_TEXT * 0.85)
    step = tick_step(*panel.y, 6)
    for value in ticks(*panel.y, 6):
        y = panel.at(panel.x[0], value)[1]
        draw.line([(left, y), (right, y)], _SOFT if value == 0 else _GRID, 1)
        draw.text((left - 10, y), _plain(fixed(value, decimals_for(step))), _INK, small, anchor="rm")
    step = tick_step(*panel.x, 8)
    for value in ticks(*panel.x, 8):
        x = panel.at(value, panel.y[0])[0]
        draw.line([(x, bottom), (x, bottom + 6)], _SOFT, 1)
        metres = f"{1 / value:.3g} m" if value > 0 else "far"
        draw.text((x, bottom + 9), fixed(value, decimals_for(step)), _INK, small, anchor="mt")
        if last:
            draw.text((x, bottom + 30), metres, _SOFT, small, anchor="mt")
    draw.rectangle([left, top, right, bottom], outline=_SOFT)
    draw.text((left, top - 8), caption, _INK, _font(_TEXT), anchor="ls")
    draw.text((right + 12, bottom + 9), "focus, dioptre (1/m)", _SOFT, small, anchor="lt")


def _marks(draw: ImageDraw, panel: Panel, one: Dots) -> None:
    for x, y, error in one.values:
        across, up = panel.at(x, y)
        if isfinite(error):
            draw.line([panel.at(x, y - error), panel.at(x, y + error)], one.colour, 2)
        draw.ellipse([across - 4, up - 4, across + 4, up + 4], fill=one.colour)


def _legend(draw: ImageDraw, panel: Panel, dots: Sequence[Dots]) -> None:
    x, y = panel.at(panel.x[1], panel.y[1])
    shown = dots[: len(_COLOURS)]
    for n, one in enumerate(shown):
        at = y + 10 + 26 * n
        draw.ellipse([x + 14, at - 4, x + 22, at + 4], fill=one.colour)
        draw.text((x + 30, at), _plain(one.name[:20]), _INK, _font(_TEXT * 0.85), anchor="lm")
    if len(dots) > len(shown):
        at = y + 10 + 26 * len(shown)
        draw.text((x + 30, at), f"and {len(dots) - len(shown)} more", _SOFT, _font(_TEXT * 0.85), anchor="lm")

"""Figures of lines and points as SVG: small, sharp at any size, without a library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

from focaldepth.report.scale import decimals_for, fixed, significant, tick_step, ticks

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b98600", "#3a9bd1", "#7f7f7f", "#6a4c93")
"""Told apart by colour-blind readers, on white and on black (after Okabe and Ito)."""
_SHAPES = ("circle", "square", "up", "diamond", "down")
_INK, _SOFT, _LINE = "var(--ink, #15181c)", "var(--soft, #5f6670)", "var(--line, #d9dad7)"
_LETTER = 6.3
"""Width of a letter, px."""
_LONGEST = 24
"""Letters of a name below an axis."""


@dataclass(frozen=True)
class Series:
    """One line, or one point.

    Attributes:
        label: in the legend; series of one label share colour and shape.
        x, y: numbers of one length; a y that is not finite leaves a gap.
        dashed: drawn dashed and not named in the legend.
        markers: every number gets its sign.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False
    markers: bool = True


@dataclass(frozen=True)
class Plot:
    """A figure.

    Attributes:
        title: above it.
        x_caption, y_caption: beside the axes.
        series: what is drawn.
        log_x, log_y: logarithmic axes; numbers are positive.
        names: texts of x = 0, 1, 2 ...; empty = x are numbers.
        zero: the y axis begins at 0.
        order: labels whose place says colour and sign, so that figures agree; others follow.
    """

    title: str
    x_caption: str
    y_caption: str
    series: Sequence[Series]
    log_x: bool = False
    log_y: bool = False
    names: Sequence[str] = ()
    zero: bool = True
    order: Sequence[str] = ()


@dataclass(frozen=True)
class _Axis:
    """Numbers of one axis and where they stand in the picture."""

    low: float
    high: float
    log: bool
    start: float
    length: float

    def at(self, value: float) -> float:
        """Place of a number, px."""
        low, high, v = (log10(n) for n in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return self.start + self.length * (v - low) / ((high - low) or 1.0)

    def marks(self, most: int) -> list[tuple[float, str]]:
        """Round numbers on it with their texts."""
        if self.log:
            powers = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
            digits = (1,) if len(powers) > 4 else (1, 2, 5) if len(powers) > 2 else (1, 1.5, 2, 3, 5, 7)
            found = [float(f"{d * 10.0**k:.6g}") for k in powers for d in digits]
            return [(v, significant(v, 2, pad=False)) for v in found if self.low * 0.999 <= v <= self.high * 1.001]
        step = tick_step(self.low, self.high, most)
        return [(v, fixed(v, decimals_for(step))) for v in ticks(self.low, self.high, most)]


def svg(plot: Plot, *, width: int = 420, height: int = 270) -> str:
    """Return the figure as an SVG element; colours of text and grid follow the page that it stands in.

    Args:
        plot: what is drawn.
        width: px.
        height: px, without the legend.

    >>> svg(Plot("error", "frames", "px", [Series("a", (1, 2), (3, 4))])).startswith("<svg ")
    True
    """
    left, top, right = 56, 34, 14
    slanted = _slanted(plot.names, width - left - right)
    bottom = 46 + slanted
    height += slanted
    x, y = _axes(plot, (left, width - left - right), (height - bottom, -(height - top - bottom)))
    drawn = list(dict.fromkeys(s.label for s in plot.series))
    place = {label: i for i, label in enumerate(dict.fromkeys([*plot.order, *drawn]))}
    legend, rows = _legend({label: place[label] for label in drawn}, left, height + 4, width - right)
    total = height + 8 + 18 * rows
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" width="{width}" height="{total}" '
        f'role="img" aria-label="{escape(plot.title)}" font-family="system-ui, sans-serif" font-size="11.5">',
        f'<text x="{left}" y="18" font-size="13" font-weight="600" fill="{_INK}">{escape(plot.title)}</text>',
        *_grid(plot, x, y, slanted),
        *(line for s in plot.series for line in _drawn(s, place[s.label], x, y)),
        *legend,
        "</svg>",
    ]
    return "\n".join(parts)


def _axes(plot: Plot, across: tuple[float, float], down: tuple[float, float]) -> tuple[_Axis, _Axis]:
    points = [(a, b) for s in plot.series for a, b in zip(s.x, s.y, strict=True) if isfinite(b)] or [(0.0, 1.0)]
    xs, ys = [a for a, _ in points], [b for _, b in points]
    if plot.names:
        x = (-0.5, len(plot.names) - 0.5)
    elif plot.log_x:
        x = (min(xs) / 1.5, max(xs) * 1.5)
    else:
        x = (min(xs), max(xs)) if max(xs) > min(xs) else (min(xs) - 0.5, max(xs) + 0.5)
    if plot.log_y:
        y = (min(ys) / 1.2, max(ys) * 1.2)
    else:
        room = 0.06 * ((max(ys) - (0 if plot.zero else min(ys))) or abs(max(ys)) or 1.0)
        y = (min(0.0, min(ys)) if plot.zero else min(ys) - room, max(ys) + room)
    return _Axis(*x, plot.log_x, *across), _Axis(*y, plot.log_y, *down)


def _slanted(names: Sequence[str], width: float) -> int:
    """Height, px, that names take which are too long to stand beside one another; 0 where they fit."""
    longest = max(map(len, names), default=0)
    return 0 if longest * _LETTER <= width / max(len(names), 1) else round(min(longest, _LONGEST) * _LETTER * 0.52)


def _grid(plot: Plot, x: _Axis, y: _Axis, slanted: int) -> list[str]:
    left, right, base, top = x.start, x.start + x.length, y.start, y.start + y.length
    parts = []
    for value, text in y.marks(6):
        place = f"{y.at(value):.1f}"
        parts.append(f'<line x1="{left}" x2="{right}" y1="{place}" y2="{place}" stroke="{_LINE}"/>')
        parts.append(_text(left - 7, y.at(value) + 4, text, "end"))
    marks = [(float(i), name) for i, name in enumerate(plot.names)] or x.marks(10)
    if all(float(v).is_integer() for s in plot.series for v in s.x):  # what is counted has no halves
        marks = [(v, text) for v, text in marks if v.is_integer()]
        marks = [(v, fixed(v, 0) if not plot.names else text) for v, text in marks]
    for value, text in marks:
        place = f"{x.at(value):.1f}"
        parts.append(f'<line x1="{place}" x2="{place}" y1="{base}" y2="{base + 4}" stroke="{_SOFT}"/>')
        if not slanted:
            parts.append(_text(x.at(value), base + 17, text, "middle"))
            continue
        short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
        place = f"translate({x.at(value) + 4:.1f} {base + 15:.1f}) rotate(-30)"
        parts.append(f'<text transform="{place}" text-anchor="end" fill="{_SOFT}">{escape(short)}</text>')
    parts.append(f'<line x1="{left}" x2="{right}" y1="{base}" y2="{base}" stroke="{_SOFT}"/>')
    parts.append(_text((left + right) / 2, base + 36 + slanted, plot.x_caption, "middle"))
    middle = (base + top) / 2
    parts.append(
        f'<text transform="translate(14 {middle:.1f}) rotate(-90)" text-anchor="middle" fill="{_SOFT}">'
        f"{escape(plot.y_caption)}</text>"
    )
    return parts


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_SOFT}">{escape(text)}</text>'


def _drawn(series: Series, index: int, x: _Axis, y: _Axis) -> list[str]:
    colour = COLOURS[index % len(COLOURS)]
    pieces: list[list[tuple[float, float]]] = [[]]
    for a, b in zip(series.x, series.y, strict=True):
        if isfinite(b):
            pieces[-1].append((x.at(a), y.at(b)))
        elif pieces[-1]:
            pieces.append([])
    dash = ' stroke-dasharray="4 3" stroke-opacity=".75"' if series.dashed else ""
    parts = [
        f'<polyline points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in piece)}" fill="none" stroke="{colour}" '
        f'stroke-width="1.8"{dash}/>'
        for piece in pieces
        if len(piece) > 1
    ]
    if series.markers:
        name = escape(series.label)
        parts += [_sign(index, a, b, colour, name) for piece in pieces for a, b in piece]
    return parts


def _sign(index: int, x: float, y: float, colour: str, name: str = "") -> str:
    shape, r = _SHAPES[index % len(_SHAPES)], 4.0
    title = f"<title>{name}</title>" if name else ""
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{colour}">{title}</circle>'
    if shape == "square":
        half = 0.88 * r
        return (
            f'<rect x="{x - half:.1f}" y="{y - half:.1f}" width="{2 * half:.1f}" height="{2 * half:.1f}" '
            f'fill="{colour}">{title}</rect>'
        )
    corners = {
        "up": ((0, -1.15), (1.1, 0.8), (-1.1, 0.8)),
        "down": ((0, 1.15), (1.1, -0.8), (-1.1, -0.8)),
        "diamond": ((0, -1.25), (1.1, 0), (0, 1.25), (-1.1, 0)),
    }[shape]
    points = " ".join(f"{x + r * a:.1f},{y + r * b:.1f}" for a, b in corners)
    return f'<polygon points="{points}" fill="{colour}">{title}</polygon>'


def _legend(labels: Mapping[str, int], left: float, top: float, right: float) -> tuple[list[str], int]:
    """Signs and names in rows; the number of rows."""
    parts, x, row = [], left, 0
    for label, index in labels.items():
        wide = 22 + _LETTER * len(label)
        if x > left and x + wide > right:
            x, row = left, row + 1
        y = top + 18 * row + 6
        parts.append(_sign(index, x + 5, y - 4, COLOURS[index % len(COLOURS)]))
        parts.append(f'<text x="{x + 14:.1f}" y="{y:.1f}" fill="{_INK}">{escape(label)}</text>')
        x += wide
    return parts, row + 1 if labels else 0

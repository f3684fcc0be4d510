"""depth.png: the depth map as people look at it, with its colour bar drawn beside it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from focaldepth.core.errors import WriteError
from focaldepth.core.result import DepthResult
from focaldepth.report._views import scale_for
from focaldepth.report.colour import ColourScale, Picture
from focaldepth.report.pictures import enlarge, shrink

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

_INK, _SOFT = (24, 27, 31), (104, 110, 118)
_SMALLEST = 640


def write_depth_png(
    result: DepthResult,
    path: str | PathLike[str],
    *,
    limits: tuple[float, float] | None = None,
    long_side: int = 1760,
) -> Path:
    """Write the coloured depth map with its bar.

    Args:
        result: what to show.
        path: the file to write.
        limits: depth at the two ends of the colours, in the unit of the result; 1st and 99th percentile when None.
        long_side: the map is reduced to this many pixels.

    Returns:
        `path`.
    """
    import cv2

    path = Path(path)
    figure = depth_figure(result, limits=limits, long_side=long_side)
    done, data = cv2.imencode(".png", np.ascontiguousarray(figure[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 2])
    if not done:  # pragma: no cover - OpenCV encodes every 8-bit picture
        raise WriteError("the picture could not be encoded.", where=path)
    path.write_bytes(data.tobytes())
    return path


def depth_figure(result: DepthResult, *, limits: tuple[float, float] | None = None, long_side: int = 1760) -> Picture:
    """Return the coloured depth map with its bar as an RGB picture; see write_depth_png."""
    scale = scale_for(result, limits)
    small, shown = shrink(result.map.values, result.map.valid, long_side)
    return with_bar(scale.paint(enlarge(small, _SMALLEST), enlarge(shown, _SMALLEST)), scale, "Depth")


def with_bar(picture: Picture, scale: ColourScale, what: str) -> Picture:
    """Return a coloured map on white with its vertical bar on the right, the warm end of a depth map on top.

    An end that also stands for numbers beyond is pointed.
    """
    from PIL import Image, ImageDraw

    height, width = picture.shape[:2]
    text = float(np.clip(max(height, width) / 60, 13, 26))
    pad, bar = round(text * 1.4), round(text * 1.1)
    canvas_height = max(height, round(text * 12)) + 2 * pad
    side = _side_width(scale, what, text) + bar + 3 * pad
    canvas = Image.new("RGB", (width + pad + side, canvas_height), "white")
    canvas.paste(Image.fromarray(picture), (pad, pad))
    left, top = width + 2 * pad, pad + round(text * 3.7)
    bottom = canvas_height - pad - round(text * 2.3)
    ramp = scale.table()[np.linspace(255, 0, bottom - top).round().astype(int)]
    ramp = ramp[::-1] if _low_on_top(scale) else ramp
    canvas.paste(Image.fromarray(np.repeat(ramp[:, None], bar, axis=1)), (left, top))
    draw = ImageDraw.Draw(canvas)
    tails = scale.tails if _low_on_top(scale) else scale.tails[::-1]
    for tail, y, tip, colour in zip(tails, (top, bottom - 1), (-0.6, 0.6), (ramp[0], ramp[-1]), strict=True):
        if tail is not None:
            corners = [(left, y), (left + bar - 1, y), (left + (bar - 1) / 2, y + tip * text)]
            draw.polygon(corners, tuple(int(c) for c in colour))
    _words(draw, scale, what, text, (left, top, left + bar, bottom))
    return np.asarray(canvas)


def _low_on_top(scale: ColourScale) -> bool:
    return scale.ends[0] == "near"


def _side_width(scale: ColourScale, what: str, text: float) -> int:
    font = _font(text)
    words = [f"{what}, {_plain(scale.display.caption)}", *(f"--{_plain(m.text)}" for m in scale.marks())]
    return round(max(font.getlength(w) for w in words))


def _words(draw: ImageDraw, scale: ColourScale, what: str, text: float, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    font, small = _font(text), _font(text * 0.9)
    low, high = (top, bottom) if _low_on_top(scale) else (bottom, top)
    ends = dict(zip((low, high), scale.ends, strict=True))
    draw.text((left, top - text * 3.7), f"{what}, {_plain(scale.display.caption)}", _INK, font, anchor="lt")
    draw.text((left, top - text * 0.95), ends[top], _SOFT, small, anchor="ls")
    draw.text((left, bottom + text * 0.95), ends[bottom], _SOFT, small, anchor="lt")
    for mark in scale.marks():
        y = low + (high - low) * mark.at / 100
        draw.line([(right, y), (right + text * 0.35, y)], _SOFT, max(1, round(text / 14)))
        draw.text((right + text * 0.65, y), _plain(mark.text), _INK, font, anchor="lm")


def _font(size: float) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont as Fonts

    return Fonts.load_default(size)


def _plain(text: str) -> str:
    """Replace the signs that Pillow's own font lacks."""
    return text.replace("µ", "u").replace("−", "-").replace("∞", "inf")

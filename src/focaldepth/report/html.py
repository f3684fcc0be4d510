"""report.html: one page that carries everything in itself and asks no server for anything."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from focaldepth._version import __version__
from focaldepth.core.axis import Unit
from focaldepth.core.method import Citation
from focaldepth.core.result import DepthResult
from focaldepth.report import _facts as facts
from focaldepth.report._curves import CurveGrid, FocusScale, Probe, curve_grid, focus_scale, telling_pixels
from focaldepth.report._frames import FrameCard, frame_strip
from focaldepth.report._probe import curve_bytes, exact_pixels, grids
from focaldepth.report._views import Truth, View, against_truth, histogram, scale_for, views
from focaldepth.report.colour import ColourScale, index_scale
from focaldepth.report.scale import fixed

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "templates"


def write_report(
    result: DepthResult,
    path: str | PathLike[str],
    *,
    limits: tuple[float, float] | None = None,
    citations: Sequence[Citation] | None = None,
) -> Path:
    """Write the page of a result.

    Args:
        result: what to show; optional parts that it lacks are left out of the page.
        path: the file to write.
        limits: depth at the two ends of the colours, in the unit of the result; 1st and 99th percentile when None.
        citations: what to cite; those of the result's method when None.

    Returns:
        `path`.
    """
    path = Path(path)
    path.write_text(render(result, limits=limits, citations=citations), encoding="utf-8")
    return path


def render(
    result: DepthResult,
    *,
    limits: tuple[float, float] | None = None,
    citations: Sequence[Citation] | None = None,
) -> str:
    """Return the page as text; see write_report."""
    scale = scale_for(result, limits)
    focus = focus_scale(result.axis, result.optics)
    curves = curve_grid(result.extras, result.map.shape)
    strip = frame_strip(result, focus)
    pixels = telling_pixels(result, curves, focus, scale.display) if curves else []
    truth = against_truth(result, result.extras["truth"]) if "truth" in result.extras else None
    made = result.provenance
    return _template().render(
        css=(TEMPLATES / "report.css").read_text("utf-8"),
        js=(TEMPLATES / "report.js").read_text("utf-8"),
        version=__version__,
        title=result.info.name,
        subtitle=facts.subtitle(result),
        notices=facts.notices(result),
        headline=facts.headline(result),
        views=_all_views(result, scale, truth),
        truth=truth,
        focus=focus,
        pixels=pixels,
        markers_on="photo" if result.all_in_focus is not None else "depth",
        histogram=histogram(result.map, scale),
        cards=strip.cards,
        stretched=strip.stretched,
        card_colours=_card_colours(result, strip.cards),
        fixed=fixed,
        skipped=dict(result.info.skipped),
        settings=facts.table(made.settings),
        weights=facts.table(made.weights),
        optics=facts.optics_rows(result),
        versions=facts.table(made.versions),
        inputs=facts.table(made.inputs),
        stages=facts.stages(made.times_s),
        command=facts.command(result),
        citations=facts.citations(result) if citations is None else citations,
        tallest=_tallest(strip.cards),
        any_valid=bool(result.map.valid.any()),
        has_unit=result.map.unit is not Unit.INDEX,
        has_positions=result.axis.unit is not Unit.INDEX,
        data=_page_data(result, scale, focus, curves, pixels),
    )


def _all_views(result: DepthResult, scale: ColourScale, truth: Truth | None) -> list[View]:
    return [*views(result, scale), *([truth.view] if truth else [])]


def _tallest(cards: Sequence[FrameCard]) -> str:
    most = max(cards, key=lambda c: c.share)
    return f"Tallest column: frame {most.number} with {most.share_text}." if most.share else ""


def _card_colours(result: DepthResult, cards: Sequence[FrameCard]) -> list[str]:
    rows = index_scale(result.index, len(cards)).paint(np.arange(len(cards), dtype=np.float32)[None])[0]
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in rows]


def _page_data(
    result: DepthResult, scale: ColourScale, focus: FocusScale, curves: CurveGrid | None, pixels: Sequence[Probe]
) -> dict[str, Any]:
    """Return what the script of the page reads."""
    n = len(result.axis)
    names = result.info.frame_names
    return {
        "grid": grids(result),
        "exact": exact_pixels(result, [(p.row, p.col) for p in pixels]),
        "display": {"factor": scale.display.factor, "symbol": scale.display.symbol},
        "frames": {
            "names": list(names) if len(names) == n else [],
            "focus": list(focus.texts),
            "at": [round(float(x), 3) for x in focus.at],
        },
        "curves": curve_bytes(curves) if curves else None,
    }


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")

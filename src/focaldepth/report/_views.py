"""The large pictures of the page with their bars, and the charts of the depth distribution."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.result import DepthMap, DepthResult, Plane
from focaldepth.report.colour import (
    ColourScale,
    Picture,
    Spacing,
    Tail,
    depth_scale,
    error_scale,
    index_scale,
    mask_picture,
    sigma_scale,
)
from focaldepth.report.pictures import as_rgb, enlarge, fit, for_screen, jpeg_uri, pick, reduced, shrink
from focaldepth.report.scale import Tick, display_for, percent, tick_step

PHOTO_SIDE, MAP_SIDE, SMALL_SIDE = 1600, 1200, 800
_PHOTO_BYTES, _MAP_BYTES = 700_000, 200_000


@dataclass(frozen=True)
class Bar:
    """A colour bar."""

    stops: list[str]
    marks: list[Tick]
    caption: str
    ends: tuple[str, str]
    open_ends: tuple[bool, bool]
    """Whether the end colours also stand for numbers beyond."""


@dataclass(frozen=True)
class View:
    """One picture of the viewer."""

    key: str
    title: str
    uri: str
    width: int
    height: int
    note: str
    bar: Bar | None = None
    hatched: bool = False


@dataclass(frozen=True)
class Bin:
    """One column of a histogram, in percent."""

    x: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True)
class Histogram:
    """The distribution of depth over the valid pixels."""

    bins: list[Bin]
    marks: list[Tick]
    caption: str
    ends: tuple[str, str]
    note: str = field(default="")


def bar_of(scale: ColourScale, caption: str) -> Bar:
    """Return the bar of a scale, low end on the left."""
    low, high = scale.tails
    return Bar(scale.stops(), scale.marks(), caption, scale.ends, (low is not None, high is not None))


def beyond(scale: ColourScale) -> str:
    """Say what lies beyond the ends of a scale; empty where nothing does."""
    parts = [
        f"{percent(tail.share)} {word} {_extreme(tail, scale)}"
        for tail, word in zip(scale.tails, ("down to", "up to"), strict=True)
        if tail is not None
    ]
    parts = [part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts]
    return f"Beyond the ends of the scale: {', '.join(parts)}." if parts else ""


def _extreme(tail: Tail, scale: ColourScale) -> str:
    """Write the farthest number of a tail with the digits that its scale needs."""
    if scale.spacing is Spacing.EVEN:
        return scale.display.quantity(tail.extreme, tick_step(scale.low, scale.high, 100))
    return scale.display.rounded(tail.extreme, 2 if scale.spacing is Spacing.RATIO else 3)


def views(result: DepthResult, scale: ColourScale) -> list[View]:
    """Return every picture that the result can show: all-in-focus, depth, sigma, valid mask, source frame."""
    photo, out = None, []
    if result.all_in_focus is not None:
        photo, stretch = for_screen(result.all_in_focus, PHOTO_SIDE)
        note = "Fused from the sharpest parts of all frames."
        note = note if stretch is None else f"{note} {stretch}"
        out.append(_view("photo", "All-in-focus", photo, note, limit=_PHOTO_BYTES))
    out.append(_depth_view(result.map, scale))
    errors = sigma_scale(result.map)
    if errors is not None and result.map.sigma is not None:
        note = "One standard deviation of the depth at each pixel, in the same unit."
        out.append(_map_view("sigma", "Sigma", result.map.sigma, result.map, errors, note))
    out.append(_valid_view(result.map, photo))
    out.append(_index_view(result))
    return out


def _depth_view(depth: DepthMap, scale: ColourScale) -> View:
    notes = {
        Unit.INDEX: "Depth as the frame of best focus; no distances are known, so it has no unit.",
        Unit.MICROMETRE: "Stage position of best focus.",
        Unit.DISPARITY_PX: "Disparity between neighbouring views; larger is nearer.",
        Unit.DIOPTRE: "Reciprocal of the distance along the optical axis; larger is nearer.",
    }
    note = notes.get(depth.unit, "Distance along the optical axis from the front principal plane.")
    return _map_view("depth", "Depth", depth.values, depth, scale, note)


def _map_view(key: str, title: str, values: Plane, depth: DepthMap, scale: ColourScale, note: str) -> View:
    """Return the coloured picture of a map that holds numbers where `depth` is valid."""
    small, shown = shrink(values, depth.valid, MAP_SIDE)
    picture = scale.paint(enlarge(small, SMALL_SIDE), enlarge(shown, SMALL_SIDE))
    spaced = {
        Spacing.RECIPROCAL: "Colours are even in dioptres, in which focus steps are.",
        Spacing.RATIO: "Colours are logarithmic.",
    }
    words = " ".join(w for w in (note, spaced.get(scale.spacing, ""), beyond(scale)) if w)
    caption = f"{title}, {scale.display.caption}"
    return _view(key, title, picture, words, scale, caption, hatched=not bool(shown.all()))


def _valid_view(depth: DepthMap, photo: Picture | None) -> View:
    size = fit(depth.shape, MAP_SIDE)
    base = None if photo is None else as_rgb(reduced(photo, MAP_SIDE))
    base = base if base is not None and base.shape[:2] == size else None
    picture = mask_picture(pick(depth.valid, MAP_SIDE), base)
    share = percent(1 - float(depth.valid.mean()))
    note = "Every pixel carries depth." if depth.valid.all() else f"Magenta: {share} of the pixels carry no depth."
    return _view("valid", "Valid mask", enlarge(picture, SMALL_SIDE), note)


def _index_view(result: DepthResult) -> View:
    scale = index_scale(result.index, len(result.axis))
    picture = scale.paint(enlarge(pick(result.index, MAP_SIDE), SMALL_SIDE))
    note = f"The frame of best focus at each pixel, also where no depth is claimed. {beyond(scale)}".strip()
    return _view("index", "Source frame", picture, note, scale, "Frame, counted from 0")


def _view(
    key: str, title: str, picture: Picture, note: str, scale: ColourScale | None = None, caption: str = "",
    hatched: bool = False, limit: int = _MAP_BYTES,
) -> View:  # fmt: skip
    height, width = picture.shape[:2]
    bar = None if scale is None else bar_of(scale, caption)
    return View(key, title, jpeg_uri(picture, 88, limit), width, height, note, bar, hatched)


def histogram(depth: DepthMap, scale: ColourScale, columns: int = 72) -> Histogram | None:
    """Return how depth is distributed over the range of its colours; None without valid pixels."""
    stride = max(1, int(np.sqrt(depth.values.size / (1 << 20))))
    values = depth.values[::stride, ::stride]
    values = values[np.isfinite(values)]
    if values.size == 0 or scale.high <= scale.low:
        return None
    counts, edges = np.histogram(scale.place(values), columns, (0.0, 1.0))
    if counts.sum() == 0:
        return None
    tall, at = 100 * counts / counts.max(), 100 * edges
    colours = scale.table()[np.linspace(0, 255, columns).round().astype(int)]
    bins = [
        Bin(float(at[i]), float(at[i + 1] - at[i]), float(tall[i]), "#{:02x}{:02x}{:02x}".format(*colours[i]))
        for i in range(columns)
        if counts[i]
    ]
    return Histogram(bins, scale.marks(), scale.display.caption, scale.ends, beyond(scale))


@dataclass(frozen=True)
class Truth:
    """How far the result is from a known truth."""

    view: View
    numbers: list[tuple[str, str, str]]
    """Label, number, explanation."""


def against_truth(result: DepthResult, truth: Plane) -> Truth | None:
    """Compare depth with a truth (H, W) in the unit of the result; None where they share no pixel."""
    depth = result.map
    if truth.shape != depth.shape:
        return None
    error = depth.values.astype(np.float32) - truth.astype(np.float32)
    both = np.isfinite(error)
    if not both.any():
        return None
    e = error[both]
    size = np.abs(e)
    scale = error_scale(error, depth.unit)
    mean, median = float(size.mean()), float(np.median(size))
    show = display_for(0, mean, depth.unit)
    bias = float(np.median(e))
    digit = 10.0 ** (np.floor(np.log10(median or mean or 1.0)) - 1)
    numbers = [
        ("Mean absolute error", show.quantity(mean, digit), "over all compared pixels"),
        ("Median absolute error", show.quantity(median, digit), "half are closer"),
        ("Bias", ("+" if bias > 0 else "") + show.quantity(bias, digit), "median of depth − truth"),
        ("Compared", percent(float(both.sum() / max(np.isfinite(truth).sum(), 1))), "of the pixels with a truth"),
    ]
    if depth.sigma is not None:
        inside = float((size <= depth.sigma[both]).mean())
        numbers.append(("Within one sigma", percent(inside), "68.3 % would be ideal"))
    note = "Depth minus truth. White agrees, blue is too small, red is too large."
    return Truth(_map_view("error", "Error", error, DepthMap(error, depth.unit, both), scale, note), numbers)


def scale_for(result: DepthResult, limits: tuple[float, float] | None = None) -> ColourScale:
    """Return the colour scale that picture, bar and histogram of a result share."""
    return depth_scale(result.map, result.axis, limits, optics=result.optics)

"""Open a light field, and look at it as a focal stack."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import AxisError, FocalDepthError, ReadError, StackError
from focaldepth.core.light_field import REFOCUSERS, LightField, Refocuser
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack, StackInfo
from focaldepth.io._checks import check_size
from focaldepth.io._ddff import is_view_array, load_view_array
from focaldepth.io._focus import locate_container
from focaldepth.io._hci import is_hci, load_hci
from focaldepth.io._reader import MAX_PIXELS
from focaldepth.io._refocused import RefocusedSource
from focaldepth.io._sidecar import Positions
from focaldepth.io._view_files import grid_of_names, picture_views, pictures_in

_PIXELS = "px"
Inputs = str | Path | Sequence[str | Path]


def is_light_field(inputs: Inputs) -> bool:
    """True for what can be nothing but a light field: a folder of HCI views, or an array (U, V, H, W, C)."""
    path = _one(inputs)
    return path is not None and (is_hci(path) or is_view_array(path))


def load_light_field(
    inputs: Inputs,
    *,
    grid: tuple[int, int] | None = None,
    centre: tuple[int, int] | None = None,
    optics: Optics | None = None,
    max_pixels: int = MAX_PIXELS,
) -> LightField:
    """Open a light field; views are decoded when asked for.

    Args:
        inputs: folder of the 4D Light Field benchmark, .npy array (U, V, H, W, C) such as those of DDFF 12-Scene, or a
            folder or list of pictures whose names hold row and column, or that count row by row through `grid`.
        grid: (U, V) rows and columns of views; None = as the files say.
        centre: row and column of the view that depth belongs to, from 0; None = the middle.
        optics: `disparity_scale_m_px` goes before that of the files.
        max_pixels: largest view that is decoded.

    Raises:
        ReadError: a file does not exist or cannot be read.
        StackError: views are missing, of different sizes, or do not fill the grid.
    """
    path = _one(inputs)
    if path is not None and not path.exists():
        raise ReadError("does not exist.", where=path, hint="Check the path.")
    if path is not None and is_hci(path) and grid is None:
        found = load_hci(path, max_pixels)
    elif path is not None and path.suffix.lower() == ".npy" and path.is_file():
        found = load_view_array(path)
        if grid is not None and grid != found.grid:
            raise StackError(f"holds {found.grid} views, not {grid}.", where=path, hint="Leave the grid away.")
    else:
        found = _pictures(inputs, path, grid, max_pixels)
    if centre is not None:
        found = replace(found, centre=centre)
        found = replace(found, truth=None) if found.centre != (found.grid[0] // 2, found.grid[1] // 2) else found
    if optics is None:
        return found
    return replace(found, optics=optics.with_facts("light field", **_known(found.optics)))


def light_field_sample(
    inputs: Inputs,
    given: Positions | None,
    focus_unit: str | None,
    reverse: bool,
    optics: Optics | None,
    max_pixels: int,
    unused: Mapping[str, object],
) -> Sample:
    """Open a light field as a focal stack, for `load_sample`.

    Args:
        inputs, optics, max_pixels: see `load_light_field`.
        given: focus positions; None = over the known range of disparities.
        focus_unit: their unit; None = what they say, else disparities in px.
        reverse: last frame first; positions that are given are reversed already.
        unused: name -> value of options that mean nothing here; those that were given are named in a warning.
    """
    views = load_light_field(inputs, optics=optics, max_pixels=max_pixels)
    axis, notes, origin = None, [], "range of disparities of the light field"
    if given is not None:
        located = locate_container(len(given.values), given, focus_unit or given.unit or _PIXELS, ())
        if located.values is not None:
            axis, origin = FocusAxis(located.values, located.unit), located.origin
    elif reverse:
        axis = default_axis(views)
        axis = axis.take(range(len(axis))[::-1])
    named = [name for name, value in unused.items() if value is not None]
    notes += [f"Not used: {', '.join(named)}; a light field does not need it."] if named else []
    sample = focused(views, axis)
    check_size(sample.stack.source, views.name)
    info = replace(sample.stack.info, focus_origin=origin, warnings=tuple(notes))
    return replace(sample, stack=replace(sample.stack, info=info))


def focused(
    views: LightField,
    axis: FocusAxis | None = None,
    *,
    refocuser: str | Refocuser = "phase",
    threads: int = 2,
) -> Sample:
    """Return a light field as a focal stack with its truth and its centre view; frames are made on first use.

    Args:
        views: the light field.
        axis: focus positions as disparities (px), depths (metre) or dioptres; None = over the known range of
            disparities, so that the outermost views move by one pixel from frame to frame.
        refocuser: name or instance of a way of refocusing; see `focaldepth.core.light_field.REFOCUSERS`.
        threads: that refocusing may use.

    Raises:
        AxisError: no axis, and the light field does not say its range of disparities.
        UnitError: an axis in metres or dioptres for a light field without baseline and focal length.
    """
    axis = axis or default_axis(views)
    disparities = _disparities(views, axis)
    made = REFOCUSERS.get(refocuser) if isinstance(refocuser, str) else refocuser
    source = RefocusedSource(views, disparities, made, threads)
    parallel = math.isinf(views.zero_disparity_m)
    # Between converging cameras disparity is no multiple of dioptres: the one law of `core.axis` would be wrong.
    optics = views.optics if parallel else replace(views.optics, disparity_scale_m_px=None)
    info = StackInfo(
        name=views.name,
        frame_names=tuple(f"{views.name} at {v:.4g} {axis.unit.symbol}" for v in axis.values),
        files=views.files,
        order_rule="focus distance",
        focus_origin="refocused light field",
        extra={"light_field": {"views": list(views.grid), "centre": list(views.centre), "refocused": made.title}},
    )
    stack = FocalStack(source, axis, optics, views.transfer, info)
    truth = None if views.truth is None else _truth(views, axis.unit)
    return Sample(stack, truth, views.view(*views.centre), None, views.name)


def default_axis(views: LightField) -> FocusAxis:
    """Return disparities over the known range of the scene, far to near, one pixel of blur apart.

    Raises:
        AxisError: the range is unknown.
    """
    if views.disparity_range is None:
        raise AxisError(
            "nothing tells which disparities the scene has.",
            where=views.name,
            hint="Give the disparities to focus at, such as --focus -2.5:2.5:10, in pixels between neighbouring views.",
        )
    low, high = views.disparity_range
    count = max(2, math.ceil((high - low) * max(views.reach)) + 1)
    return FocusAxis(np.linspace(low, high, count), Unit.DISPARITY_PX)


def _disparities(views: LightField, axis: FocusAxis) -> NDArray[np.float64]:
    if axis.unit is Unit.DISPARITY_PX:
        return axis.values
    if axis.unit not in (Unit.METRE, Unit.DIOPTRE):
        raise AxisError(
            f"a light field cannot be focused at {axis.unit.value}.",
            where=views.name,
            hint="Give disparities (px), or depths (m, mm, dioptre).",
        )
    depths = axis.to(Unit.METRE).values
    return np.asarray(views.disparity_of(depths), np.float64)


def _truth(views: LightField, unit: Unit) -> DepthMap | None:
    """The truth in the unit of the axis; None where no law leads there."""
    truth = views.truth
    if truth is None or truth.unit is unit:
        return truth
    try:
        metres = views.depth_of(truth.values) if truth.unit is Unit.DISPARITY_PX else truth.values
        return DepthMap(metres, Unit.METRE, truth.valid & (metres > 0)).to(unit, views.optics)
    except FocalDepthError:
        return None


def _one(inputs: Inputs) -> Path | None:
    if isinstance(inputs, str | Path):
        return Path(inputs)
    return Path(inputs[0]) if len(inputs) == 1 else None


def _pictures(inputs: Inputs, path: Path | None, grid: tuple[int, int] | None, max_pixels: int) -> LightField:
    """Views in picture files: a folder, or a list."""
    if path is not None and not path.is_dir():
        raise ReadError(
            "is no light field.", where=path, hint="Give a folder of views, or an array (U, V, H, W, C) as .npy."
        )
    listed = [path] if path is not None else [Path(p) for p in inputs]  # type: ignore[union-attr]
    files = pictures_in(path) if path is not None else listed
    where = path if path is not None else files[0].parent
    missing = next((f for f in files if not f.exists()), None)
    if missing is not None:
        raise ReadError("does not exist.", where=missing, hint="Check the path.")
    if len(files) < 2:
        raise StackError(f"{len(files)} views found.", where=where, hint="Give a folder of views of one scene.")
    if grid is None:
        files, grid = grid_of_names(files, where)
    return picture_views(files, grid, Path(where).resolve().name, max_pixels=max_pixels)


def _known(optics: Optics) -> dict[str, float]:
    return {name: value for name, value in optics.facts().items() if name != "model"}

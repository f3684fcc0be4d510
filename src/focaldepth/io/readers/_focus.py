"""Focus positions that lie beside a stack in an array file: found by name, unit never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import AxisError, ReadError, UnitError
from focaldepth.core.stack import FrameSource, SelectedSource
from focaldepth.io._numbers import is_relative
from focaldepth.io.readers._layout import Layout

_NAMES = re.compile(
    r"(?:focus|focal|lens|stage)_?(?:dist(?:ance)?s?|positions?|values?|planes?)?|z_?(?:positions?|planes?)|disparities",
    re.IGNORECASE,
)
_SUFFIX = re.compile(
    r"_(disp(?:arity)?(?:_px)?|dioptres?|diopters?|dpt|metres?|meters?|micrometres?|micrometers?|microns?|m|mm|cm|um|nm|px)$",
    re.IGNORECASE,
)
_UNIT_NAMES = ("unit", "units", "Unit", "Units", "UNIT")
_DISPARITY = {
    "disp": "disparity_px",
    "disparity": "disparity_px",
    "disp_px": "disparity_px",
    "disparity_px": "disparity_px",
}


@dataclass(frozen=True)
class Found:
    """Focus positions as a file holds them.

    Attributes:
        name: where they stand.
        values: one per frame.
        unit: as written; None = not said.
    """

    name: str
    values: NDArray[np.float64]
    unit: str | None


def is_focus_name(name: str) -> bool:
    """True for names of focus positions, with or without a unit at the end.

    >>> is_focus_name("focus_position_disp"), is_focus_name("focal_length")
    (True, False)
    """
    return bool(_NAMES.fullmatch(_SUFFIX.sub("", name)))


def unit_of(name: str, attributes: Mapping[str, Any], siblings: Mapping[str, Any]) -> str | None:
    """Return the unit of positions: their own attribute, a neighbour "focus_unit", or the end of their name."""
    stated = [attributes.get(k) for k in _UNIT_NAMES]
    stated += [siblings.get(f"{name}_{k}") for k in _UNIT_NAMES] + [siblings.get(f"focus_{k}") for k in _UNIT_NAMES]
    for value in stated:
        word = text_of(value)
        if word:
            return word
    end = _SUFFIX.search(name)
    return _DISPARITY.get(end[1].lower(), end[1].lower()) if end else None


def axis_unit(name: str, unit: str) -> tuple[Unit, float]:
    """Return the unit of the axis and the factor into it; lengths called z or stage are travel, not distance.

    >>> axis_unit("stage_position", "mm"), axis_unit("focus_distance", "mm")
    ((<Unit.MICROMETRE: 'micrometre'>, 1000.0), (<Unit.METRE: 'metre'>, 0.001))
    """
    found, factor = Unit.parse_scaled(unit)
    if found is Unit.METRE and re.match(r"z(_|$)|z_?pos|stage", name, re.IGNORECASE):
        return Unit.MICROMETRE, factor * 1e6
    return found, factor


def text_of(value: Any) -> str:
    """Return text stored as str, bytes or an array of one of them; empty for anything else."""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size == 1 else None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value).strip() if isinstance(value, str) else ""


def per_frame(values: Any, layout: Layout) -> NDArray[np.float64] | None:
    """Return one value per frame from (N,), (1, N) or (B, N) where B is the axis that an item was chosen of."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        return None
    if array.ndim == 2 and array.shape[1] == layout.count:
        items = [layout.fixed[i] for i in sorted(layout.fixed) if layout.shape[i] == array.shape[0]]
        array = array[items[0]] if items else array[0] if array.shape[0] == 1 else array
    return array.astype(np.float64) if array.shape == (layout.count,) else None


class Placed(NamedTuple):
    """Frames in focus order.

    Attributes:
        source: the frames.
        axis: their positions; None = unknown.
        origin: where the positions stand.
        warnings: what was assumed, or why positions are not used.
        unit_taken: the unit is what the user said, because the file states none.
    """

    source: FrameSource
    axis: FocusAxis | None = None
    origin: str = "none"
    warnings: tuple[str, ...] = ()
    unit_taken: bool = False


def focus_axis(found: Iterable[Found], source: FrameSource, path: Path, origin: str, given: str | None) -> Placed:
    """Put the frames in the order of positions that stand beside them.

    Args:
        found: candidates, best first.
        source: the frames as they are stored.
        path: for messages.
        origin: kind of file.
        given: unit that the user says, for positions without one; without any unit positions are not used.
    """
    candidates = list(found)
    warnings: tuple[str, ...] = ()
    for item in candidates:
        word = item.unit or given
        if word is None:
            warnings = (f"Focus positions {item.name!r} have no unit and are not used; say which with --focus-unit.",)
            continue
        if is_relative(word):
            return _ordered_only(item, source, path, origin)
        try:
            unit, factor = axis_unit(item.name, word)
        except UnitError as error:
            warnings = (f"Focus positions {item.name!r} are not used: {error.what}",)
            continue
        ordered, axis, notes = ordered_axis(source, item.values * factor, unit, path)
        taken = f", {word}" if item.unit is None else ""
        return Placed(ordered, axis, f"{origin} {item.name}{taken}", notes, bool(taken))
    return Placed(source, warnings=warnings)


def _ordered_only(item: Found, source: FrameSource, path: Path, origin: str) -> Placed:
    """Positions without a unit, said to be so: they order the frames and mean no distance."""
    if not np.isfinite(item.values).all():
        raise ReadError(f"a position of {item.name!r} is not finite.", where=path, hint="Give one number per frame.")
    ordered, _, notes = ordered_axis(source, item.values, Unit.INDEX, path)
    told = f"Focus positions {item.name!r} are relative: they order the frames, and the result is in frames."
    axis = FocusAxis.frames(len(item.values))
    return Placed(ordered, axis, f"{origin} {item.name} (order only)", (*notes, told), unit_taken=True)


def ordered_axis(
    source: FrameSource, values: NDArray[np.float64], unit: Unit, path: Path
) -> tuple[FrameSource, FocusAxis, tuple[str, ...]]:
    """Return frames and positions in focus order; frames in another order are sorted and a warning says so."""
    steps = np.diff(values)
    notes: tuple[str, ...] = ()
    if not (np.all(steps > 0) or np.all(steps < 0)) and np.isfinite(steps).all():
        order = np.argsort(values, kind="stable")
        values = values[order]
        source = SelectedSource(source, tuple(int(i) for i in order))
        notes = ("Frames were not in the order of their focus positions and have been sorted.",)
    try:
        return source, FocusAxis(values, unit), notes
    except AxisError as error:
        raise ReadError(error.what, where=path, hint=error.hint) from error

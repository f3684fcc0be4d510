"""Focus positions that only order the frames: no unit is stated, and the numbers cannot be metres."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

from focaldepth.io._lens import FOCAL_LENGTH, plausible_m, read_number
from focaldepth.io._numbers import is_relative
from focaldepth.io._reader import PictureFile
from focaldepth.io._sidecar import Positions

_FARTHEST_M = 1e4
"""Nobody states a finite distance beyond 10 km: to every lens it is infinity."""
_SMALLEST_SPAN = 0.02
"""Range in dioptres below which all frames of a camera look alike: 50 mm f/2 blurs a point by a few micrometres."""


def why_relative(stated: Positions, unit: str | None, beside: Sequence[PictureFile]) -> str:
    """Say why positions mean no distance; "" where they have a unit or can be metres.

    Args:
        stated: positions with the unit that their source states.
        unit: what the caller says; "relative" is an answer, too.
        beside: files of the folder; a focal_length.txt that is no focal length tells that a set has its own scale.
    """
    if unit is not None:
        return f"their unit is given as {unit}" if is_relative(unit) else ""
    if stated.relative:
        return stated.relative
    if stated.unit is not None:
        return f"their unit is stated as {stated.unit}" if is_relative(stated.unit) else ""
    return _no_metres(stated.values) or _own_scale(beside)


def _no_metres(values: Sequence[float]) -> str:
    """Why numbers without a unit cannot be metres; 0 and less are left to the check that names their line."""
    if not values or min(values) <= 0 or any(v != v for v in values):
        return ""
    far = max(v for v in (*values, 0.0) if not isinf(v))
    if far > _FARTHEST_M:
        return f"no unit is stated, and {far:g} m would be beyond what any lens tells from infinity"
    if 1 / min(values) - 1 / max(values) < _SMALLEST_SPAN:
        return f"no unit is stated, and from {min(values):g} to {max(values):g} m all frames would look alike"
    return ""


def _own_scale(beside: Sequence[PictureFile]) -> str:
    file = next((f for f in beside if f.name.lower() == FOCAL_LENGTH), None)
    found = None if file is None else read_number(file)
    if file is None or found is None or found[1] or plausible_m(*found) is not None:
        return ""
    return f"no unit is stated, and {file.name} beside them says {found[0]:g}, which is no focal length in mm either"

"""Facts about the lens: what the caller says, then focal_length.txt, then EXIF of the reference frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.optics import Optics
from focaldepth.io._numbers import parse_value
from focaldepth.io._reader import PictureFile
from focaldepth.io._sidecar import read_text

FOCAL_LENGTH = "focal_length.txt"
_PLAUSIBLE_MM = (0.5, 5000.0)
_FACTORS_MM = {"": 1.0, "mm": 1.0, "cm": 10.0, "m": 1000.0}


def lens_facts(
    given: Optics | None, beside: Sequence[PictureFile], stated: Sequence[Optics], reference: int, axis: FocusAxis
) -> tuple[Optics, list[str]]:
    """Join what is known of the lens.

    Args:
        given: from the caller; goes before everything else.
        beside: files of the folder, one of which may be focal_length.txt.
        stated: what each frame or the container states.
        reference: the frame whose facts count.
        axis: a focal length must be shorter than the nearest focus distance.

    Returns:
        Facts with origins; warnings.
    """
    optics = given or Optics()
    named = {f: "argument" for f in optics.facts() if f not in optics.origin and f != "model"}
    optics = replace(optics, origin={**optics.origin, **named})
    warnings = []
    file = next((f for f in beside if f.name.lower() == FOCAL_LENGTH), None)
    if file is not None:
        focal_length_m, note = read_focal_length(file, axis)
        optics = optics.with_facts(file.name, focal_length_m=focal_length_m)
        warnings += [note] if note else []
    if not stated:
        return optics, warnings
    chosen = stated[reference]
    for fact in (f.name for f in fields(Optics) if f.name not in ("origin", "model")):
        optics = optics.with_facts(chosen.origin.get(fact, "file"), **{fact: getattr(chosen, fact)})
    if len({s.focal_length_m for s in stated}) > 1 and optics.focal_length_m == chosen.focal_length_m:
        warnings.append("Frames state different focal lengths: was the lens zoomed? The reference frame's is used.")
    if given is None or given.model == Optics().model:
        optics = replace(optics, model=chosen.model)
    return optics, warnings


def known_focal_length(given: Optics | None, beside: Sequence[PictureFile]) -> float | None:
    """Return what is said of the focal length beside the frames, in metres: by the caller, else by focal_length.txt."""
    if given is not None and given.focal_length_m is not None:
        return given.focal_length_m
    file = next((f for f in beside if f.name.lower() == FOCAL_LENGTH), None)
    found = None if file is None else read_number(file)
    return None if found is None else plausible_m(*found)


def read_number(file: PictureFile) -> tuple[float, str] | None:
    """Return the number of focal_length.txt and the unit behind it ("" where there is none); None for several."""
    lines = [line.partition("#")[0].strip() for line in read_text(file).splitlines()]
    values = {parse_value(line.strip(",;")) for line in lines if line}
    if not values or None in values:
        raise ReadError("holds no focal length.", where=file, hint="Write one number in mm, or delete the file.")
    return next(v for v in values if v) if len(values) == 1 else None


def plausible_m(number: float, unit: str) -> float | None:
    """Return a focal length in metres; None for one that no lens has."""
    factor = _FACTORS_MM.get(unit.lower())
    low, high = _PLAUSIBLE_MM
    return number * factor * 1e-3 if factor and low <= number * factor <= high else None


def read_focal_length(file: PictureFile, axis: FocusAxis) -> tuple[float | None, str]:
    """Read focal_length.txt: millimetres unless a unit stands behind the number.

    A number that cannot be a focal length in millimetres (shorter than 0.5 mm, or not shorter than the nearest focus
    distance) belongs to a set with a scale of its own: it is left out and said so.

    Returns:
        Focal length in metres, or None; a warning or "".
    """
    found = read_number(file)
    if found is None:
        return None, f"{file.name}: several focal lengths; none is used. Give one with --optics focal_length_m=VALUE."
    number, unit = found
    focal_m = plausible_m(number, unit)
    nearest_m = float(axis.values.min()) if axis.unit is Unit.METRE else float("inf")
    if focal_m is not None and focal_m < nearest_m:
        return focal_m, ""
    return None, (
        f"{file.name}: {number:g} {unit or 'mm'} is no plausible focal length beside these focus distances; it is "
        "left out. Give it with --optics focal_length_m=VALUE."
    )

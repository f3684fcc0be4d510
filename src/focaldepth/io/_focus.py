"""Focus positions of the frames: which source counts, which value belongs to which frame, whether they make sense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import AxisError, ReadError
from focaldepth.io._exif import from_principal_plane
from focaldepth.io._files import PictureEntry
from focaldepth.io._makernote import indistinct, positions_from, read_distances
from focaldepth.io._names import unambiguous, with_pattern
from focaldepth.io._numbers import is_unit, parse_value, same_unit
from focaldepth.io._reader import PictureFile
from focaldepth.io._relative import why_relative
from focaldepth.io._sidecar import Positions, find_sidecar, read_sidecar

Focus = str | Path | FocusAxis | Sequence[float] | NDArray[np.float64] | None
NO_UNIT = "No focus positions found: the result is in frames and has no unit. Give them with --focus or a focus.csv."


@dataclass(frozen=True)
class Located:
    """Positions of some frames, in the unit of the axis.

    Attributes:
        values: one per frame; None = unknown.
        unit: of the values.
        origin: for the result.
        warnings: sentences that belong into the result.
        relative: values only order the frames.
    """

    values: NDArray[np.float64] | None = None
    unit: Unit = Unit.INDEX
    origin: str = "none"
    warnings: tuple[str, ...] = ()
    relative: bool = False


def from_argument(focus: Focus) -> Positions | None:
    """Read what the caller gives: numbers, an axis, "0.1,0.2", "start:stop:count", or the path of a sidecar.

    >>> from_argument("100:200:3 mm").values
    (100.0, 150.0, 200.0)
    """
    if focus is None:
        return None
    if isinstance(focus, FocusAxis):
        return Positions(tuple(focus.values.tolist()), "argument", "--focus", unit=focus.unit.value)
    if isinstance(focus, Path):
        return read_sidecar(focus)
    if not isinstance(focus, str):
        return Positions(tuple(float(v) for v in focus), "argument", "--focus")
    text = focus.strip()
    words = text.rsplit(maxsplit=1)
    unit = words[1] if len(words) == 2 and is_unit(words[1]) else None
    values = _numbers(words[0] if unit else text)
    if values is not None:
        return Positions(values, "argument", "--focus", unit=unit)
    if Path(text).is_file():
        return read_sidecar(Path(text))
    raise ReadError(
        f"{text!r} is neither a list of numbers nor a file.",
        where="--focus",
        hint="Give 0.1,0.2,0.3 or start:stop:count or the path of a focus.csv.",
    )


def _numbers(text: str) -> tuple[float, ...] | None:
    if text.count(":") == 2:
        parts = [parse_value(p) for p in text.split(":")]
        if None in parts or parts[2] is None or parts[2][0] != int(parts[2][0]):
            return None
        start, stop, count = (p[0] for p in parts if p)
        if not 1 <= count <= 100_000:
            raise AxisError(f"{text} asks for {count:g} positions.", where="--focus", hint="start:stop:count")
        return tuple(float(v) for v in np.linspace(start, stop, int(count)))
    found = [parse_value(p) for p in text.replace(";", ",").split(",") if p.strip()]
    plain = [f[0] for f in found if f is not None and not f[1]]
    return tuple(plain) if plain and len(plain) == len(found) else None


def locate(
    files: Sequence[PictureFile],
    entries: Sequence[PictureEntry | None],
    given: Positions | None,
    unit: str | None,
    *,
    beside: Sequence[PictureFile] = (),
    siblings: Sequence[PictureFile] = (),
    name_pattern: str | None = None,
    focal_length_m: float | None = None,
) -> Located:
    """Find the focus positions of picture files: argument, sidecar, EXIF, MakerNote, names, in this order.

    Args:
        files: all frames, in the order in which a positional list counts them.
        entries: what their headers say; None for bad frames, which get NaN where only the header tells.
        given: from `from_argument`.
        unit: what the caller says the numbers are in.
        beside: files of the folder that are not frames.
        siblings: all pictures of the folder, in natural order.
        name_pattern: where the number stands in file names.
        focal_length_m: what is said of the lens beside EXIF; moves distances from the sensor to the principal plane.

    Raises:
        AxisError: positions of a list or sidecar do not fit the frames or are impossible; names file and line.
    """
    if given is None and name_pattern is not None:
        given = with_pattern([f.name for f in files], name_pattern)
    stated, notes = (given, []) if given else _sidecar(beside)
    if stated is not None:
        located = _settle(_attach(stated, files, siblings), unit, beside)
        return replace(located, warnings=(*notes, *located.warnings))
    found, notes = _from_headers(entries, focal_length_m)
    if found is None:
        found, hint = unambiguous([f.name for f in files])
        notes += [hint] if hint else []
    if found is None:
        return Located(warnings=(*notes, NO_UNIT, *unused_unit(unit, None)))
    if found.where != "file names":
        # Headers state metres; a unit given by the caller is for numbers that come without one.
        notes += unused_unit(unit, found.unit, found.where)
        unit = None
    located = _settle(replace(found, names=None), unit, beside)
    return replace(located, warnings=(*notes, *located.warnings))


def unused_unit(given: str | None, stated: str | None, origin: str = "") -> list[str]:
    """Say so when a unit that the user gives is not used, because the positions have one or are unknown.

    >>> unused_unit("mm", "m", "EXIF")
    ['The focus unit mm is not used: EXIF states m.']
    """
    if given is None or (stated is not None and same_unit(given, stated)):
        return []
    why = f"{origin} states {stated}" if stated is not None else "there are no focus positions that it could belong to"
    return [f"The focus unit {given} is not used: {why}."]


def locate_container(n: int, given: Positions | None, unit: str | None, beside: Sequence[PictureFile]) -> Located:
    """Find positions for the N frames of a container in the argument or a sidecar."""
    stated, notes = (given, []) if given else _sidecar(beside)
    if stated is None:
        return Located(warnings=tuple(notes))
    if len(stated.values) != n:
        raise _wrong_count(stated, n)
    located = _settle(replace(stated, names=None), unit, beside)
    return replace(located, warnings=(*notes, *located.warnings))


def _sidecar(beside: Sequence[PictureFile]) -> tuple[Positions | None, list[str]]:
    file, unused = find_sidecar(beside)
    if file is None:
        return None, []
    return read_sidecar(file), [
        f"{file.name} gives the focus positions; not used: {', '.join(unused)}."
    ] if unused else []


def _attach(stated: Positions, files: Sequence[PictureFile], siblings: Sequence[PictureFile]) -> Positions:
    """Bring stated positions into the order of the files."""
    if stated.names is not None:
        order, notes = _by_name(stated, stated.names, files, siblings)
    elif len(stated.values) == len(files):
        return stated
    elif len(stated.values) == len(siblings) and set(files) <= set(siblings):
        order, notes = [list(siblings).index(f) for f in files], []
    else:
        raise _wrong_count(stated, len(files))
    return replace(
        stated,
        values=tuple(stated.values[i] for i in order),
        lines=tuple(stated.lines[i] for i in order) if stated.lines else (),
        names=None,
        warnings=(*stated.warnings, *notes),
    )


def _by_name(
    stated: Positions, names: Sequence[str], files: Sequence[PictureFile], siblings: Sequence[PictureFile]
) -> tuple[list[int], list[str]]:
    """Match names of a sidecar to files, if need be without case, folder or suffix."""
    place: dict[str, int] = {}
    for i, name in enumerate(names):
        if name in place:
            raise AxisError(f"{name} has two positions.", where=stated.place(i), hint="Keep one of the two lines.")
        place[name] = i
    loose: dict[str, int] = {}
    for name, i in place.items():
        base = name.replace("\\", "/").rpartition("/")[2].casefold()
        loose.setdefault(base, i)
        loose.setdefault(base.rpartition(".")[0] or base, i)
    found = [place.get(f.name, loose.get(f.name.casefold(), loose.get(f.stem.casefold(), -1))) for f in files]
    if -1 in found:
        missing = files[found.index(-1)].name
        raise AxisError(f"gives no position for {missing}.", where=stated.where, hint="Add a line for it.")
    others = {f.name.casefold() for f in siblings}
    unused = [n for n, i in place.items() if i not in found and n.casefold() not in others]
    return found, [f"{stated.origin} names files that are not there: {', '.join(unused[:3])}."] if unused else []


def _wrong_count(stated: Positions, n: int) -> AxisError:
    m = len(stated.values)
    last = f"; the last one is on line {stated.lines[-1]}" if stated.lines else ""
    what = f"{n} frames but {m} focus position{'s' * (m != 1)}{last}."
    hint = "Give one focus position per frame."
    if m == 2 * n and len(set(stated.lines)) == n:
        hint = "Every line holds two numbers: write 0.35 for 0,35, or name the columns (file,focus_mm)."
    return AxisError(what, where=stated.where, hint=hint)


def _from_headers(
    entries: Sequence[PictureEntry | None], focal_length_m: float | None
) -> tuple[Positions | None, list[str]]:
    """EXIF first; MakerNotes where EXIF says nothing that tells the frames apart."""
    good = [e for e in entries if e is not None]
    notes = []
    stated = [_from_lens(e, focal_length_m) for e in good]
    known = [s for s in stated if s is not None]
    if known and len(known) < len(good):
        silent = next(e.name for e, s in zip(good, stated, strict=True) if s is None)
        notes.append(
            f"EXIF: {silent} and {len(good) - len(known) - 1} more state no distance; EXIF distances not used."
        )
    elif known:
        problem = indistinct([d for _, d in known]) or _mixed([o for o, d in known if d != float("inf")])
        if not problem:
            return _exif_positions(entries, known), []
        notes.append(f"EXIF SubjectDistance: {problem}; not used.")
    files = [e.file for e in good if isinstance(e.file, Path)]
    if len(files) != len(good) or not any(e.facts.maker_note for e in good):
        return None, notes
    records = read_distances(files)
    if records is None:
        return None, notes
    found, more = positions_from(records, [f.name for f in files], focal_length_m)
    return _spread(found, entries), notes + more


def _mixed(origins: Sequence[str]) -> str:
    """Say so when only some distances could be moved to the principal plane: then they have no common zero."""
    kinds = {o.partition(" with f")[0] for o in origins}
    return "only some distances could be converted to the principal plane" if len(kinds) > 1 else ""


def _from_lens(entry: PictureEntry, focal_length_m: float | None) -> tuple[str, float] | None:
    """Origin and distance from the principal plane; EXIF counts from the sensor."""
    if entry.facts.focus is None:
        return None
    tag, distance = entry.facts.focus
    done, distance = from_principal_plane(distance, focal_length_m or entry.facts.optics.focal_length_m)
    return f"{tag}, {done}", distance


def _exif_positions(entries: Sequence[PictureEntry | None], known: Sequence[tuple[str, float]]) -> Positions:
    # Infinity needs no conversion, so it does not tell what was done with the others.
    origin = next((o for o, d in known if d != float("inf")), known[0][0])
    notes: tuple[str, ...] = ()
    if "not converted" in origin:
        notes = (f"Focus distances count {origin.partition(', ')[2]}. State it with --optics focal_length=50mm.",)
    rest = iter(known)
    values = tuple(float("nan") if e is None else next(rest)[1] for e in entries)
    return Positions(values, origin, "EXIF", unit="m", warnings=notes)


def _spread(found: Positions | None, entries: Sequence[PictureEntry | None]) -> Positions | None:
    """Give bad frames, which have no header, NaN: they are left out anyway."""
    if found is None:
        return None
    rest = iter(found.values)
    return replace(found, values=tuple(float("nan") if e is None else next(rest) for e in entries), names=None)


def _settle(stated: Positions, unit: str | None, beside: Sequence[PictureFile]) -> Located:
    """Decide the unit and scale the values into it."""
    notes = list(stated.warnings)
    relative = why_relative(stated, unit, beside)
    if relative:
        _check(np.array(stated.values), None, stated)
        hint = "" if unit else " If they do have a unit, say which with --focus-unit."
        notes.append(f"{stated.origin}: {relative}; they order the frames, and the result is in frames.{hint}")
        return Located(
            np.array(stated.values), Unit.INDEX, f"{stated.origin} (order only)", tuple(notes), relative=True
        )
    if stated.relative:
        notes.append(f"{stated.origin}: {stated.relative}, but are taken as {unit} on request.")
    if unit and stated.unit and not same_unit(unit, stated.unit):
        notes.append(f"{stated.origin} states {stated.unit}; taken as {unit} on request.")
    word = unit or stated.unit
    if word is None:
        word = "m"
        notes.append(f"{stated.origin}: unit not stated, metres assumed. Say otherwise with --focus-unit.")
    kind, factor = Unit.parse_scaled(word)
    # Dividing by 1000 rounds once, multiplying by 0.001 twice: 350 mm is 0.35 m exactly.
    scaled = np.array(stated.values) / round(1 / factor) if factor < 1 else np.array(stated.values)
    origin = f"{stated.origin}, {word}" if word not in stated.origin and stated.where != "EXIF" else stated.origin
    if stated.where not in ("EXIF", "MakerNote"):
        _check(scaled, kind, stated)
    return Located(scaled, kind, origin, tuple(notes))


def _check(values: NDArray[np.float64], unit: Unit | None, stated: Positions) -> None:
    """Refuse what no lens can do and what cannot tell frames apart, with file and line; None = relative positions."""
    seen: dict[float, int] = {}
    for i, value in enumerate(values.tolist()):
        written = f"{stated.values[i]:g}"
        if (
            value != value
            or (value in (float("inf"), float("-inf")) and unit not in (Unit.METRE, None))
            or value == float("-inf")
        ):
            raise AxisError(
                f"focus position is {written}.", where=stated.place(i), hint="Give one finite number per frame."
            )
        if (unit is Unit.METRE and value <= 0) or (unit is Unit.DIOPTRE and value < 0):
            raise AxisError(
                f"focus position {i + 1} is {written}, which no lens can focus at.",
                where=stated.place(i),
                hint="Metres must be above 0, dioptres at least 0; stage positions are given in um.",
            )
        if value in seen and unit is not None:
            raise AxisError(
                f"frames {seen[value] + 1} and {i + 1} have the same focus position {written}.",
                where=stated.place(i),
                hint="Remove one of the two frames or correct its position.",
            )
        seen[value] = i

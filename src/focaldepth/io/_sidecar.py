"""Focus positions written beside the pictures: text, CSV, YAML, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from focaldepth.core.errors import AxisError, ReadError
from focaldepth.io._numbers import is_unit, parse_value, unit_of_comment, unit_of_heading
from focaldepth.io._reader import PictureFile
from focaldepth.io._yaml import parse_yaml

SIDECARS = (
    "focus_distance.txt",
    "focus_distances.txt",
    "focus.txt",
    "focus.csv",
    "focus.yaml",
    "focus.yml",
    "focus.json",
)
"""Names that are looked for beside the pictures, first that exists; and ``focus_<unit>.txt`` such as focus_um.txt."""

_MAX_BYTES = 4 << 20
_UNIT_IN_NAME = re.compile(r"^focus_([a-zµμ]+)\.(?:txt|csv)$", re.I)
_FILE_COLUMNS = ("file", "filename", "file_name", "name", "image", "picture")
_NUMBER_COLUMNS = ("frame", "index", "number", "plane", "i", "n", "no")
_VALUE_WORDS = ("focus", "distance", "position", "dioptre", "diopter", "z", "value", "depth", "d", "s")


@dataclass(frozen=True)
class Positions:
    """Focus positions as a source states them.

    Attributes:
        values: as written.
        origin: where from, for the result ("focus.csv").
        where: file or argument, for errors.
        names: file that each value belongs to; None = one value per frame, in frame order.
        lines: line of each value; empty where there are no lines.
        unit: as written; None = not stated.
        relative: why the values only order the frames and mean no distance; "" = they do mean one.
        warnings: sentences that belong into the result.
    """

    values: tuple[float, ...]
    origin: str
    where: str
    names: tuple[str, ...] | None = None
    lines: tuple[int, ...] = ()
    unit: str | None = None
    relative: str = ""
    warnings: tuple[str, ...] = ()

    def reversed(self) -> Positions:
        """Return the values last first, for frames taken last first."""
        return replace(self, values=self.values[::-1], lines=self.lines[::-1])

    def place(self, i: int) -> str:
        """File and line of value i, for errors."""
        return f"{self.where} line {self.lines[i]}" if self.lines else self.where


def find_sidecar(files: Sequence[PictureFile]) -> tuple[PictureFile | None, list[str]]:
    """Return the sidecar among the files of a folder, and the names of further ones that are not used."""
    named = {f.name.lower(): f for f in files}
    united = sorted(n for n in named if n not in SIDECARS and _unit_of_name(n))
    found = [n for n in (*SIDECARS[:3], *united, *SIDECARS[3:]) if n in named]
    return (named[found[0]] if found else None), found[1:]


def _unit_of_name(name: str) -> str | None:
    match = _UNIT_IN_NAME.match(name)
    return match[1].lower() if match and is_unit(match[1]) else None


def read_sidecar(file: PictureFile) -> Positions:
    """Read a sidecar by its suffix.

    Raises:
        ReadError: not text, or not understood; names the line.
    """
    text = read_text(file)
    suffix = file.suffix.lower()
    if suffix == ".json":
        positions = _from_data(_json(text, file), file)
    elif suffix in (".yaml", ".yml"):
        positions = _from_data(parse_yaml(text, file), file)
    else:
        positions = _from_table(text, file)
    if not positions.values:
        raise ReadError("holds no focus positions.", where=file, hint="Write one value per line, or delete the file.")
    return replace(positions, unit=positions.unit or _unit_of_name(file.name))


def read_text(file: PictureFile) -> str:
    """Return a small text file: UTF-8, UTF-16 with its mark, else the code page that spreadsheets of Windows write."""
    with file.open("rb") as stream:
        data = stream.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ReadError("is too large for a list of focus positions.", where=file, hint="Is it another file?")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig"] if b"\x00" in data else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ReadError("is not a text file.", where=file, hint="Save it as UTF-8 text.")


def _from_table(text: str, file: PictureFile) -> Positions:
    rows, unit = _rows(text, file.suffix.lower() == ".csv")
    names: list[str] = []
    values: list[tuple[float, str, int]] = []
    frames: list[int] = []
    name_at, frame_at, value_at = None, None, None
    if rows and not any(parse_value(c) for c in rows[0][1]):
        name_at, frame_at, value_at, stated = _columns(rows[0][1], file)
        unit, rows = stated or unit, rows[1:]
    for line, cells in rows:
        if value_at is None:
            name, found = _bare_row(cells, line, file)
            values += [(v, u, line) for v, u in found]
            names += [name] if name is not None else []
            continue
        value = parse_value(cells[value_at]) if value_at < len(cells) else None
        if value is None:
            raise ReadError(f"line {line} has no focus position.", where=file, hint="Give one number per frame.")
        values.append((*value, line))
        names += [cells[name_at]] if name_at is not None else []
        frames += [_frame_number(cells[frame_at], line, file)] if frame_at is not None and name_at is None else []
    if names and len(names) != len(values):
        raise ReadError("some lines name a file and some do not.", where=file, hint="Write `file value` on every line.")
    positions = _positions(values, unit, file)
    return _by_number(positions, frames) if frames else replace(positions, names=tuple(names) or None)


def _rows(text: str, csv: bool) -> tuple[list[tuple[int, list[str]]], str | None]:
    """Split into cells; a unit may stand in a comment."""
    rows, unit = [], None
    lines = text.splitlines()
    body = "".join(line for line in lines if not line.lstrip().startswith("#"))
    separator = next((s for s in ";\t," if s in body), None) if csv else None
    for number, line in enumerate(lines, 1):
        content, _, comment = line.partition("#")
        unit = unit or unit_of_comment(comment)
        if not content.strip():
            continue
        cells = content.split(separator) if separator else re.split(r"[,;\s]+", content.strip(" \t,;"))
        cells = [c.strip().strip("\"'") for c in cells]
        if separator in (";", "\t"):
            cells = [c.replace(",", ".") if parse_value(c.replace(",", ".")) else c for c in cells]
        rows.append((number, cells))
    return rows, unit


def _columns(cells: Sequence[str], file: PictureFile) -> tuple[int | None, int | None, int | None, str | None]:
    """Positions of the name, frame number and value columns by their headings, and the unit."""
    plain = [c.strip().lower().replace(" ", "_") for c in cells]
    name_at = next((i for i, c in enumerate(plain) if c in _FILE_COLUMNS), None)
    frame_at = next((i for i, c in enumerate(plain) if c in _NUMBER_COLUMNS), None)
    rest = [i for i in range(len(cells)) if i not in (name_at, frame_at)]
    likely = [i for i in rest if re.split(r"[_(\[]", plain[i])[0] in _VALUE_WORDS]
    chosen = (likely or (rest if len(rest) == 1 else [])) + [None]
    if chosen[0] is None and len(cells) > 1:
        raise ReadError(
            f"no column is named focus: {', '.join(cells)}.",
            where=file,
            hint="Name the columns `file,focus_mm` (or focus_m, focus_um, focus_dioptre).",
        )
    at = chosen[0] if len(cells) > 1 else (0 if chosen[0] is not None else None)
    return name_at, frame_at, at, unit_of_heading(cells[at or 0])


def _bare_row(cells: Sequence[str], line: int, file: PictureFile) -> tuple[str | None, list[tuple[float, str]]]:
    """A line without headings: values, or a file name and its value."""
    if len(cells) > 1 and is_unit(cells[-1]) and not parse_value(cells[-1]):
        cells = [*cells[:-2], f"{cells[-2]} {cells[-1]}"]
    name = None
    if len(cells) == 2 and parse_value(cells[0]) is None:
        name, cells = cells[0], cells[1:]
    values = [parse_value(c) for c in cells]
    bad = next((c for c, v in zip(cells, values, strict=True) if v is None), None)
    if bad is not None:
        raise ReadError(f"line {line} is not a focus position: {bad!r}.", where=file, hint="Give one number per line.")
    return name, [v for v in values if v is not None]


def _frame_number(text: str, line: int, file: PictureFile) -> int:
    try:
        return int(text)
    except ValueError as error:
        what = f"line {line}: {text!r} is no frame number."
        raise ReadError(what, where=file, hint="Name the column `file` if it holds file names.") from error


def _by_number(positions: Positions, frames: Sequence[int]) -> Positions:
    """Order values by their frame numbers, which count from 0 or from 1 without a gap."""
    order = sorted(range(len(frames)), key=frames.__getitem__)
    ranked = [frames[i] for i in order]
    if ranked != list(range(ranked[0], ranked[0] + len(ranked))) or ranked[0] not in (0, 1):
        raise AxisError(
            "frame numbers do not count from 0 or 1 without gap and repetition.",
            where=positions.where,
            hint="Number the frames in the order of their names, or name the files.",
        )
    lines = tuple(positions.lines[i] for i in order) if positions.lines else ()
    return replace(positions, values=tuple(positions.values[i] for i in order), lines=lines)


def _positions(values: Sequence[tuple[float, str, int]], unit: str | None, file: PictureFile) -> Positions:
    stated = {u for _, u, _ in values if u}
    if len(stated) > 1:
        raise ReadError(f"mixes units: {', '.join(sorted(stated))}.", where=file, hint="Use one unit.")
    lines = tuple(n for _, _, n in values if n)
    return Positions(
        values=tuple(v for v, _, _ in values),
        origin=file.name,
        where=str(file),
        lines=lines,
        unit=next(iter(stated), unit),
    )


def _json(text: str, file: PictureFile) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        at = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ReadError(f"is not valid JSON{at}.", where=file, hint="Correct it.") from error


def _from_data(data: Any, file: PictureFile) -> Positions:
    """Read what JSON or YAML holds: a list, {"unit", "values"}, {file: value}, or one record per frame."""
    head = {_plain(k): v for k, v in data.items()} if isinstance(data, Mapping) else {}
    body: Any = data
    unit = next((str(head[k]) for k in ("unit", "units", "focusunit") if k in head), None)
    if isinstance(data, Mapping):
        body, key = _body(data)
        unit = unit or _unit_of_key(key)
    if isinstance(body, Mapping):
        names = tuple(str(k) for k in body)
        positions = replace(_positions([_number(v, file) for v in body.values()], unit, file), names=names)
    elif isinstance(body, list) and body and all(isinstance(b, Mapping) for b in body):
        positions = _from_records(body, unit, file)
    elif isinstance(body, list):
        positions = _positions([_number(v, file) for v in body], unit, file)
    else:
        raise ReadError("holds no list of focus positions.", where=file, hint='Write {"unit": "mm", "values": [...]}.')
    return _calibrated(positions, head, body)


def _plain(key: object) -> str:
    return re.sub(r"[^a-z0-9]", "", str(key).lower())


def _body(data: Mapping[str, Any]) -> tuple[Any, str]:
    """The part that holds the positions, and its key."""
    for key, value in data.items():
        if isinstance(value, list | Mapping) and not PurePath(str(key)).suffix:
            return value, str(key)
    numbers = {k: v for k, v in data.items() if _is_number(v)}
    return numbers, ""


def _is_number(value: Any) -> bool:
    return (isinstance(value, int | float) and not isinstance(value, bool)) or (
        isinstance(value, str) and parse_value(value) is not None
    )


def _unit_of_key(key: str) -> str | None:
    return "dioptre" if _plain(key).endswith("lensfocusdistance") else unit_of_heading(key) if key else None


def _number(value: Any, file: PictureFile) -> tuple[float, str, int]:
    if isinstance(value, str) and (parsed := parse_value(value)):
        return (*parsed, 0)
    if value is None or not _is_number(value):
        raise ReadError(f"{value!r} is not a focus position.", where=file, hint="Give one number per frame.")
    return float(value), "", 0


def _from_records(records: Sequence[Mapping[str, Any]], unit: str | None, file: PictureFile) -> Positions:
    keys = list(records[0])
    name_key = next((k for k in keys if _plain(k) in {_plain(c) for c in _FILE_COLUMNS}), None)
    likely = [k for k in keys if k != name_key and (_unit_of_key(k) or _plain(k) in ("focus", "distance", "value"))]
    if not likely or any(likely[0] not in r or (name_key and name_key not in r) for r in records):
        raise ReadError("a record lacks its focus position.", where=file, hint='Write {"file": ..., "focus_mm": ...}.')
    values = [_number(r[likely[0]], file) for r in records]
    positions = _positions(values, unit or _unit_of_key(likely[0]), file)
    return replace(positions, names=tuple(str(r[name_key]) for r in records) if name_key else None)


def _calibrated(positions: Positions, head: Mapping[str, Any], body: Any) -> Positions:
    """Heed what Android cameras say of their focus distances: UNCALIBRATED ones are no dioptres, moving lenses lie."""
    records = (
        [{_plain(k): v for k, v in r.items()} for r in body if isinstance(r, Mapping)] if isinstance(body, list) else []
    )
    words = [v for h in (head, *records) for k, v in h.items() if k.endswith("focusdistancecalibration")]
    warnings = []
    moving = [str(i) for i, r in enumerate(records) if str(r.get("lensstate", "")).upper() in ("MOVING", "1")]
    if moving:
        warnings.append(f"{positions.origin}: the lens was still moving in frame {', '.join(moving)}.")
    if any(str(w).upper() in ("APPROXIMATE", "1") for w in words):
        warnings.append(f"{positions.origin}: the camera calls its focus distances approximate.")
    relative = "the camera calls its focus distances UNCALIBRATED"
    uncalibrated = any(str(w).upper() in ("UNCALIBRATED", "0") for w in words)
    return replace(positions, relative=relative if uncalibrated else "", warnings=tuple(warnings))

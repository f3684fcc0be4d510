"""Log of lens or stage positions that was written beside a video: CSV, text columns or JSON."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError, UnitError
from focaldepth.io.readers._focus import axis_unit
from focaldepth.io.readers._planes import reading

_MAX_BYTES = 64 << 20
_TIME = re.compile(r"(?:time|t|time_?stamp|frame_time|seconds?)", re.IGNORECASE)
_POSITION = re.compile(
    r"(?:focus|focal|lens|stage|z)?_?(?:position|pos|distance|dist|value)?|dioptres?|diopters?", re.IGNORECASE
)
_STATE = re.compile(r"(?:lens_?)?state|moving|motion|status", re.IGNORECASE)
_HEADER = re.compile(r"\s*(.*?)\s*(?:[\[(]\s*([^\])]+?)\s*[\])])?\s*")
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_EXAMPLE = 'Give columns such as "time_s,position_um" or "timestamp_ms,focus_dioptre,state".'
_MOVING = ("mov", "1", "true", "yes")


@dataclass(frozen=True)
class PositionLog:
    """Positions over time.

    Attributes:
        path: of the log.
        times: (M,) seconds, increasing.
        positions: (M,) in `unit`.
        moving: (M,) true from this entry on while the lens moves; None where the log does not say.
        unit: of the positions.
    """

    path: Path
    times: NDArray[np.float64]
    positions: NDArray[np.float64]
    moving: NDArray[np.bool_] | None
    unit: Unit


def read_log(path: Path) -> PositionLog:
    """Read a log; the header names the columns and the unit of the positions."""
    with reading(path, "position log"):
        if path.stat().st_size > _MAX_BYTES:
            raise ReadError("a position log of this size is not believed.", where=path, hint=_EXAMPLE)
        raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    columns = _json_columns(text, path) if path.suffix.lower() == ".json" else _text_columns(text, path)
    return _log(columns, path)


def _text_columns(text: str, path: Path) -> dict[str, list[Any]]:
    lines = [line for line in text.splitlines() if line.strip()]
    comments = [line for line in lines if line.lstrip().startswith("#")]
    lines = [line for line in lines if not line.lstrip().startswith("#")]
    if comments and lines and not re.search(r"[A-Za-z]{2}", lines[0].replace("moving", "").replace("stationary", "")):
        lines.insert(0, comments[-1].lstrip("# "))
    if len(lines) < 2:
        raise ReadError("the log holds no entries.", where=path, hint=_EXAMPLE)
    mark = next((m for m in ",;\t" if m in lines[0]), None)
    with reading(path, "position log"):
        rows = [line.split() for line in lines] if mark is None else list(csv.reader(lines, delimiter=mark))
    wrong = next((i for i, row in enumerate(rows) if len(row) != len(rows[0])), None)
    if wrong is not None:
        raise ReadError(
            f"row {wrong} has {len(rows[wrong])} columns, the header {len(rows[0])}.", where=path, hint=_EXAMPLE
        )
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


def _json_columns(text: str, path: Path) -> dict[str, list[Any]]:
    with reading(path, "position log"):
        data = json.loads(text)
    unit = str(data.get("unit", "")) if isinstance(data, dict) else ""
    if isinstance(data, dict):
        lists = [v for v in data.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
        data = lists[0] if lists else data
    if isinstance(data, list):
        rows = [r for r in data if isinstance(r, dict)]
        names = list(rows[0]) if rows else []
        if len(rows) != len(data) or any(set(r) != set(names) for r in rows):
            raise ReadError("the entries do not all have the same fields.", where=path, hint=_EXAMPLE)
        data = {n: [r[n] for r in rows] for n in names}
    columns = {str(k): v for k, v in data.items() if isinstance(v, list)} if isinstance(data, dict) else {}
    if unit:
        columns = {k if _split(k)[1] or not _is_position(k) else f"{k} [{unit}]": v for k, v in columns.items()}
    return columns


def _split(header: str) -> tuple[str, str]:
    """Return the name and the unit of a column header: "position [um]", "position (um)", "position_um".

    >>> _split("position_um"), _split("Focus distance (m)")
    (('position', 'um'), ('Focus_distance', 'm'))
    """
    found = _HEADER.fullmatch(header)
    name, unit = (found[1], found[2] or "") if found else (header, "")
    name = re.sub(r"\s+", "_", name.strip())
    if not unit and "_" in name:
        head, _, tail = name.rpartition("_")
        if tail.lower() in _SECONDS or _is_unit(tail):
            return head, tail
    if not unit and len(name) > 2 and _is_unit(name):
        return name, name
    return name, unit


def _is_unit(word: str) -> bool:
    try:
        Unit.parse_scaled(word)
    except UnitError:
        return False
    return True


def _is_position(header: str) -> bool:
    name = _split(header)[0]
    return bool(name) and bool(_POSITION.fullmatch(name))


def _log(columns: Mapping[str, Sequence[Any]], path: Path) -> PositionLog:
    time = next((c for c in columns if _TIME.fullmatch(_split(c)[0])), None)
    position = next((c for c in columns if _is_position(c)), None)
    state = next((c for c in columns if _STATE.fullmatch(_split(c)[0])), None)
    if time is None or position is None:
        lacks = "time" if time is None else "position"
        raise ReadError(f"no {lacks} column among: {', '.join(columns) or 'nothing'}.", where=path, hint=_EXAMPLE)
    name, word = _split(position)
    if not word or _SECONDS.get(_split(time)[1].lower()) is None:
        column = position if not word else time
        raise ReadError(f"column {column!r} has no known unit.", where=path, hint=_EXAMPLE)
    try:
        unit, factor = axis_unit(name, word)
    except UnitError as error:
        raise ReadError(f"column {position!r}: {error.what}", where=path, hint=error.hint) from error
    times = _numbers(columns[time], time, path) * _SECONDS[_split(time)[1].lower()]
    positions = _numbers(columns[position], position, path) * factor
    if len(times) < 2:
        raise ReadError(f"{len(times)} entries are too few.", where=path, hint=_EXAMPLE)
    moving = np.array([str(v).strip().lower().startswith(_MOVING) for v in columns[state]]) if state else None
    times, order = np.unique(times, return_index=True)
    return PositionLog(path, times, positions[order], None if moving is None else moving[order], unit)


def _numbers(values: Sequence[Any], name: str, path: Path) -> NDArray[np.float64]:
    numbers = np.empty(len(values))
    for i, value in enumerate(values):
        try:
            numbers[i] = float(value)
        except (TypeError, ValueError):
            numbers[i] = np.nan
        if not np.isfinite(numbers[i]):
            raise ReadError(
                f"entry {i + 1} of column {name!r} is {value!r}, not a number.",
                where=path,
                hint="Remove or correct that row.",
            )
    return numbers

"""Focus distances that cameras hide in MakerNotes, read by exiftool where it is installed."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from math import isinf
from pathlib import Path
from typing import Any

from focaldepth.io._exif import from_principal_plane
from focaldepth.io._numbers import parse_value
from focaldepth.io._sidecar import Positions

_log = logging.getLogger(__name__)
_TIMEOUT_S = 120
_WIDEST_RANGE = 4.0
"""A range whose far end is more than this many times its near end says too little to use its middle."""

RANGES = (
    ("FocusDistanceLower", "FocusDistanceUpper"),
    ("FocusDistanceNear", "FocusDistanceFar"),
    ("MinFocusDistanceUsed", "MaxFocusDistanceUsed"),
)
"""Pairs of tags that bracket the distance (Canon); some models write them the other way round."""
SINGLE = ("FocusDistance", "ObjectDistance", "FocusDistance2", "SubjectDistance", "ApproximateFocusDistance")
"""Tags that state one distance (Nikon, Olympus, Casio, Sony, XMP), best first."""


def read_distances(files: Sequence[Path]) -> list[dict[str, Any]] | None:
    """Return exiftool's record of each file, or None where exiftool is absent or fails."""
    program = shutil.which("exiftool")
    if program is None:
        return None
    tags = [f"-{t}" for t in (*SINGLE, *(t for pair in RANGES for t in pair), "FocalLength")]
    command = [program, "-j", "-n", *tags, "-@", "-"]
    listed = "\n".join(str(f.resolve()) for f in files)
    try:
        done = subprocess.run(command, input=listed.encode(), capture_output=True, timeout=_TIMEOUT_S, check=False)
        records = json.loads(done.stdout or b"[]")
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        _log.warning("exiftool failed: %s", error)
        return None
    by_file = {r.get("SourceFile"): r for r in records if isinstance(r, dict)}
    return [by_file.get(str(f.resolve()), {}) for f in files]


def positions_from(
    records: Sequence[Mapping[str, Any]], names: Sequence[str], focal_length_m: float | None = None
) -> tuple[Positions | None, list[str]]:
    """Turn exiftool's records into positions, if every frame has one and they tell the frames apart.

    Args:
        records: one per frame, as ``exiftool -j`` writes them, with or without ``-n``.
        names: file names of the frames.
        focal_length_m: what the user says of the lens; None = as each record states it.

    Returns:
        Positions or None where unknown; warnings that say why.
    """
    found = [_distance(r) for r in records]
    if not any(found):
        return None, []
    missing = [n for n, f in zip(names, found, strict=True) if f is None]
    if missing:
        return None, [f"MakerNote: no focus distance in {missing[0]} and {len(missing) - 1} more; none is used."]
    tags = {f[0] for f in found if f}
    distances = [f[1] for f in found if f]
    if len(tags) > 1:
        return None, [f"MakerNote: frames state different tags ({', '.join(sorted(tags))}); none is used."]
    problem = indistinct(distances)
    if problem:
        return None, [f"MakerNote {next(iter(tags))}: {problem}; not used."]
    focal = [focal_length_m or _focal_length_m(r) for r in records]
    converted = [from_principal_plane(d, f) for d, f in zip(distances, focal, strict=True)]
    origin = f"MakerNote {next(iter(tags))}, {converted[0][0]}"
    return Positions(tuple(d for _, d in converted), origin, "MakerNote", names=tuple(names), unit="m"), []


def indistinct(values: Sequence[float]) -> str:
    """Say why positions do not tell the frames apart; "" when they do."""
    distinct = len(set(values))
    if distinct == len(values):
        return ""
    return (
        "all frames state the same distance" if distinct == 1 else f"only {distinct} distances for {len(values)} frames"
    )


def _distance(record: Mapping[str, Any]) -> tuple[str, float] | None:
    """The tag and the distance from the sensor in metres."""
    plain = {str(k).rpartition(":")[2]: v for k, v in record.items()}
    for low, high in RANGES:
        middle = _middle(_metres(plain.get(low)), _metres(plain.get(high)))
        if middle is not None:
            return f"{low}/{high}", middle
        if low in plain and high in plain:
            return None
    for tag in SINGLE:
        value = _metres(plain.get(tag))
        if value is not None:
            return tag, value
    return None


def _middle(a: float | None, b: float | None) -> float | None:
    """Middle of a range in dioptres; None for an open, empty or too wide range."""
    if a is None or b is None:
        return None
    near, far = sorted((a, b))
    if isinf(near) or far > _WIDEST_RANGE * near:
        return float("inf") if isinf(near) else None
    return 2 / (1 / near + 1 / far)


def _metres(value: Any) -> float | None:
    """Read 0.67, "0.67 m", "67 cm", "inf"; 0 and less mean unknown."""
    if isinstance(value, bool) or value is None:
        return None
    number, unit = (float(value), "") if isinstance(value, int | float) else (parse_value(str(value)) or (0.0, ""))
    number *= {"": 1.0, "m": 1.0, "cm": 1e-2, "mm": 1e-3}.get(unit.lower(), 0.0)
    return number if number > 0 else None


def _focal_length_m(record: Mapping[str, Any]) -> float | None:
    value = next((v for k, v in record.items() if str(k).rpartition(":")[2] == "FocalLength"), None)
    if isinstance(value, str):
        value = (parse_value(value) or (0.0, ""))[0]
    return float(value) * 1e-3 if isinstance(value, int | float) and value > 0 else None

"""The facts that travel with a map, as JSON inside or beside a file: unit, scale, what an invalid pixel looks like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth._version import __version__
from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.result import DepthMap
from focaldepth.io._writer import WriteContext

SCHEMA = "focaldepth.map/1"


def map_facts(
    unit: Unit, context: WriteContext, *, scale: float = 1.0, offset: float = 0.0, invalid: str | int = "NaN"
) -> dict[str, Any]:
    """Describe a stored map: depth = offset + scale * stored number, in `unit`."""
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "software": f"focaldepth {__version__}",
        "quantity": context.quantity,
        "unit": str(unit),
        "scale": scale,
        "offset": offset,
        "invalid": invalid,
    }
    optional = {"pixel_size_m": context.optics.pixel_size_m, "title": context.title}
    return facts | {key: value for key, value in optional.items() if value}


def sidecar_of(path: Path) -> Path:
    """Name of the JSON file beside a format that carries no facts itself: ``depth.pfm.json``."""
    return path.with_name(path.name + ".json")


def write_sidecar(path: Path, facts: dict[str, Any]) -> Path:
    """Write the facts beside `path`; return the name of the sidecar."""
    sidecar = sidecar_of(path)
    sidecar.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return sidecar


def read_sidecar(path: Path) -> dict[str, Any]:
    """Read the facts beside `path`; empty when there are none."""
    sidecar = sidecar_of(path)
    return parse_facts(sidecar.read_text(encoding="utf-8"), sidecar) if sidecar.is_file() else {}


def parse_facts(text: str, where: Path) -> dict[str, Any]:
    """Read facts from their JSON text."""
    try:
        facts = json.loads(text)
    except ValueError as error:
        raise ReadError(f"its facts are not JSON ({error}).", where=where, hint="Write the file again.") from error
    if not isinstance(facts, dict):
        raise ReadError("its facts are not a JSON object.", where=where, hint="Write the file again.")
    return facts


def to_map(stored: NDArray[Any], facts: dict[str, Any], unit: Unit | None, where: Path) -> DepthMap:
    """Make a map of stored numbers (H, W), NaN where invalid; scale and offset must be applied already."""
    named = facts.get("unit")
    if named is None and unit is None:
        raise ReadError("nothing says which unit it is in.", where=where, hint="Name the unit, e.g. metre or index.")
    values = np.ascontiguousarray(stored, dtype=np.float32)
    if values.ndim != 2:
        raise ReadError(f"is not a map: shape {values.shape}.", where=where, hint="A map has rows and columns only.")
    return DepthMap(values, Unit.parse(named) if named is not None else unit or Unit.INDEX, np.isfinite(values))

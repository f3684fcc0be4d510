"""Gwyddion Simple Field: a height map with its units (gwyddion.net, user guide, "Simple Field Files")."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.result import DepthMap
from focaldepth.io._map_facts import to_map
from focaldepth.io._writer import WriteContext

_MAGIC = b"Gwyddion Simple Field 1.0\n"
_UNITS = {Unit.METRE: "m", Unit.DIOPTRE: "1/m", Unit.DISPARITY_PX: "px", Unit.INDEX: "", Unit.MICROMETRE: "m"}
_MAX_HEADER = 1 << 16


@dataclass(frozen=True)
class GsfWriter:
    """float32, rows from the top; NaN = invalid. Lengths are in metres, as Gwyddion expects base units."""

    title: str = "Gwyddion Simple Field, height map"
    suffix: str = ".gsf"
    extra: str = ""

    def check(self, unit: Unit, context: WriteContext) -> None:
        """Every unit fits; an unknown pixel size leaves the lateral axes in pixels."""

    def write(self, path: Path, map: DepthMap, context: WriteContext) -> tuple[Path, ...]:
        """Write the map; micrometres become metres."""
        header = _MAGIC + "".join(f"{k} = {v}\n" for k, v in _fields(map, context).items()).encode("utf-8")
        stored = map.values if map.unit is not Unit.MICROMETRE else map.to(Unit.METRE).values
        with path.open("wb") as file:
            file.write(header + b"\0" * (4 - len(header) % 4))
            file.write(np.ascontiguousarray(stored, dtype="<f4").data)
        return (path,)

    def read(self, path: Path, unit: Unit | None = None) -> DepthMap:
        """Read a field; lengths come back in metres."""
        try:
            with path.open("rb") as file:
                head = file.read(_MAX_HEADER)
                fields, start = _parse(head, path)
                file.seek(start)
                rows, columns = int(fields["YRes"]), int(fields["XRes"])
                values = np.fromfile(file, dtype="<f4", count=rows * columns).reshape(rows, columns)
        except (KeyError, ValueError) as error:
            raise ReadError(f"is a broken GSF ({error}).", where=path, hint="Write it again.") from error
        except FileNotFoundError as error:
            raise ReadError("does not exist.", where=path, hint="Check the name.") from error
        named = fields.get("FocaldepthUnit") or ("metre" if fields.get("ZUnits") == "m" else None)
        return to_map(values, {"unit": named} if named else {}, unit, path)

    def error(self, map: DepthMap) -> float:
        """Bit for bit, save micrometres, which lose the last bits on their way through metres."""
        return 0.0 if map.unit is not Unit.MICROMETRE else _rounding(map)


def _fields(map: DepthMap, context: WriteContext) -> dict[str, object]:
    rows, columns = map.shape
    pixel = context.optics.pixel_size_m
    unit = Unit.METRE if map.unit is Unit.MICROMETRE else map.unit
    fields: dict[str, object] = {
        "XRes": columns,
        "YRes": rows,
        "XReal": columns * (pixel or 1.0),
        "YReal": rows * (pixel or 1.0),
        "XYUnits": "m" if pixel else "px",
        "ZUnits": _UNITS[unit],
        "Title": " ".join(f"{context.quantity} {context.title}".split()).replace("\0", ""),
        "FocaldepthUnit": unit,
    }
    return {key: value for key, value in fields.items() if value != ""}


def _parse(head: bytes, path: Path) -> tuple[dict[str, str], int]:
    if not head.startswith(_MAGIC):
        raise ReadError("is not a Gwyddion Simple Field.", where=path, hint="Give a .gsf file.")
    end = head.index(b"\0")
    lines = head[len(_MAGIC) : end].decode("utf-8").splitlines()
    fields = {k.strip(): v.strip() for k, _, v in (line.partition("=") for line in lines)}
    return fields, end + 4 - end % 4


def _rounding(map: DepthMap) -> float:
    """Two float32 roundings of the largest number."""
    top = float(np.abs(map.values[map.valid]).max()) if map.valid.any() else 0.0
    return top * 2**-22


WRITER = GsfWriter()

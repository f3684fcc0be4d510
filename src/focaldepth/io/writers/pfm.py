"""Portable float map with a JSON sidecar for the unit; rows run from bottom to top, as the format demands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.result import DepthMap, Plane
from focaldepth.io._map_facts import map_facts, read_sidecar, to_map, write_sidecar
from focaldepth.io._writer import WriteContext

_HINT = "Expected: Pf, width and height, a scale, then rows of float32 from bottom to top."


@dataclass(frozen=True)
class PfmWriter:
    """float32, little endian; NaN = invalid."""

    title: str = "portable float map"
    suffix: str = ".pfm"
    extra: str = ""

    def check(self, unit: Unit, context: WriteContext) -> None:
        """Every unit fits."""

    def write(self, path: Path, map: DepthMap, context: WriteContext) -> tuple[Path, ...]:
        """Write the map and ``NAME.pfm.json``."""
        rows, columns = map.shape
        with path.open("wb") as file:
            file.write(f"Pf\n{columns} {rows}\n-1.0\n".encode("ascii"))
            file.write(np.ascontiguousarray(map.values[::-1], dtype="<f4").data)
        return path, write_sidecar(path, map_facts(map.unit, context))

    def read(self, path: Path, unit: Unit | None = None) -> DepthMap:
        """Read a grey PFM of either byte order; the unit comes from the sidecar or the argument."""
        return to_map(read_plane(path), read_sidecar(path), unit, path)

    def error(self, map: DepthMap) -> float:
        """Bit for bit."""
        return 0.0


def read_plane(path: Path) -> Plane:
    """Return the values (H, W) float32, first row on top.

    Raises:
        ReadError: no grey PFM, or a damaged one.
    """
    try:
        with path.open("rb") as file:
            if file.readline(8).strip() != b"Pf":
                raise ReadError("is not a grey PFM.", where=path, hint=_HINT)
            columns, rows = (int(word) for word in file.readline(64).split())
            order = "<" if float(file.readline(64)) < 0 else ">"
            values = np.fromfile(file, dtype=f"{order}f4", count=rows * columns)
            return values.reshape(rows, columns)[::-1].astype(np.float32)
    except ValueError as error:
        raise ReadError(f"is a broken PFM ({error}).", where=path, hint=_HINT) from error
    except FileNotFoundError as error:
        raise ReadError("does not exist.", where=path, hint="Check the name.") from error


WRITER = PfmWriter()

"""NumPy array with a JSON sidecar for the unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.result import DepthMap
from focaldepth.io._map_facts import map_facts, read_sidecar, to_map, write_sidecar
from focaldepth.io._writer import WriteContext


@dataclass(frozen=True)
class NpyWriter:
    """float32 (H, W); NaN = invalid."""

    title: str = "NumPy array, float32"
    suffix: str = ".npy"
    extra: str = ""

    def check(self, unit: Unit, context: WriteContext) -> None:
        """Every unit fits."""

    def write(self, path: Path, map: DepthMap, context: WriteContext) -> tuple[Path, ...]:
        """Write the array and ``NAME.npy.json``."""
        with path.open("wb") as file:
            np.save(file, np.ascontiguousarray(map.values), allow_pickle=False)
        return path, write_sidecar(path, map_facts(map.unit, context))

    def read(self, path: Path, unit: Unit | None = None) -> DepthMap:
        """Read an array; the unit comes from the sidecar or the argument."""
        try:
            values = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ReadError(f"is not a readable NumPy array ({error}).", where=path, hint="Write it again.") from error
        return to_map(values, read_sidecar(path), unit, path)

    def error(self, map: DepthMap) -> float:
        """Bit for bit."""
        return 0.0


WRITER = NpyWriter()

"""OpenEXR: one FLOAT channel, Z for distances and Y for everything else, with unit attributes."""

from __future__ import annotations

from dataclasses import dataclass
from errno import ENOSPC
from os import strerror
from pathlib import Path
from typing import Any

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.errors import MissingExtraError, ReadError, WriteError
from focaldepth.core.result import DepthMap
from focaldepth.io._map_facts import map_facts, to_map
from focaldepth.io._writer import WriteContext


@dataclass(frozen=True)
class ExrWriter:
    """float32, uncompressed (ZIP took 2-6 % off real maps and five times the time); NaN = invalid."""

    title: str = "OpenEXR, float32"
    suffix: str = ".exr"
    extra: str = "exr"

    def check(self, unit: Unit, context: WriteContext) -> None:
        """Every unit fits."""

    def write(self, path: Path, map: DepthMap, context: WriteContext) -> tuple[Path, ...]:
        """Write the map; unit, scale and invalid value are header attributes."""
        exr = _library(path)
        facts = {key: value for key, value in map_facts(map.unit, context).items() if key != "schema"}
        header = {"type": exr.scanlineimage, "compression": exr.NO_COMPRESSION, **_attributes(facts)}
        channel = "Z" if map.unit is Unit.METRE else "Y"
        try:
            exr.File(header, {channel: np.ascontiguousarray(map.values)}).write(str(path))
        except (RuntimeError, ValueError) as error:
            if strerror(ENOSPC) in str(error):
                raise OSError(ENOSPC, strerror(ENOSPC), str(path)) from error
            raise WriteError(f"cannot be written ({error}).", where=path, hint="Check the folder.") from error
        return (path,)

    def read(self, path: Path, unit: Unit | None = None) -> DepthMap:
        """Read channel Z, Y or the only one there is."""
        exr = _library(path)
        if not path.is_file():
            raise ReadError("does not exist.", where=path, hint="Check the name.")
        try:
            with exr.File(str(path)) as file:
                header, channels = dict(file.header()), file.channels()
                name = next(
                    (n for n in ("Z", "Y") if n in channels), next(iter(channels)) if len(channels) == 1 else ""
                )
                if not name:
                    raise ReadError(
                        f"has channels {', '.join(channels)}.", where=path, hint="A map has channel Z or Y."
                    )
                values = np.array(channels[name].pixels, dtype=np.float32)
                facts = {"unit": header["unit"]} if "unit" in header else {}
        except (RuntimeError, ValueError) as error:
            raise ReadError(f"is not a readable EXR ({error}).", where=path, hint="Write or copy it again.") from error
        return to_map(values, facts, unit, path)

    def error(self, map: DepthMap) -> float:
        """Bit for bit."""
        return 0.0


def _attributes(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: str(value) if not isinstance(value, float) else value for key, value in facts.items()}


def _library(path: Path) -> Any:
    try:
        import OpenEXR
    except ImportError as error:
        raise MissingExtraError("EXR", "exr", where=path) from error
    return OpenEXR


WRITER = ExrWriter()

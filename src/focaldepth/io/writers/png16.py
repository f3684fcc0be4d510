"""16-bit PNG for programs that know no float pictures; scale and offset stand in the file and beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError, WriteError
from focaldepth.core.result import DepthMap
from focaldepth.io._map_facts import map_facts, parse_facts, read_sidecar, to_map, write_sidecar
from focaldepth.io._png_chunks import insert_chunks, read_texts, text_chunk
from focaldepth.io._writer import WriteContext

_TOP = 65535


@dataclass(frozen=True)
class Png16Writer:
    """Grey uint16: depth = offset + scale * pixel for pixels 1..65535; 0 = invalid."""

    title: str = "16-bit PNG with scale and offset"
    suffix: str = "16.png"
    extra: str = ""

    def check(self, unit: Unit, context: WriteContext) -> None:
        """Every unit fits."""

    def write(self, path: Path, map: DepthMap, context: WriteContext) -> tuple[Path, ...]:
        """Write the picture (facts in tEXt entries) and ``NAME.png.json``."""
        import cv2

        scale, offset = scale_of(map)
        facts = map_facts(map.unit, context, scale=scale, offset=offset, invalid=0)
        texts = {"Unit": str(map.unit), "Scale": repr(scale), "Offset": repr(offset), "Invalid": "0"}
        texts |= {"Formula": "depth = Offset + Scale * pixel", "focaldepth": json.dumps(facts)}
        options = [cv2.IMWRITE_PNG_COMPRESSION, 1]
        good, encoded = cv2.imencode(".png", quantise(map, scale, offset), options)
        if not good:
            raise WriteError("OpenCV could not encode the PNG.", where=path)
        with path.open("wb") as file:
            file.writelines(insert_chunks(encoded.data, [text_chunk(k, v) for k, v in texts.items()]))
        return path, write_sidecar(path, facts)

    def read(self, path: Path, unit: Unit | None = None) -> DepthMap:
        """Read a map back; scale and offset come from the file, else from the sidecar."""
        import cv2

        data = np.fromfile(path, np.uint8) if path.is_file() else np.empty(0, np.uint8)
        stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
        if stored is None or stored.dtype != np.uint16 or stored.ndim != 2:
            raise ReadError("is not a readable 16-bit grey PNG.", where=path, hint="Write or copy it again.")
        facts = _facts(path)
        values = facts["offset"] + facts["scale"] * stored.astype(np.float64)
        return to_map(np.where(stored == 0, np.nan, values).astype(np.float32), facts, unit, path)

    def error(self, map: DepthMap) -> float:
        """Half a step, and the float32 rounding of the largest number."""
        scale, offset = scale_of(map)
        return scale / 2 + (abs(offset) + scale * _TOP) * 2**-23


def scale_of(map: DepthMap) -> tuple[float, float]:
    """Return scale > 0 and offset that spread the valid values over pixels 1..65535."""
    if not map.valid.any():
        return 1.0, 0.0
    low, high = float(np.fmin.reduce(map.values, axis=None)), float(np.fmax.reduce(map.values, axis=None))
    scale = (high - low) / (_TOP - 1) or max(abs(low), 1.0) / _TOP
    return scale, low - scale


def quantise(map: DepthMap, scale: float, offset: float) -> NDArray[np.uint16]:
    """Return pixels 1..65535, 0 where invalid."""
    stored = np.zeros(map.shape, np.uint16)
    steps = (map.values[map.valid].astype(np.float64) - offset) / scale
    stored[map.valid] = np.clip(np.rint(steps), 1, _TOP).astype(np.uint16)
    return stored


def _facts(path: Path) -> dict[str, Any]:
    text = read_texts(path).get("focaldepth")
    facts = parse_facts(text, path) if text is not None else read_sidecar(path)
    if not {"scale", "offset"} <= facts.keys():
        raise ReadError("nothing says its scale and offset.", where=path, hint=f"Put {path.name}.json beside it again.")
    return facts


WRITER = Png16Writer()

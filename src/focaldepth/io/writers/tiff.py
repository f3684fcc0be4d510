"""Float TIFF with unit, scale and pixel size; ImageJ opens it calibrated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.result import DepthMap, Plane
from focaldepth.io._map_facts import map_facts, parse_facts, to_map
from focaldepth.io._writer import WriteContext

_GDAL_NODATA = 42113
_MARK = "focaldepth="


@dataclass(frozen=True)
class TiffWriter:
    """One uncompressed float32 page; NaN = invalid."""

    title: str = "float TIFF, opens calibrated in ImageJ"
    suffix: str = ".tiff"
    extra: str = ""

    def check(self, unit: Unit, context: WriteContext) -> None:
        """Every unit fits."""

    def write(self, path: Path, map: DepthMap, context: WriteContext) -> tuple[Path, ...]:
        """Write depth; sigma is not in it."""
        write_plane(path, map.values, map.unit, context)
        return (path,)

    def read(self, path: Path, unit: Unit | None = None) -> DepthMap:
        """Read a float TIFF, of this writer or (with `unit`) of another program."""
        values, facts = read_plane(path)
        return to_map(values, facts, unit, path)

    def error(self, map: DepthMap) -> float:
        """Bit for bit."""
        return 0.0


def write_plane(path: Path, values: Plane, unit: Unit, context: WriteContext) -> None:
    """Write any (H, W) float32 plane, NaN = invalid, with its unit."""
    import tifffile

    pixel = context.optics.pixel_size_m
    _, per_metre = _lateral(pixel)
    tifffile.imwrite(
        path,
        np.ascontiguousarray(values, dtype=np.float32),
        photometric="minisblack",
        description=description(unit, context),
        metadata=None,
        software=False,
        resolution=None if pixel is None else (1 / (pixel * per_metre),) * 2,
        resolutionunit="NONE",
        extratags=[(_GDAL_NODATA, "s", 0, "nan", True)],
    )


def description(unit: Unit, context: WriteContext) -> str:
    """ImageDescription in the manner of ImageJ (lateral unit, plane step, unit of the values) with our facts as JSON.

    Without a known pixel size no lateral unit is written, so that ImageJ shows pixels and never 1.0 µm.
    """
    lines = ["ImageJ=1.54f", "images=1"]
    name, per_metre = _lateral(context.optics.pixel_size_m)
    if name:
        lines.append(f"unit={name}")
        step = _step_m(context.axis)
        if step is not None:
            lines.append(f"spacing={step * per_metre:.9g}")
    lines.append(f"vunit={_VALUE_UNITS[unit]}")
    lines.append(_MARK + json.dumps(map_facts(unit, context)))
    return "\n".join(lines) + "\n"


_VALUE_UNITS = {
    Unit.METRE: "m", Unit.DIOPTRE: "1/m", Unit.DISPARITY_PX: "px", Unit.MICROMETRE: "micron", Unit.INDEX: "frame",
}  # fmt: skip


def _lateral(pixel_size_m: float | None) -> tuple[str, float]:
    """Name and size (per metre) of the lateral unit that suits a pixel size."""
    if pixel_size_m is None:
        return "", 1.0
    return ("micron", 1e6) if pixel_size_m < 1e-4 else ("mm", 1e3)


def _step_m(axis: FocusAxis | None) -> float | None:
    """Plane step in metres where the axis is a length with one even step."""
    if axis is None or axis.unit not in (Unit.MICROMETRE, Unit.METRE) or len(axis) < 2:
        return None
    steps = np.abs(np.diff(axis.values)) * (1e-6 if axis.unit is Unit.MICROMETRE else 1.0)
    return float(steps.mean()) if np.isfinite(steps).all() and np.ptp(steps) <= 1e-3 * steps.mean() else None


def read_plane(path: Path) -> tuple[Plane, dict[str, Any]]:
    """Return the first page (H, W) float32 and our facts (empty for a file of another program)."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0]
            text = page.description
            values = page.asarray()
    except FileNotFoundError as error:
        raise ReadError("does not exist.", where=path, hint="Check the name.") from error
    except (tifffile.TiffFileError, ValueError, IndexError, OSError) as error:
        raise ReadError(f"is not a readable TIFF ({error}).", where=path, hint="Write or copy it again.") from error
    line = next((ln for ln in text.splitlines() if ln.startswith(_MARK)), None)
    return values.astype(np.float32, copy=False), {} if line is None else parse_facts(line[len(_MARK) :], path)


WRITER = TiffWriter()

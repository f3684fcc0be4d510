"""OpenEXR files of depth as data sets store them: half or single precision, one channel or three equal ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import MissingExtraError, ReadError
from focaldepth.io.readers._planes import check_file, reading

_NAMES = ("RGB", "RGBA", "Z", "Y", "V", "R")


def read_plane(path: Path) -> NDArray[np.floating[Any]]:
    """Return the first depth channel (H, W) in the precision that the header states.

    Channels are looked for as R of RGB(A) (copies of one map), Z, Y, V, R; else the first one.

    Raises:
        ReadError: no readable EXR, or pixels that are no floats.
        MissingExtraError: no OpenEXR.
    """
    exr = _library(path)
    check_file(path)
    with reading(path, "EXR"), exr.File(str(path)) as file:
        channels = file.channels()
        name = next((n for n in _NAMES if n in channels), next(iter(channels)))
        pixels = np.array(channels[name].pixels)
    if pixels.dtype.kind != "f":
        raise ReadError(f"its channel {name} is {pixels.dtype}.", where=path, hint="Give HALF or FLOAT depth.")
    return pixels[..., 0] if pixels.ndim == 3 else pixels


def write_plane(path: Path, values: NDArray[np.floating[Any]], channels: str = "Y") -> None:
    """Write (H, W) float16 (HALF) or float32 (FLOAT) as channel `channels`, or as three copies of it for "RGB"."""
    exr = _library(path)
    pixels = np.dstack([values] * 3) if channels == "RGB" else np.ascontiguousarray(values)
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
    with exr.File(header, {channels: pixels}) as file:
        file.write(str(path))


def _library(path: Path) -> Any:
    try:
        import OpenEXR
    except ImportError as error:
        raise MissingExtraError("EXR", "exr", where=path) from error
    return OpenEXR

"""OpenEXR files of depth as data sets store them: half or single precision, one channel or three equal ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import MissingExtraError, ReadError
from focaldepth.io._exr_scanlines import read_channels
from focaldepth.io.readers._planes import check_file, reading

_NAMES = ("Z", "Y", "V", "R")


def read_plane(path: Path) -> NDArray[np.floating[Any]]:
    """Return the first depth channel (H, W) in the precision that the header states.

    Channels are looked for as R of RGB(A) (copies of one map), Z, Y, V, R; else the first one.

    Raises:
        ReadError: no readable EXR, or pixels that are no floats.
        MissingExtraError: no OpenEXR, and a kind of file that needs it (tiles, parts, packing other than zip).
    """
    check_file(path)
    with reading(path, "EXR"):
        channels = read_channels(path)
    if channels is None:
        exr = _library(path)
        with reading(path, "EXR"), exr.File(str(path), separate_channels=True) as file:
            channels = {name: np.array(channel.pixels) for name, channel in file.channels().items()}
    colours = ("R",) if {"R", "G", "B"} <= set(channels) else ()
    name = next((n for n in (*colours, *_NAMES) if n in channels), next(iter(channels)))
    pixels = channels[name]
    if pixels.dtype.kind != "f":
        raise ReadError(f"its channel {name} is {pixels.dtype}.", where=path, hint="Give HALF or FLOAT depth.")
    return pixels


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

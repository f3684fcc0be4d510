"""One plane of numbers in an OpenEXR file, whatever its channels are called and however wide they are."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import MissingExtraError, ReadError

PLANES = ("Z", "Y", "R")
"""Channels that a plane is looked for in: a distance, a single grey channel, the first of three equal colours."""


def read_exr(path: str | PathLike[str], channels: Sequence[str] = PLANES) -> NDArray[np.float32]:
    """Return the first of `channels` that the file has, else its only channel; (H, W) float32.

    The header says whether pixels are 16-bit or 32-bit floats or whole numbers; nothing is assumed of them.

    Raises:
        ReadError: no such file, a damaged one, or one without such a channel.
        MissingExtraError: OpenEXR is not installed.
    """
    path = Path(path)
    exr = library(path)
    if not path.is_file():
        raise ReadError("does not exist.", where=path, hint="Check the name.")
    try:
        with exr.File(str(path), separate_channels=True) as file:
            found = file.channels()
            name = next((n for n in channels if n in found), next(iter(found)) if len(found) == 1 else "")
            if not name:
                hint = f"A plane has channel {' or '.join(channels)}."
                raise ReadError(f"has channels {', '.join(found)}.", where=path, hint=hint)
            return np.array(found[name].pixels, np.float32)
    except (RuntimeError, ValueError) as error:
        raise ReadError(f"is not a readable EXR ({error}).", where=path, hint="Write or copy it again.") from error


def write_exr(path: str | PathLike[str], plane: NDArray[Any], channels: Sequence[str] = ("Y",)) -> None:
    """Write a plane into each of `channels` at its own type, float16 or float32, compressed without loss.

    Raises:
        MissingExtraError: OpenEXR is not installed.
    """
    exr = library(Path(path))
    header = {"type": exr.scanlineimage, "compression": exr.ZIP_COMPRESSION}
    exr.File(header, {name: np.ascontiguousarray(plane) for name in channels}).write(str(path))


def library(path: Path) -> Any:
    """Return the package that reads and writes EXR, or raise MissingExtraError."""
    try:
        import OpenEXR
    except ImportError as error:
        raise MissingExtraError("EXR", "exr", where=path) from error
    return OpenEXR

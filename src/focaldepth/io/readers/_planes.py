"""Frames that a container gives one plane at a time, and the limits that keep bad files from doing harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import FocalDepthError, ReadError
from focaldepth.core.frame import float_scale
from focaldepth.core.stack import Frame, reduce_frame, white_of

MAX_PIXELS = 500_000_000
"""Largest frame that is believed; a header that claims more is taken for damage or a decompression bomb."""

MAX_CHUNK_BYTES = 8 << 30
"""Largest compressed block that is unpacked in one go."""


@dataclass(frozen=True, eq=False)
class PlaneSource:
    """Frames loaded on demand by a function that is safe to call from several threads.

    Attributes:
        path: file, for messages.
        shape: (H, W, C) of every frame.
        dtype: uint8, uint16 or float32.
        white: value of full scale.
        count: number of frames N.
        load: frame number -> (H, W, C) or (H, W) array of any byte order.
        held_bytes: memory of the frames once the first was loaded; 0 where they stay in the file.
    """

    path: Path
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    white: float
    count: int
    load: Callable[[int], NDArray[Any]]
    held_bytes: int = 0

    def __len__(self) -> int:
        return self.count

    def read(self, i: int) -> Frame:
        """Return frame i, checked."""
        if not 0 <= i < self.count:
            raise IndexError(f"frame {i} of {self.count}")
        with reading(self.path, f"frame {i + 1} of {self.count}"):
            frame = np.asarray(self.load(i))
        frame = frame[..., None] if frame.ndim == 2 else frame
        if frame.shape != self.shape:
            raise ReadError(
                f"frame {i + 1} has shape {frame.shape}, the header says {self.shape}.", where=self.path, hint=_DAMAGED
            )
        frame = np.ascontiguousarray(frame, dtype=self.dtype)
        if self.dtype.kind == "f" and not np.isfinite(frame).all():
            bad = int(frame.size - np.isfinite(frame).sum())
            raise ReadError(
                f"frame {i + 1} holds {bad} values that are NaN or infinite.",
                where=self.path,
                hint="Replace them, or leave the frame out.",
            )
        return frame

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced by block means."""
        return reduce_frame(self.read(i), factor)

    def coverage(self, i: int) -> None:
        """Frames of a container show the scene everywhere."""


_DAMAGED = "The file is damaged, truncated or not what its name says: copy or export it again."


@contextmanager
def reading(path: Path, what: str, hint: str = _DAMAGED) -> Iterator[None]:
    """Turn whatever a format library raises over a bad file into a ReadError with file name and cause."""
    try:
        yield
    except FocalDepthError:
        raise
    except FileNotFoundError as error:
        raise ReadError("no such file.", where=path, hint="Check the path.") from error
    except PermissionError as error:
        raise ReadError("no permission to read.", where=path, hint="Change the rights of the file.") from error
    except Exception as error:
        lines = str(error).strip().splitlines()
        reason = f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
        raise ReadError(f"{what} cannot be read ({reason}).", where=path, hint=hint) from error


def check_file(path: Path) -> None:
    """Refuse a missing or empty file."""
    with reading(path, "file"):
        empty = path.is_file() and path.stat().st_size == 0
        if not path.exists():
            raise FileNotFoundError(path)
    if empty:
        raise ReadError("the file is empty.", where=path, hint="Copy it again.")


def check_size(shape: tuple[int, ...], path: Path) -> None:
    """Refuse frames without pixels and frames too large to be true; `shape` is (H, W) or (H, W, C)."""
    if len(shape) < 2 or min(shape) < 1:
        raise ReadError(f"frames have shape {shape}: no pixels.", where=path, hint=_DAMAGED)
    if shape[0] * shape[1] > MAX_PIXELS:
        raise ReadError(
            f"the header claims frames of {shape[1]} x {shape[0]} px, more than {MAX_PIXELS // 1_000_000} megapixels.",
            where=path,
            hint="The header is damaged, or the picture must be cut into tiles first.",
        )


def check_chunk(shape: tuple[int, ...], itemsize: int, path: Path) -> None:
    """Refuse storage blocks too large to unpack."""
    if prod(shape) * itemsize > MAX_CHUNK_BYTES:
        raise ReadError(
            f"one storage block unpacks to {prod(shape) * itemsize / 1e9:.0f} GB.",
            where=path,
            hint="Store the stack in blocks of one frame.",
        )


def frame_dtype(dtype: Any, path: Path) -> np.dtype[Any]:
    """Return the native data type frames are given in: uint8, uint16, or float32 for every float; else ReadError."""
    found = np.dtype(dtype)
    if found.kind == "f" and found.itemsize in (2, 4, 8):
        return np.dtype(np.float32)
    if found.kind == "u" and found.itemsize in (1, 2):
        return np.dtype(f"u{found.itemsize}")
    raise ReadError(f"pixels are {found}.", where=path, hint="Convert the stack to uint8, uint16 or float32.")


def white_level(source: PlaneSource) -> tuple[float, str]:
    """Return full scale of a source and a warning, empty where nothing was assumed.

    The middle one of float frames tells, see `float_scale`.
    """
    if source.dtype.kind != "f" or not len(source):
        return white_of(source.dtype), ""
    peak = float(source.read(len(source) // 2).max())
    white = float_scale(peak)
    return white, "" if white == 1 else f"Float values reach {peak:g}: full scale is taken as {white:g}, not 1."

"""Stacks whose frames are listed picture files: the data set knows their order and their focus positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis
from focaldepth.core.errors import ReadError, StackError
from focaldepth.core.optics import Optics
from focaldepth.core.stack import DerivedSource, FocalStack, Frame, StackInfo, reduce_frame
from focaldepth.io._files import FileSource, read_entries, same_kind
from focaldepth.io._inputs import Formats
from focaldepth.io._reader import MAX_PIXELS, PictureReader


def picture_stack(
    files: Sequence[Path],
    axis: FocusAxis,
    *,
    name: str,
    origin: str,
    optics: Optics | None = None,
    warnings: tuple[str, ...] = (),
    extra: Mapping[str, Any] = MappingProxyType({}),
) -> FocalStack:
    """Return the stack of files, one per frame, in this order; headers are read, pixels on demand.

    Args:
        files: one per focus position.
        axis: of the frames.
        name: of the stack.
        origin: where the positions come from, in words.
        optics: what is known of the lens.
        warnings, extra: as in `StackInfo`.

    Raises:
        ReadError: a file is missing or damaged.
        StackError: frames of different sizes, or another number of them than of positions.
    """
    if len(files) != len(axis):
        raise StackError(
            f"has {len(files)} frames, {len(axis)} focus positions are known.",
            where=name,
            hint="Copy the folder again.",
        )
    formats = Formats.all()
    readers = [_reader(file, formats) for file in files]
    read, _ = read_entries(files, readers, MAX_PIXELS, skip_bad=False)
    entries = [e for e in same_kind(read, skip_bad=False)[0] if e is not None]
    facts = entries[0].facts
    source = FileSource(
        tuple(e.file for e in entries),
        tuple(e.reader for e in entries),
        facts.shape,
        facts.dtype,
        max(e.facts.white for e in entries),
        MAX_PIXELS,
    )
    info = StackInfo(
        name=name,
        frame_names=tuple(file.name for file in files),
        files=tuple(map(str, files)),
        order_rule="as the data set numbers them",
        focus_origin=origin,
        warnings=warnings,
        extra=extra,
    )
    return FocalStack(source, axis, optics or Optics(), facts.transfer, info)


def _reader(file: Path, formats: Formats) -> PictureReader:
    reader = formats.picture(file)
    if reader is None:
        raise ReadError("is no picture of a known format.", where=file, hint="Check the name.")
    return reader


def picture_shape(file: Path) -> tuple[int, int, int]:
    """Return (H, W, C) of a picture from its header; errors as `read_picture`."""
    return _reader(file, Formats.all()).facts(file).shape


def read_picture(file: Path) -> Frame:
    """Return a picture (H, W, C) at the depth of its file.

    Raises:
        ReadError: the file is missing or damaged.
    """
    return _reader(file, Formats.all()).read(file)


def with_camera(stack: FocalStack, matrix: NDArray[np.float64] | None) -> FocalStack:
    """Return the stack with the camera matrix (3, 3) of its pixels as `camera_matrix` of its extra facts."""
    if matrix is None:
        return stack
    extra = {**stack.info.extra, "camera_matrix": matrix.tolist()}
    return replace(stack, info=replace(stack.info, extra=extra))


@dataclass(frozen=True)
class Window(DerivedSource):
    """A rectangle of the frames of another source, `rows` x `columns` (start, stop)."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0], self.base.shape[2]

    def read(self, i: int) -> Frame:
        """Return frame i."""
        return np.ascontiguousarray(self.base.read(i)[slice(*self.rows), slice(*self.columns)])

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced: blocks begin at the corner of the window."""
        return reduce_frame(self.read(i), factor)

    def coverage(self, i: int) -> None:
        """Pictures show the scene everywhere."""


def windowed(stack: FocalStack, margin_rows: int, margin_columns: int) -> FocalStack:
    """Return the stack without a margin at top and bottom, and one left and right.

    Raises:
        StackError: nothing is left.
    """
    h, w, _ = stack.shape
    if h <= 2 * margin_rows or w <= 2 * margin_columns:
        raise StackError(
            f"frames of {w} x {h} px have no middle within {margin_columns} and {margin_rows} px.",
            where=stack.info.name,
            hint="Are these the files of the data set?",
        )
    window = Window(stack.source, (margin_rows, h - margin_rows), (margin_columns, w - margin_columns))
    return replace(stack, source=window)

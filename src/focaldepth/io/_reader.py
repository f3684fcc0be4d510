"""What a reader of a file format offers; each format is one file with a last line ``READER = ...``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from focaldepth.core.axis import FocusAxis
from focaldepth.core.optics import Optics
from focaldepth.core.registry import Registry
from focaldepth.core.stack import Frame, FrameSource, Transfer
from focaldepth.io._archive import ZipMember

PictureFile = Path | ZipMember
"""One picture file: on disk, or inside a zip archive."""

MAX_PIXELS = 500_000_000
"""Largest frame that is decoded unless the caller allows more: above any camera, below a decompression bomb."""


@dataclass(frozen=True)
class PictureFacts:
    """What the header of a picture file tells, orientation already applied.

    Attributes:
        shape: (H, W, C) as `read` returns it.
        dtype: uint8, uint16 or float32.
        white: value of full scale.
        transfer: how values relate to light.
        exif, icc: raw blocks, None when absent; EXIF begins with b"Exif\\0\\0", its orientation is reset.
        optics: focal length, f-number ... where the file states them.
        focus: tag and focus distance from the sensor in metres (("EXIF SubjectDistance", 0.43)); None when absent.
        maker_note: the file may hold a focus distance that only exiftool can read.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    white: float
    transfer: Transfer = Transfer.UNKNOWN
    exif: bytes | None = None
    icc: bytes | None = None
    optics: Optics = field(default_factory=Optics)
    focus: tuple[str, float] | None = None
    maker_note: bool = False


@runtime_checkable
class PictureReader(Protocol):
    """One file is one frame. Every method raises ReadError with the file's name for a file it cannot read."""

    title: str
    suffixes: tuple[str, ...]
    extra: str

    def facts(self, path: PictureFile) -> PictureFacts:
        """Read the header and see, without decoding, that the file is complete."""

    def read(self, path: PictureFile, max_pixels: int = MAX_PIXELS) -> Frame:
        """Return (H, W, C) RGB or grey at the depth of the file; alpha dropped, EXIF orientation applied.

        A header that claims more than `max_pixels` is refused before anything is decoded.
        """

    def preview(self, path: PictureFile, factor: int, max_pixels: int = MAX_PIXELS) -> Frame:
        """Return the frame reduced by an integer factor, as cheaply as the format allows."""

    def like(self, reference: PictureFile) -> PictureReader:
        """Return the reader that develops every frame as the reference frame (RAW white balance); most return self."""


@dataclass(frozen=True)
class ReadOptions:
    """What a user may say about a container.

    Attributes:
        channel: number (from 0) or name of the channel to take; None = all of a colour picture, else an error that
            lists them.
        dataset: which array of the file: its name (HDF5, zarr, npz) or number (images of a TIFF), and in brackets which
            item of further axes, by position or letter: "stack_train[3]", "[T=2]".
        axes: letters of its axes, such as "NHWC".
        log: position log of a video sweep.
        focus_unit: unit of focus positions that the file holds without one.
    """

    channel: str | None = None
    dataset: str | None = None
    axes: str | None = None
    log: Path | None = None
    focus_unit: str | None = None


@dataclass(frozen=True)
class Container:
    """A stack that lies in one file (or one multi-file set).

    Attributes:
        source: the frames.
        axis: focus positions stated by the container; None = unknown, never a default.
        focus_origin: which entry they came from ("OME PositionZ").
        optics, transfer, exif, icc: as in FocalStack and StackInfo.
        frame_names: (N) for messages.
        skipped: frames left out -> reason (video frames taken while the lens moved).
        warnings: sentences that belong into the result.
        extra: what else is worth keeping, plain JSON values.
        truth: depth and all-in-focus arrays that a container may bring (plain npz), by name.
        unit_taken: the positions have the unit `ReadOptions.focus_unit`, because the file states none.
    """

    source: FrameSource
    axis: FocusAxis | None = None
    focus_origin: str = "none"
    optics: Optics = field(default_factory=Optics)
    transfer: Transfer = Transfer.UNKNOWN
    frame_names: tuple[str, ...] = ()
    exif: bytes | None = None
    icc: bytes | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    truth: Mapping[str, Any] = field(default_factory=dict)
    unit_taken: bool = False


@runtime_checkable
class ContainerReader(Protocol):
    """One file holds the whole stack; one with an attribute `takes_log` that is true heeds `ReadOptions.log`."""

    title: str
    suffixes: tuple[str, ...]
    extra: str

    def accepts(self, path: Path) -> bool:
        """True when this file is a stack of this format (a one-page TIFF is a picture, not a container)."""

    def open(self, path: Path, options: ReadOptions) -> Container:
        """Open it without reading pixels of more than one frame."""


READERS: Registry[PictureReader | ContainerReader] = Registry("reader", ("io.readers",), "READER")
"""All readers: files of ``focaldepth/io/readers`` and entry points ``focaldepth.readers``."""

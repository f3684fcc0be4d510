"""Planes of a TIFF file, one at a time, whatever dialect it speaks."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import ReadError
from focaldepth.io.readers._ome import set_files
from focaldepth.io.readers._planes import reading

STRUCTURED = ("shaped", "lsm", "mmstack", "ome", "imagej", "ndtiff", "fluoview", "stk")
"""Dialects of which the library knows the axes; everything else is a plain sequence of pages."""

_TRUNCATED = "The file is truncated or damaged: copy or export it again."
_REDUCED, _MASK = 1, 4
_DESCRIPTION = 270
_MINISWHITE, _BLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6


@dataclass(frozen=True)
class Planes:
    """An array that lies in TIFF pages.

    Attributes:
        axes, shape: of the array.
        lead: number of leading axes that count pages; the others lie inside a page.
        page: the page that stands for all.
        load: page number -> array of shape `shape[lead:]`, safe to call from several threads.
        kind: dialect, "plain" for a sequence of pages.
    """

    axes: str
    shape: tuple[int, ...]
    lead: int
    page: Any
    load: Callable[[int], NDArray[Any]]
    kind: str

    def number(self, index: Sequence[int | slice]) -> int:
        """Return the page that holds an index of the array."""
        if not self.lead:
            return 0
        return int(np.ravel_multi_index(tuple(int(i) for i in index[: self.lead]), self.shape[: self.lead]))  # type: ignore[arg-type]

    def used(self, numbers: Sequence[int], path: Path, xml: str | None) -> None:
        """Check that the pages of the frames are there, as far as the headers tell."""
        check = getattr(self.load, "check", None)
        if check is not None:
            check(numbers, path, xml)


def chain_broken(tif: Any) -> bool:
    """True where the last page that was found points to another one: the file ends too early."""
    layout, handle, last = tif.tiff, tif.filehandle, tif.pages[-1]
    try:
        handle.seek(last.offset)
        (tags,) = struct.unpack(layout.tagnoformat, handle.read(layout.tagnosize))
        handle.seek(last.offset + layout.tagnosize + tags * layout.tagsize)
        (following,) = struct.unpack(layout.offsetformat, handle.read(layout.offsetsize))
    except struct.error:
        return True
    return bool(following != 0)


def description_lost(tif: Any) -> bool:
    """True where the first page announces a description (axes, lengths) that lies behind the end of the file."""
    layout, handle, first = tif.tiff, tif.filehandle, tif.pages.first
    handle.seek(first.offset)
    (tags,) = struct.unpack(layout.tagnoformat, handle.read(layout.tagnosize))
    entries = handle.read(tags * layout.tagsize)
    codes = [struct.unpack_from(tif.byteorder + "H", entries, i)[0] for i in range(0, len(entries) - 1, layout.tagsize)]
    return _DESCRIPTION in codes and _DESCRIPTION not in first.tags


def structured(tif: Any) -> list[Any]:
    """Return the image series of a file that states its axes; empty for a plain sequence of pages."""
    if not any(getattr(tif, f"is_{kind}", False) for kind in STRUCTURED):
        return []
    found = [s for s in tif.series if s.kind in STRUCTURED]
    single = all(page_planes(s)[1] == 1 for s in found)
    # Programs that append frame by frame leave one "series" per page.
    return [] if single and all(s.kind == "shaped" for s in found) else found


def page_planes(series: Any) -> tuple[int, int]:
    """Return how many axes of a series count pages, and how many planes there are in all."""
    axes, shape, size = series.axes, series.shape, prod(series.keyframe.shape)
    for lead in range(len(shape), -1, -1):
        if prod(shape[lead:]) == size and {"Y", "X"} <= set(axes[lead:]):
            pixels = prod(n for a, n in zip(axes, shape, strict=True) if a in "YXS")
            return lead, prod(shape) // max(pixels, 1)
    return 0, 0


def plain_pages(tif: Any) -> list[tuple[int, Any]]:
    """Return (number, page) of every page that is a picture of its own: reduced copies and masks are left out."""
    pages = [(i, p) for i, p in enumerate(tif.pages) if not int(p.subfiletype) & (_REDUCED | _MASK)]
    return pages or list(enumerate(tif.pages))


def series_planes(series: Any, path: Path) -> Planes:
    """Return the planes of a series whose axes the file states."""
    lead, _ = page_planes(series)
    shape, page = tuple(int(n) for n in series.shape), series.keyframe
    if not prod(shape) or not page_planes(series)[1]:
        raise ReadError(f"axes {series.axes!r} of size {shape} do not fit the pages.", where=path, hint=_TRUNCATED)
    offset = series.dataoffset
    load: Callable[[int], NDArray[Any]]
    if offset is not None:
        dtype = np.dtype(series.dtype).newbyteorder(page.parent.byteorder)
        load = _RawPlanes(page.parent.filehandle, int(offset), shape[lead:], dtype)
    else:
        load = _PagePlanes([series[i] for i in range(len(series))], shape[lead:])
    return Planes(series.axes, shape, lead, page, load, series.kind)


def sequence_planes(tif: Any, path: Path) -> Planes:
    """Return the pages of a plain TIFF as frames; one of another kind is an error that names it."""
    pages = plain_pages(tif)
    first = pages[0][1]
    for number, page in pages:
        if (page.shape, page.dtype, page.photometric) != (first.shape, first.dtype, first.photometric):
            raise ReadError(
                f"page {number + 1} is {_describe(page)}, page {pages[0][0] + 1} is {_describe(first)}.",
                where=path,
                hint="All frames need one size and one kind of pixels: split the file or remove that page.",
            )
    if not first.shape or 0 in first.shape:
        raise ReadError("its first page holds no pixels.", where=path, hint=_TRUNCATED)
    load = _PagePlanes([p for _, p in pages], first.shape)
    return Planes("I" + first.axes, (len(pages), *first.shape), 1, first, load, "plain")


def _describe(page: Any) -> str:
    return f"{page.imagewidth} x {page.imagelength} px {page.dtype}, {page.samplesperpixel} samples per pixel"


class _RawPlanes:
    """Planes that lie one after the other without compression; some files describe only the first of them."""

    def __init__(self, handle: Any, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._handle, self._offset, self._shape, self._dtype = handle, offset, shape, dtype
        self._bytes = prod(shape) * dtype.itemsize
        self._lock = RLock()

    def __call__(self, number: int) -> NDArray[Any]:
        with self._lock:
            closed = self._handle.closed
            if closed:
                self._handle.open()
            self._handle.seek(self._offset + number * self._bytes)
            data = self._handle.read(self._bytes)
            if closed:
                self._handle.close()
        return np.frombuffer(data, self._dtype).reshape(self._shape)

    def check(self, numbers: Sequence[int], path: Path, xml: str | None) -> None:
        """Refuse planes that end behind the file."""
        for frame, number in enumerate(numbers):
            if self._offset + (number + 1) * self._bytes > self._handle.size:
                raise ReadError(f"frame {frame + 1} lies behind the end of the file.", where=path, hint=_TRUNCATED)


class _PagePlanes:
    """Planes that are pages of one or several files."""

    def __init__(self, pages: Sequence[Any], shape: tuple[int, ...]) -> None:
        self._pages, self._shape = pages, shape
        self._locks = {id(p.parent): RLock() for p in pages if p is not None}

    def __call__(self, number: int) -> NDArray[Any]:
        page = self._pages[number]
        handle, lock = page.parent.filehandle, self._locks[id(page.parent)]
        if not handle.closed:
            return np.asarray(page.asarray(lock=lock, maxworkers=1)).reshape(self._shape)
        with lock:  # a member of a multi-file set: opened for this plane only, so that large sets need few handles
            handle.open()
            try:
                return np.asarray(page.asarray(lock=lock, maxworkers=1)).reshape(self._shape)
            finally:
                handle.close()

    def check(self, numbers: Sequence[int], path: Path, xml: str | None) -> None:
        """Refuse planes whose page or file is missing, and data that ends behind its file."""
        for frame, number in enumerate(numbers):
            page = self._pages[number] if number < len(self._pages) else None
            if page is None:
                gone = [n for n in set_files(xml or "") if not (path.parent / n).is_file()]
                what = f"frame {frame + 1} is missing"
                what += f": {', '.join(gone[:5])} of the set not found" if gone else " in the file"
                hint = "Put all files of the set into one folder." if gone else _TRUNCATED
                raise ReadError(f"{what}.", where=path, hint=hint)
            end = max((o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)), default=0)
            if end == 0 or end > page.parent.filehandle.size:
                raise ReadError(
                    f"frame {frame + 1} lies behind the end of {page.parent.filename}.", where=path, hint=_TRUNCATED
                )


def developer(page: Any, kind: str, path: Path) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return the function that turns stored samples (H, W, C) into the picture: palette, inverse grey, orientation."""
    photometric, steps = int(page.photometric), list[Callable[[NDArray[Any]], NDArray[Any]]]()
    jpeg = int(page.compression) in (6, 7)
    if photometric > _PALETTE and not (photometric == _YCBCR and jpeg):
        name = getattr(page.photometric, "name", photometric)
        raise ReadError(f"colours are coded as {name}.", where=path, hint="Convert the pages to grey or RGB.")
    if photometric == _PALETTE and kind == "plain" and page.colormap is not None:
        table = np.ascontiguousarray((np.asarray(page.colormap) >> 8).astype(np.uint8).T)
        steps.append(lambda frame: table[frame[..., 0]])
    if photometric == _MINISWHITE and page.dtype.kind == "u":
        top = 2**page.bitspersample - 1
        with reading(path, "bit depth"):
            white = np.array(top, page.dtype)
        steps.append(lambda frame: white - frame)
    if kind == "plain" and 274 in page.tags:
        turn = int(page.tags[274].value)
        steps.append(lambda frame: oriented(frame, turn))
    return lambda frame: _all(steps, frame)


def _all(steps: Sequence[Callable[[NDArray[Any]], NDArray[Any]]], frame: NDArray[Any]) -> NDArray[Any]:
    for step in steps:
        frame = step(frame)
    return frame


def oriented(frame: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Apply an EXIF orientation, 1 to 8, to (H, W, C); other values leave it as it is."""
    if orientation in (5, 6, 7, 8):
        frame = frame.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        frame = frame[::-1]
    return frame[:, ::-1] if orientation in (2, 3, 6, 7) else frame

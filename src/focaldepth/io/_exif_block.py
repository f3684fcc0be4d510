"""EXIF blocks as bytes: neutralise what no longer holds, take them apart and put them together at another place.

An EXIF block is a small TIFF file: chained directories (IFDs) of entries whose long values lie at offsets. JPEG and PNG
carry it whole, so there it is patched in place and maker notes stay readable; a TIFF picture needs the entries moved.
"""

from __future__ import annotations

import struct
from collections.abc import Container
from dataclasses import dataclass

import numpy as np

PREFIX = b"Exif\0\0"
EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005
_ORIENTATION, _WIDTH, _HEIGHT, _PIXEL_X, _PIXEL_Y = 0x0112, 0x0100, 0x0101, 0xA002, 0xA003
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SWAP = {3: 2, 8: 2, 4: 4, 5: 4, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}
_MAX_ENTRIES = 4096
_Bytes = bytes | bytearray | memoryview


@dataclass(frozen=True)
class Entry:
    """One tag; `raw` holds its values, little endian; `position` is where they stood."""

    tag: int
    kind: int
    count: int
    raw: bytes
    position: int


Ifd = dict[int, Entry]


@dataclass(frozen=True)
class Ifds:
    """The directories of a block that matter; empty where absent."""

    main: Ifd
    exif: Ifd
    gps: Ifd
    interop: Ifd


def strip_prefix(block: bytes) -> bytes:
    """Return the block without the "Exif" mark that JPEG puts before it."""
    return block[len(PREFIX) :] if block.startswith(PREFIX) else block


def parse(block: _Bytes, keep: Container[int] | None = None) -> Ifds:
    """Take a block (or the head of a classic TIFF file) apart.

    Args:
        block: starts with the byte order mark II or MM.
        keep: tags of the main directory to take; None = all.

    Raises:
        ValueError: not an EXIF block, or broken.
    """
    try:
        order = _order(block)
        main, _ = _directory(block, order, struct.unpack_from(order + "I", block, 4)[0])
        subs = [_sub(block, order, main, tag) for tag in (EXIF_IFD, GPS_IFD)]
        interop = _sub(block, order, subs[0], INTEROP_IFD)
    except struct.error as error:
        raise ValueError(f"the EXIF block is cut off ({error})") from error
    chosen = {tag: entry for tag, entry in main.items() if keep is None or tag in keep}
    return Ifds(chosen, subs[0], subs[1], interop)


def _order(block: _Bytes) -> str:
    mark = bytes(block[:4])
    if mark not in (b"II*\0", b"MM\0*"):
        raise ValueError("the EXIF block has no byte order mark")
    return "<" if mark[:1] == b"I" else ">"


def _sub(block: _Bytes, order: str, parent: Ifd, tag: int) -> Ifd:
    if tag not in parent or len(parent[tag].raw) != 4:
        return {}
    return _directory(block, order, struct.unpack("<I", parent[tag].raw)[0])[0]


def _directory(block: _Bytes, order: str, offset: int) -> tuple[Ifd, int]:
    """Return the entries of the directory at `offset` and the position of its link to the next one."""
    (count,) = struct.unpack_from(order + "H", block, offset)
    if count > _MAX_ENTRIES:
        raise ValueError(f"the EXIF block claims {count} entries")
    entries = {}
    for i in range(count):
        start = offset + 2 + 12 * i
        tag, kind, n = struct.unpack_from(order + "HHI", block, start)
        size = _SIZES.get(kind, 0) * n
        where = start + 8 if size <= 4 else struct.unpack_from(order + "I", block, start + 8)[0]
        if size == 0 or where + size > len(block):
            continue
        raw = bytes(block[where : where + size])
        entries[tag] = Entry(tag, kind, n, _swapped(raw, kind) if order == ">" else raw, where)
    return entries, offset + 2 + 12 * count


def _swapped(raw: bytes, kind: int) -> bytes:
    width = _SWAP.get(kind, 1)
    return np.frombuffer(raw, f">u{width}").astype(f"<u{width}").tobytes() if width > 1 else raw


def neutral(block: bytes, shape: tuple[int, int]) -> bytes:
    """Return a copy whose orientation is normal, whose pixel size is `shape` (H, W) and that has no thumbnail.

    The thumbnail shows the unstacked, unturned frame, so it would be wrong; everything else keeps its place, so that
    maker notes stay readable.

    Raises:
        ValueError: not an EXIF block, or broken.
    """
    source = strip_prefix(block)
    ifds = parse(source)
    out, order = bytearray(source), _order(source)
    rows, columns = shape
    wanted = [(ifds.main, _ORIENTATION, 1), (ifds.main, _WIDTH, columns), (ifds.main, _HEIGHT, rows)]
    wanted += [(ifds.exif, _PIXEL_X, columns), (ifds.exif, _PIXEL_Y, rows)]
    for ifd, tag, value in wanted:
        entry = ifd.get(tag)
        if entry is not None and entry.count == 1 and entry.kind in (3, 4) and value < 2 ** (8 * _SIZES[entry.kind]):
            struct.pack_into(order + ("H" if entry.kind == 3 else "I"), out, entry.position, value)
    return _without_thumbnail(out, order)


def _without_thumbnail(out: bytearray, order: str) -> bytes:
    """Unlink the second directory; cut its picture off where it ends the block, else overwrite it with zeros."""
    _, link = _directory(out, order, struct.unpack_from(order + "I", out, 4)[0])
    (second,) = struct.unpack_from(order + "I", out, link) if link + 4 <= len(out) else (0,)
    if second == 0:
        return bytes(out)
    struct.pack_into(order + "I", out, link, 0)
    try:
        thumbnail, _ = _directory(out, order, second)
    except struct.error:
        return bytes(out)
    if 0x0201 in thumbnail and 0x0202 in thumbnail:
        start, size = (struct.unpack("<I", thumbnail[t].raw)[0] for t in (0x0201, 0x0202))
        if start + size == len(out):
            del out[start:]
        elif start + size < len(out):
            out[start : start + size] = bytes(size)
    return bytes(out)


def directory_bytes(ifd: Ifd, offset: int, links: dict[int, int] | None = None) -> bytes:
    """Return a little-endian directory that will stand at `offset` of a file, its long values right behind it.

    Args:
        ifd: the entries.
        offset: where it will stand; even.
        links: tag -> offset of a directory that the tag points to; such tags are added or replaced.
    """
    links = links or {}
    entries = dict(ifd) | {tag: Entry(tag, 4, 1, struct.pack("<I", at), 0) for tag, at in links.items()}
    table = struct.pack("<H", len(entries))
    values = b""
    after = offset + 2 + 12 * len(entries) + 4
    for tag in sorted(entries):
        entry = entries[tag]
        field = entry.raw.ljust(4, b"\0")
        if len(entry.raw) > 4:
            field = struct.pack("<I", after + len(values))
            values += entry.raw + b"\0" * (len(entry.raw) % 2)
        table += struct.pack("<HHI", tag, entry.kind, entry.count) + field
    return table + struct.pack("<I", 0) + values


def sub_directories(ifds: Ifds, offset: int) -> tuple[bytes, dict[int, int]]:
    """Return the EXIF, interoperability and GPS directories for a place in a file, and tag -> offset to link them."""
    out, links = b"", {}
    exif_links = {}
    if ifds.interop:
        exif_links[INTEROP_IFD] = offset
        out += directory_bytes(ifds.interop, offset)
    if ifds.exif:
        links[EXIF_IFD] = offset + len(out)
        out += directory_bytes(ifds.exif, offset + len(out), exif_links)
    if ifds.gps:
        links[GPS_IFD] = offset + len(out)
        out += directory_bytes(ifds.gps, offset + len(out))
    return out, links


def as_block(ifds: Ifds) -> bytes | None:
    """Return a complete little-endian EXIF block; None when there is nothing to put in."""
    if not (ifds.main or ifds.exif or ifds.gps):
        return None
    subs, links = sub_directories(ifds, 8)
    at = 8 + len(subs)
    return b"II*\0" + struct.pack("<I", at) + subs + directory_bytes(ifds.main, at, links)

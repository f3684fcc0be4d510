"""Tags of TIFF and EXIF: read, patch and copy them byte by byte.

Own code and no library: a decoder of hostile bytes must fail in one known way, MakerNotes survive only when the block
is patched in place, and reading a header costs no import.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Literal

EXIF_PREFIX = b"Exif\x00\x00"

ORIENTATION = 0x0112
EXIF_IFD = 0x8769
GPS_IFD = 0x8825
MAKER_NOTE = 0x927C
PIXEL_X = 0xA002
PIXEL_Y = 0xA003

_KEPT = frozenset({0x010F, 0x0110, ORIENTATION, 0x0131, 0x0132, 0x013B, 0x8298})
_TELLING = frozenset({0x010F, 0x0110, 0x0132, 0x013B, 0x8298, EXIF_IFD, GPS_IFD})
_DROPPED = frozenset({MAKER_NOTE, 0xA005})
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d"}
_MAX_TAGS = 1024
_MAX_DATA = 1 << 20

Order = Literal["<", ">"]
Ifd = Mapping[int, "Tag"]


@dataclass(frozen=True)
class Tag:
    """One tag: its number, TIFF type, raw data and where its 4-byte value field stands."""

    number: int
    kind: int
    count: int
    data: bytes
    at: int
    order: Order

    def numbers(self) -> tuple[float, ...]:
        """Return numeric values; a rational with denominator 0 is infinity (NaN for 0/0); () for text."""
        if self.kind in (5, 10):
            code = "I" if self.kind == 5 else "i"
            parts = struct.unpack(f"{self.order}{2 * self.count}{code}", self.data)
            return tuple(_ratio(a, b) for a, b in zip(parts[::2], parts[1::2], strict=True))
        if self.kind not in _CODES:
            return ()
        return struct.unpack(f"{self.order}{self.count}{_CODES[self.kind]}", self.data)

    def number_or(self, default: float) -> float:
        """Return the first number, or a default where there is none."""
        values = self.numbers()
        return values[0] if values else default


def _ratio(a: float, b: float) -> float:
    if b == 0:
        return float("inf") if a > 0 else float("nan")
    return a / b


class TagError(ValueError):
    """The block is no TIFF structure."""


def read_head(stream: BinaryIO, *, strict: bool = True) -> tuple[Order, int]:
    """Return byte order and offset of the first IFD of a TIFF structure at the stream's position 0.

    Args:
        stream: the file or block.
        strict: insist on the number 42; raw formats write their own there.
    """
    stream.seek(0)
    head = stream.read(8)
    if len(head) < 8 or head[:2] not in (b"II", b"MM"):
        raise TagError("no TIFF header")
    order: Order = "<" if head[:2] == b"II" else ">"
    magic, offset = struct.unpack(f"{order}HI", head[2:])
    if magic == 43 or (strict and magic != 42):
        raise TagError(f"magic number {magic}")
    return order, offset


def read_ifd(stream: BinaryIO, order: Order, offset: int) -> tuple[dict[int, Tag], int]:
    """Return the tags of the IFD at `offset` and the position of its link to the next; broken tags are left out."""
    stream.seek(offset)
    raw = stream.read(2)
    if len(raw) < 2:
        raise TagError("IFD outside the block")
    count = min(struct.unpack(f"{order}H", raw)[0], _MAX_TAGS)
    table = stream.read(12 * count)
    tags = {}
    for i in range(len(table) // 12):
        tag = _read_tag(stream, order, table[12 * i : 12 * i + 12], offset + 2 + 12 * i + 8)
        if tag is not None:
            tags[tag.number] = tag
    return tags, offset + 2 + 12 * count


def _read_tag(stream: BinaryIO, order: Order, entry: bytes, at: int) -> Tag | None:
    number, kind, count = struct.unpack(f"{order}HHI", entry[:8])
    size = _SIZES.get(kind, 0) * count
    if not 0 < size <= _MAX_DATA:
        return None
    data = entry[8 : 8 + size]
    if size > 4:
        stream.seek(struct.unpack(f"{order}I", entry[8:])[0])
        data = stream.read(size)
    return Tag(number, kind, count, data, at, order) if len(data) == size else None


def sub_ifd(stream: BinaryIO, parent: Ifd, pointer: int) -> dict[int, Tag]:
    """Return the IFD that a tag of `parent` points to; empty where there is none."""
    tag = parent.get(pointer)
    if tag is None:
        return {}
    try:
        return read_ifd(stream, tag.order, int(tag.number_or(-1)))[0]
    except (TagError, ValueError, OverflowError, OSError):
        return {}


def reset_orientation(block: bytes, swap: bool) -> bytes:
    """Return an EXIF block that says "upright": orientation 1, no thumbnail of the frame as it was.

    Args:
        block: EXIF block with its prefix; a broken one comes back unchanged.
        swap: width and height changed places.
    """
    body = bytearray(block[len(EXIF_PREFIX) :])
    stream = BytesIO(bytes(body))
    try:
        order, offset = read_head(stream)
        ifd, link = read_ifd(stream, order, offset)
    except (TagError, ValueError):
        return block
    if ORIENTATION in ifd and ifd[ORIENTATION].kind == 3:
        struct.pack_into(f"{order}H", body, ifd[ORIENTATION].at, 1)
    if link + 4 <= len(body):
        body[link : link + 4] = bytes(4)
    exif = sub_ifd(stream, ifd, EXIF_IFD)
    if swap and PIXEL_X in exif and PIXEL_Y in exif and exif[PIXEL_X].kind == exif[PIXEL_Y].kind:
        x, y = exif[PIXEL_X].at, exif[PIXEL_Y].at
        body[x : x + 4], body[y : y + 4] = body[y : y + 4], body[x : x + 4]
    return EXIF_PREFIX + bytes(body)


def collect_exif(stream: BinaryIO, *, strict: bool = True) -> bytes | None:
    """Return an EXIF block with what a TIFF or TIFF-based RAW file says of the camera; None where it says nothing.

    Structure (offsets, sizes, colour) and MakerNotes stay behind: they are wrong outside their file.
    """
    try:
        order, offset = read_head(stream, strict=strict)
        ifd, _ = read_ifd(stream, order, offset)
    except (TagError, ValueError, OverflowError):
        return None
    upright = ifd[ORIENTATION].number_or(1) == 1 if ORIENTATION in ifd else True
    subs = {p: _without(sub_ifd(stream, ifd, p)) for p in (EXIF_IFD, GPS_IFD)}
    if not (_TELLING & set(ifd)) and upright:
        return None
    top = [t for n, t in ifd.items() if n in _KEPT]
    return EXIF_PREFIX + _block(order, top, {p: tags for p, tags in subs.items() if tags})


def _without(ifd: Ifd) -> list[Tag]:
    return [t for n, t in ifd.items() if n not in _DROPPED]


def _block(order: Order, top: list[Tag], subs: Mapping[int, list[Tag]]) -> bytes:
    """Write a TIFF structure of one IFD and its sub-IFDs, which stand behind it."""
    pointers = [Tag(p, 4, 1, bytes(4), 0, order) for p in subs]
    entries = sorted([*top, *pointers], key=lambda t: t.number)
    offset = 8 + len(_ifd_bytes(order, entries, 8))
    tail = b""
    for i, tag in enumerate(entries):
        if tag.number in subs:
            entries[i] = Tag(tag.number, 4, 1, struct.pack(f"{order}I", offset + len(tail)), 0, order)
            tail += _ifd_bytes(order, sorted(subs[tag.number], key=lambda t: t.number), offset + len(tail))
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return head + _ifd_bytes(order, entries, 8) + tail


def _ifd_bytes(order: Order, tags: list[Tag], offset: int) -> bytes:
    data_at = offset + 2 + 12 * len(tags) + 4
    table, data = struct.pack(f"{order}H", len(tags)), b""
    for tag in tags:
        value = tag.data.ljust(4, b"\x00")
        if len(tag.data) > 4:
            value = struct.pack(f"{order}I", data_at + len(data))
            data += tag.data + bytes(len(tag.data) % 2)
        table += struct.pack(f"{order}HHI", tag.number, tag.kind, tag.count) + value
    return table + bytes(4) + data

"""The kinds of OpenEXR that depth comes in, read without a library: one part, scan lines, no or lossless zip packing.

Format after the file layout document of OpenEXR 2: header of attributes, table of offsets, blocks of lines.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from focaldepth.io.readers._planes import check_size

_MAGIC = b"\x76\x2f\x31\x01"
_OTHER_KINDS = 0x200 | 0x800 | 0x1000
"""Flags of tiles, deep pixels and several parts."""
_LINES = {0: 1, 1: 1, 2: 1, 3: 16}
"""Packing (none, run lengths, zip, zip of 16 lines) -> lines of a block."""
_TYPES: dict[int, np.dtype[Any]] = {0: np.dtype("<u4"), 1: np.dtype("<f2"), 2: np.dtype("<f4")}


@dataclass(frozen=True)
class _Header:
    """What is needed of the header: channels in their order, place of the pixels, packing."""

    channels: dict[str, np.dtype[Any]]
    size: tuple[int, int]
    top: int
    packing: int


def read_channels(path: Path) -> dict[str, NDArray[Any]] | None:
    """Return every channel (H, W) by name, float16, float32 or uint32; None for another kind of EXR.

    Errors of a damaged file are those of struct, zlib and numpy; the caller makes them a ReadError.
    """
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8 or start[:4] != _MAGIC:
            raise ValueError("it does not begin like an EXR file")
        if int.from_bytes(start[4:], "little") & _OTHER_KINDS:
            return None
        header = _header(file, path)
        return None if header is None else _pixels(file, header)


def _header(file: BinaryIO, path: Path) -> _Header | None:
    found: dict[str, bytes] = {}
    while name := _text(file):
        _text(file)
        found[name] = _need(file, struct.unpack("<i", _need(file, 4))[0])
    left, top, right, bottom = struct.unpack("<4i", found["dataWindow"])
    packing = found["compression"][0]
    channels = _channels(found["channels"])
    if packing not in _LINES or channels is None:
        return None
    size = (bottom - top + 1, right - left + 1)
    check_size(size, path)
    return _Header(channels, size, top, packing)


def _channels(block: bytes) -> dict[str, np.dtype[Any]] | None:
    """Name -> type in the order of the file; None where a channel is sampled more coarsely."""
    channels, at = {}, 0
    while block[at]:
        end = block.index(0, at)
        kind, _, across, down = struct.unpack_from("<iB3x2i", block, end + 1)
        if (across, down) != (1, 1):
            return None
        channels[block[at:end].decode("ascii", "replace")] = _TYPES[kind]
        at = end + 17
    return channels


def _pixels(file: BinaryIO, header: _Header) -> dict[str, NDArray[Any]]:
    (h, w), lines = header.size, _LINES[header.packing]
    blocks = -(-h // lines)
    offsets = struct.unpack(f"<{blocks}Q", _need(file, 8 * blocks))
    out = {name: np.zeros((h, w), dtype) for name, dtype in header.channels.items()}
    line_bytes = w * sum(dtype.itemsize for dtype in header.channels.values())
    seen = np.zeros(h, bool)
    for offset in offsets:
        file.seek(offset)
        first, size = struct.unpack("<2i", _need(file, 8))
        first -= header.top
        count = min(lines, h - first)
        if first < 0 or count < 1:
            raise ValueError(f"a block begins at line {first} of {h}")
        data = _unpacked(_need(file, size), count * line_bytes, header.packing)
        seen[first : first + count] = True
        rows, at = np.frombuffer(data, np.uint8).reshape(count, line_bytes), 0
        for name, dtype in header.channels.items():
            width = w * dtype.itemsize
            out[name][first : first + count] = np.ascontiguousarray(rows[:, at : at + width]).view(dtype)
            at += width
    if not seen.all():
        raise ValueError(f"{int((~seen).sum())} lines are missing")
    return out


def _unpacked(data: bytes, expected: int, packing: int) -> bytes:
    """Undo packing, differences and the separation of even and odd bytes; a block that did not shrink is stored raw."""
    if packing == 0 or len(data) == expected:
        raw = data
    else:
        raw = _runs(data, expected) if packing == 1 else zlib.decompressobj().decompress(data, expected)
        steps = np.frombuffer(raw, np.uint8).astype(np.int64)
        steps[1:] -= 128
        bytes_ = steps.cumsum().astype(np.uint8)
        whole, half = np.empty_like(bytes_), (len(bytes_) + 1) // 2
        whole[0::2], whole[1::2] = bytes_[:half], bytes_[half:]
        raw = whole.tobytes()
    if len(raw) != expected:
        raise ValueError(f"a block holds {len(raw)} bytes, expected {expected}")
    return raw


def _runs(data: bytes, expected: int) -> bytes:
    """Undo run lengths: a count from 0 repeats the next byte count + 1 times, a negative one copies -count bytes."""
    out, at = bytearray(), 0
    while at < len(data) and len(out) <= expected:
        count = struct.unpack_from("b", data, at)[0]
        if count < 0:
            out += data[at + 1 : at + 1 - count]
            at += 1 - count
        else:
            out += data[at + 1 : at + 2] * (count + 1)
            at += 2
    return bytes(out)


def _text(file: BinaryIO) -> str:
    """A name that ends with a zero byte."""
    found = bytearray()
    while (byte := _need(file, 1)) != b"\0":
        found += byte
        if len(found) > 255:
            raise ValueError("a name is longer than 255 bytes")
    return found.decode("ascii", "replace")


def _need(file: BinaryIO, count: int) -> bytes:
    data = file.read(count) if count >= 0 else b""
    if len(data) != count:
        raise ValueError("it ends too early")
    return data

"""WebP, lossy and lossless, 8-bit colour."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from focaldepth.core.stack import Frame
from focaldepth.io._picture import Header, PictureFormat, broken, need, size_of

_MAX_CHUNK = 16 << 20


def header(stream: BinaryIO) -> Header:
    """Walk the RIFF chunks."""
    start = need(stream, 12)
    if start[:4] != b"RIFF" or start[8:] != b"WEBP":
        raise broken("is no WebP file: it does not begin like one.")
    if size_of(stream) < int.from_bytes(start[4:8], "little") + 8:
        raise broken("is truncated: it is shorter than it says.")
    chunks = _chunks(stream)
    if b"ANIM" in chunks:
        raise broken("is an animation.")
    width, height = _size(chunks)
    return Header(width, height, 3, exif=chunks.get(b"EXIF"), icc=chunks.get(b"ICCP"))


def _chunks(stream: BinaryIO) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    while len(head := stream.read(8)) == 8:
        name, length = head[:4], int.from_bytes(head[4:], "little")
        at = stream.tell()
        wanted = length if name in (b"EXIF", b"ICCP") and length <= _MAX_CHUNK else min(length, 16)
        found.setdefault(name, stream.read(wanted))
        stream.seek(at + length + length % 2)
    return found


def _size(chunks: dict[bytes, bytes]) -> tuple[int, int]:
    """Width and height: 14 bits each in both kinds of picture data (RFC 9649, sections 2.5 and 3.4)."""
    lossy, lossless = chunks.get(b"VP8 ", b""), chunks.get(b"VP8L", b"")
    if len(lossy) >= 10 and lossy[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(lossy[6:8], "little") & 0x3FFF, int.from_bytes(lossy[8:10], "little") & 0x3FFF
    if len(lossless) >= 5 and lossless[0] == 0x2F:
        bits = int.from_bytes(lossless[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise broken("holds no picture.")


def decode(stream: BinaryIO, head: Header) -> Frame:
    """Decode all pixels."""
    import imagecodecs

    return np.asarray(imagecodecs.webp_decode(stream.read()))


READER = PictureFormat("WebP", (".webp",), header, decode)

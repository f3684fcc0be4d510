"""PNG, 8 and 16 bit, grey, colour and palette."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

import numpy as np

from focaldepth.core.stack import Frame, Transfer
from focaldepth.io._picture import UINT8, UINT16, Header, PictureFormat, broken, need, size_of

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_WANTED = {b"iCCP", b"eXIf", b"gAMA", b"sRGB"}
_MAX_CHUNK = 16 << 20


def header(stream: BinaryIO) -> Header:
    """Walk the chunks; the last one must be there."""
    if need(stream, 8) != _SIGNATURE:
        raise broken("is no PNG file: it does not begin like one.")
    chunks = _chunks(stream)
    width, height, depth, kind = struct.unpack(">IIBB", chunks.get(b"IHDR", bytes(10)))
    if depth not in _DEPTHS.get(kind, ()):
        raise broken("has an impossible PNG header.")
    linear = struct.unpack(">I", chunks[b"gAMA"])[0] == 100_000 if len(chunks.get(b"gAMA", b"")) == 4 else False
    return Header(
        width=width,
        height=height,
        channels=_CHANNELS[kind],
        dtype=UINT16 if depth == 16 else UINT8,
        transfer=Transfer.LINEAR if linear and b"sRGB" not in chunks else Transfer.SRGB,
        exif=chunks.get(b"eXIf"),
        icc=_profile(chunks.get(b"iCCP")),
    )


def _chunks(stream: BinaryIO) -> dict[bytes, bytes]:
    """Return the chunks that matter; the pixels are stepped over."""
    size = size_of(stream)
    found: dict[bytes, bytes] = {}
    name = b""
    while name != b"IEND":
        head = stream.read(8)
        length = int.from_bytes(head[:4], "big")
        if len(head) < 8 or stream.tell() + length + 4 > size:
            raise broken("is truncated: its last chunk is missing.")
        name = head[4:]
        at = stream.tell()
        if name == b"IHDR":
            found.setdefault(name, stream.read(length)[:10])
        elif name in _WANTED and length <= _MAX_CHUNK:
            found.setdefault(name, stream.read(length))
        stream.seek(at + length + 4)
    return found


def _profile(chunk: bytes | None) -> bytes | None:
    """Unpack an ICC profile, at most as long as a large one; a broken profile counts as absent."""
    if chunk is None:
        return None
    packed = chunk.partition(b"\x00")[2][1:]
    try:
        return zlib.decompressobj().decompress(packed, _MAX_CHUNK) or None
    except zlib.error:
        return None


def decode(stream: BinaryIO, head: Header) -> Frame:
    """Decode; imagecodecs keeps 16-bit colour, checks the data and says nothing on stderr."""
    import imagecodecs

    return np.asarray(imagecodecs.png_decode(stream.read()))


READER = PictureFormat("PNG", (".png",), header, decode)

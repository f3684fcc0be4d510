"""Chunks of a PNG file: put some in after the header, read some back, without touching the picture."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

from focaldepth.core.errors import ReadError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = 33
Chunk = tuple[bytes, bytes]


def insert_chunks(encoded: memoryview, chunks: Iterable[Chunk]) -> list[bytes | memoryview]:
    """Return the pieces of a file that has the chunks right after IHDR; write them one after the other."""
    return [encoded[:_HEADER_END], *(_pack(kind, data) for kind, data in chunks), encoded[_HEADER_END:]]


def _pack(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def read_chunks(path: Path, kinds: Iterable[bytes]) -> list[Chunk]:
    """Return the chunks of some kinds that stand before the pixels, in file order."""
    wanted, found = set(kinds), []
    with path.open("rb") as file:
        if file.read(8) != SIGNATURE:
            raise ReadError("is not a PNG.", where=path, hint="Give a PNG file.")
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind in (b"IDAT", b"IEND"):
                break
            if kind in wanted:
                found.append((kind, file.read(length)))
                file.seek(4, 1)
            else:
                file.seek(length + 4, 1)
    return found


def text_chunk(key: str, text: str) -> Chunk:
    """Make a tEXt chunk; key and text are Latin-1."""
    return b"tEXt", key.encode("latin-1") + b"\0" + text.encode("latin-1")


def read_texts(path: Path) -> dict[str, str]:
    """Return all tEXt entries before the pixels."""
    pairs = (data.partition(b"\0") for _, data in read_chunks(path, [b"tEXt"]))
    return {key.decode("latin-1"): text.decode("latin-1") for key, _, text in pairs}


def icc_chunk(profile: bytes) -> Chunk:
    """Make an iCCP chunk."""
    return b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)


def read_icc(path: Path) -> bytes | None:
    """Return the ICC profile; None when there is none."""
    for _, data in read_chunks(path, [b"iCCP"]):
        unpacker = zlib.decompressobj()
        return unpacker.decompress(data.partition(b"\0")[2][1:], _MAX_PROFILE)
    return None


_MAX_PROFILE = 1 << 26

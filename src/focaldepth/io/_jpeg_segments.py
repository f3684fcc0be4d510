"""Segments of a JPEG file: EXIF and ICC put into an encoded stream and read back, without touching the picture."""

from __future__ import annotations

import struct
from pathlib import Path

from focaldepth.core.errors import ReadError

_EXIF = b"Exif\0\0"
_ICC = b"ICC_PROFILE\0"
_ROOM = 65533
"""Bytes of payload that one segment can hold."""
_STANDALONE = {0x01, *range(0xD0, 0xD9)}


def insert_segments(encoded: memoryview, exif: bytes | None, icc: bytes | None) -> list[bytes | memoryview]:
    """Return the pieces of a file that has EXIF (APP1) and ICC (APP2) right after the start marker.

    Raises:
        ValueError: an EXIF block that does not fit one segment (64 kB).
    """
    pieces: list[bytes | memoryview] = [encoded[:2]]
    if exif is not None:
        if len(exif) + len(_EXIF) > _ROOM:
            raise ValueError(f"the EXIF block has {len(exif)} bytes, a JPEG holds {_ROOM - len(_EXIF)}")
        pieces.append(_pack(0xE1, _EXIF + exif))
    if icc is not None:
        step = _ROOM - len(_ICC) - 2
        parts = [icc[i : i + step] for i in range(0, len(icc), step)]
        pieces += [_pack(0xE2, _ICC + bytes([i + 1, len(parts)]) + part) for i, part in enumerate(parts)]
    return [*pieces, encoded[2:]]


def _pack(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def read_segments(path: Path) -> tuple[bytes | None, bytes | None]:
    """Return the EXIF block (without its "Exif" mark) and the ICC profile; None where absent."""
    exif, icc = None, {}
    with path.open("rb") as file:
        if file.read(2) != b"\xff\xd8":
            raise ReadError("is not a JPEG.", where=path, hint="Give a JPEG file.")
        while len(head := file.read(2)) == 2 and head[0] == 0xFF and head[1] != 0xDA:
            if head[1] in _STANDALONE:
                continue
            length = int.from_bytes(file.read(2), "big")
            payload = file.read(max(length - 2, 0)) if head[1] in (0xE1, 0xE2) else b""
            if not payload:
                file.seek(max(length - 2, 0), 1)
            elif payload.startswith(_EXIF):
                exif = exif or payload[len(_EXIF) :]
            elif payload.startswith(_ICC):
                icc[payload[len(_ICC)]] = payload[len(_ICC) + 2 :]
    return exif, b"".join(icc[i] for i in sorted(icc)) or None

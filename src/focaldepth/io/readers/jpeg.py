"""JPEG, 8-bit grey and colour."""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np

from focaldepth.core.errors import ReadError
from focaldepth.core.stack import Frame
from focaldepth.io._picture import Header, PictureFormat, broken, need, size_of
from focaldepth.io._tags import EXIF_PREFIX

_SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_LOSSLESS_OR_RARE = {*range(0xC3, 0xD0)} - {0xC9, 0xCA}
_APP1, _APP2, _SOS, _EOI = 0xE1, 0xE2, 0xDA, 0xD9
_BARE = {0x01, *range(0xD0, 0xD8)}
_ICC = b"ICC_PROFILE\x00"
_TAIL = 1 << 16


def header(stream: BinaryIO) -> Header:
    """Walk the markers up to the picture data; then see that the data ends where JPEG says so."""
    if need(stream, 2) != b"\xff\xd8":
        raise broken("is no JPEG file: it does not begin like one.")
    exif: bytes | None = None
    icc: dict[int, bytes] = {}
    frame: tuple[int, int, int, int, int] | None = None
    while (marker := _next_marker(stream)) != _SOS:
        if marker == _EOI:
            raise broken("holds no picture.")
        if marker in _BARE:
            continue
        length = int.from_bytes(need(stream, 2), "big")
        data = need(stream, max(0, length - 2))
        if marker in _SOF:
            frame = (marker, *struct.unpack(">BHHB", data[:6]))
        elif marker == _APP1 and data.startswith(EXIF_PREFIX) and exif is None:
            exif = data
        elif marker == _APP2 and data.startswith(_ICC) and len(data) > 14:
            icc[data[12]] = data[14:]
    if frame is None:
        raise broken("has picture data before its size.")
    _need_end(stream)
    return _checked(frame, exif, b"".join(icc[i] for i in sorted(icc)) or None)


def _checked(frame: tuple[int, int, int, int, int], exif: bytes | None, icc: bytes | None) -> Header:
    marker, precision, height, width, channels = frame
    if precision != 8 or marker in _LOSSLESS_OR_RARE:
        raise broken(f"is a {precision}-bit or lossless JPEG, which is not supported.")
    if channels == 4:
        raise ReadError("is a CMYK picture, which has no colours of light.", hint="Save it as RGB, or leave it out.")
    if channels not in (1, 3):
        raise broken(f"has {channels} channels.")
    return Header(width, height, channels, exif=exif, icc=icc)


def _next_marker(stream: BinaryIO) -> int:
    byte = need(stream, 1)
    while byte != b"\xff":
        byte = need(stream, 1)
    while byte == b"\xff":
        byte = need(stream, 1)
    return byte[0]


def _need_end(stream: BinaryIO) -> None:
    """Look for the end marker from behind; decoders fill the missing rest of a cut file with grey and say nothing."""
    start, size = stream.tell(), size_of(stream)
    end = size
    while end > start:
        begin = max(start, end - _TAIL)
        stream.seek(begin)
        if b"\xff\xd9" in stream.read(end - begin + 1):
            return
        end = begin
    raise broken("is truncated: the picture data has no end.")


def decode(stream: BinaryIO, head: Header) -> Frame:
    """Decode all pixels."""
    return _decode(stream, head, 1)


def shrink(stream: BinaryIO, head: Header, factor: int) -> tuple[Frame, int]:
    """Let the decoder keep only the low frequencies of each 8 x 8 block, where the factor is even."""
    step = next(f for f in (8, 4, 2, 1) if factor % f == 0)
    return _decode(stream, head, step), factor // step


def _decode(stream: BinaryIO, head: Header, step: int) -> Frame:
    import cv2

    grey = head.channels == 1
    colour = getattr(cv2, "IMREAD_COLOR_RGB", None)
    if grey:
        flag = {1: cv2.IMREAD_GRAYSCALE, 2: 16, 4: 32, 8: 64}[step]
    else:
        flag = {1: 0, 2: 16, 4: 32, 8: 64}[step] | (cv2.IMREAD_COLOR if colour is None else colour)
    data = np.frombuffer(stream.read(), np.uint8)
    frame = cv2.imdecode(data, flag | cv2.IMREAD_IGNORE_ORIENTATION)
    if frame is None:
        raise broken("cannot be decoded: its data is damaged.")
    return frame if grey or colour is not None else np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


READER = PictureFormat("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), header, decode, shrink)

"""BMP, 8-bit grey and colour, as machine-vision programs write it."""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np

from focaldepth.core.stack import Frame, Transfer
from focaldepth.io._picture import Header, PictureFormat, broken, need, size_of

_BITS = (1, 4, 8, 16, 24, 32)
_PLAIN = (0, 3, 6)


def header(stream: BinaryIO) -> Header:
    """Read the two headers and the palette; a palette of greys makes a grey picture."""
    if need(stream, 2) != b"BM":
        raise broken("is no BMP file: it does not begin like one.")
    pixels_at, info_size = struct.unpack("<8xII", need(stream, 16))
    if info_size < 40:
        raise broken("is a BMP of the OS/2 kind, which is not supported.")
    width, height, _, bits, packing, _, _, _, colours, _ = struct.unpack("<iiHHIIiiII", need(stream, 36))
    if bits not in _BITS or width < 1 or height == 0:
        raise broken("has an impossible BMP header.")
    height = abs(height)
    if packing in _PLAIN and pixels_at + (width * bits + 31) // 32 * 4 * height > size_of(stream):
        raise broken("is truncated: it is shorter than its header says.")
    grey = bits <= 8 and _grey_palette(stream, 14 + info_size, min(colours or 1 << bits, 256))
    return Header(width, height, 1 if grey else 3, transfer=Transfer.UNKNOWN if grey else Transfer.SRGB)


def _grey_palette(stream: BinaryIO, at: int, colours: int) -> bool:
    stream.seek(at)
    palette = np.frombuffer(need(stream, 4 * colours), np.uint8).reshape(-1, 4)
    return bool((palette[:, :1] == palette[:, :3]).all())


def decode(stream: BinaryIO, head: Header) -> Frame:
    """Decode all pixels; fully palette-mapped, alpha dropped."""
    import cv2

    frame = cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if frame is None:
        raise broken("cannot be decoded: its data is damaged.")
    return np.asarray(frame[..., :1] if head.channels == 1 else cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


READER = PictureFormat("BMP", (".bmp", ".dib"), header, decode)

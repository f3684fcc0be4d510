"""TIFF of one page: 8, 12, 16 bit and float, grey and colour."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from focaldepth.core.errors import ReadError
from focaldepth.core.stack import Frame, Transfer
from focaldepth.io._picture import FLOAT32, UINT8, UINT16, Header, PictureFormat, broken, size_of
from focaldepth.io._tags import collect_exif

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK, _CMYK, _YCBCR = range(7)
_ICC, _MAX_SAMPLE, _SAMPLES_HINT = 34675, 281, "Save it as 8- or 16-bit or float, grey or RGB, or give a channel of it."
_JPEG = (6, 7, 34892)


def header(stream: BinaryIO) -> Header:
    """Read the tags of the page and see that all its strips or tiles lie inside the file."""
    import tifffile

    with tifffile.TiffFile(stream) as tif:
        page = _only_page(tif)
        channels, dtype, white = _kind(page)
        end = max((o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)), default=0)
        if end > size_of(stream) or not page.dataoffsets:
            raise broken("is truncated: its pixels lie behind its end.")
        icc = page.tags.valueof(_ICC)
        exif = collect_exif(stream)
        seen = icc is not None or exif is not None
        return Header(
            width=page.imagewidth,
            height=page.imagelength,
            channels=channels,
            dtype=dtype,
            white=white,
            transfer=Transfer.SRGB if dtype.kind == "u" and (seen or channels == 3) else Transfer.UNKNOWN,
            exif=exif,
            icc=bytes(icc) if isinstance(icc, bytes | tuple) else None,
        )


def _only_page(tif: Any) -> Any:
    """Return the picture; thumbnails and masks beside it do not count, further pictures make it a stack."""
    if not len(tif.pages):
        raise broken("holds no picture.")
    first = tif.pages[0]
    if len(tif.pages) > 1:
        second = tif.pages[1].aspage()
        if not second.subfiletype & 5 and (second.imagewidth, second.imagelength) == (
            first.imagewidth,
            first.imagelength,
        ):
            raise ReadError(f"holds {len(tif.pages)} pages: it is a stack by itself.", hint="Give this file alone.")
    return first


def _kind(page: Any) -> tuple[int, np.dtype[Any], float | None]:
    """Channels, data type as delivered, and white."""
    photometric, samples, bits = int(page.photometric), page.samplesperpixel, page.bitspersample
    if photometric == _CMYK:
        raise ReadError("is a CMYK picture, which has no colours of light.", hint="Save it as RGB.")
    if photometric == _YCBCR and int(page.compression) not in _JPEG:
        raise ReadError("holds uncompressed YCbCr, which is not supported.", hint="Save it as RGB.")
    # Beside grey, samples that do not call themselves alpha are further channels of a microscope.
    alpha = samples == 1 or (samples == 2 and page.extrasamples and int(page.extrasamples[0]) in (1, 2))
    grey = photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) and alpha
    colour = photometric in (_RGB, _YCBCR) and samples - len(page.extrasamples) == 3
    palette = photometric == _PALETTE and samples == 1 and bits in (1, 2, 4, 8)
    if not (grey or colour or palette) or page.dtype is None or page.imagedepth != 1:
        name = getattr(page.photometric, "name", photometric)
        raise ReadError(f"holds {samples} channels of {bits} bit, {name}: no grey or RGB picture.", hint=_SAMPLES_HINT)
    if palette:
        return 3, UINT8 if _eight_bit(page.colormap) else UINT16, None
    return (1 if grey else 3), *_depth(page)


def _depth(page: Any) -> tuple[np.dtype[Any], float | None]:
    dtype = page.dtype
    if dtype.kind == "f" and dtype.itemsize in (2, 4, 8):
        return FLOAT32, None
    if dtype.kind == "b":
        return UINT8, None
    if dtype.kind != "u" or dtype.itemsize > 2:
        raise ReadError(f"holds {dtype} pixels.", hint=_SAMPLES_HINT)
    delivered, bits = (UINT8 if dtype.itemsize == 1 else UINT16), int(page.bitspersample)
    if bits < 8 * dtype.itemsize:
        return delivered, float(2**bits - 1)
    stated = page.tags.valueof(_MAX_SAMPLE)
    top = max(np.ravel(stated)) if stated is not None else 0
    # Many programs write the brightest value found, so only a full scale such as 4095 is believed.
    return delivered, float(top) if top in (1023, 4095, 16383) and dtype.itemsize == 2 else None


def _eight_bit(colormap: Frame) -> bool:
    """Palettes have 16-bit entries; most are 8-bit colours times 257 or 256."""
    return bool((colormap == (colormap >> 8) * 257).all() or (colormap & 255 == 0).all())


def decode(stream: BinaryIO, head: Header) -> Frame:
    """Decode the page in this thread; frames are what runs in parallel."""
    import tifffile

    with tifffile.TiffFile(stream) as tif:
        page = _only_page(tif)
        frame = page.asarray(maxworkers=1)
        if page.axes == "SYX":
            frame = np.moveaxis(frame, 0, -1)
        if int(page.photometric) == _PALETTE:
            frame = np.moveaxis(page.colormap[:, frame], 0, -1)
            return np.asarray(frame >> 8 if head.dtype == UINT8 else frame, head.dtype)
        frame = frame * np.uint8(255) if frame.dtype.kind == "b" else frame
        inverted = int(page.photometric) == _WHITE_IS_ZERO
    frame = np.asarray(frame.astype(head.dtype, copy=False))
    if not inverted:
        return frame
    white = np.asarray(
        head.white if head.white is not None else 1 if head.dtype == FLOAT32 else np.iinfo(head.dtype).max
    )
    return np.asarray(white.astype(head.dtype) - frame)


READER = PictureFormat("TIFF", (".tif", ".tiff"), header, decode)

"""The all-in-focus picture: written at the bit depth of the input, with the EXIF block and ICC profile of its frame."""

from __future__ import annotations

import logging
import mmap
import struct
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from focaldepth.core.errors import ReadError, SettingError, WriteError
from focaldepth.core.stack import Frame
from focaldepth.io._content import kind_of_bytes
from focaldepth.io._exif_block import Ifds, as_block, directory_bytes, neutral, parse, sub_directories
from focaldepth.io._jpeg_segments import insert_segments, read_segments
from focaldepth.io._png_chunks import icc_chunk, insert_chunks, read_chunks, read_icc

_log = logging.getLogger(__name__)

_JPEG_SIDE = 65500
_CLASSIC_TIFF = 2**32 - 2**25
_ICC_TAG = 34675
_TIFF_TAGS = {270, 271, 272, 305, 306, 315, 700, 18246, 33432, 40091, 40092, 40093, 40094, 40095}
"""Tags of the main directory that describe the picture and not its storage: maker, date, artist, copyright, XMP ..."""

_KINDS = {
    ".jpg": "jpeg", ".jpeg": "jpeg", ".jpe": "jpeg", ".png": "png", ".tif": "tiff", ".tiff": "tiff", ".webp": "webp",
}  # fmt: skip


def kind_of(files: Sequence[str]) -> str | None:
    """Return the kind of the input files ("jpeg", "png", "tiff" ...); None when unknown.

    >>> kind_of(["a.JPG", "b.JPG"])
    'jpeg'
    """
    suffix = Path(files[0]).suffix.lower() if files else ""
    return _KINDS.get(suffix, suffix[1:] or None)


def picture_suffix(frame: Frame, input_kind: str | None = None) -> str:
    """Choose the format of the all-in-focus picture.

    JPEG for 8-bit pictures from JPEG files; PNG for other 8-bit pictures and for 16-bit ones from PNG files; TIFF for
    the rest: float, whatever came from TIFF, and other 16-bit sources (RAW, video, arrays), where PNG takes 3 s for
    24 MP and TIFF 0.1 s.

    >>> picture_suffix(np.zeros((2, 2, 3), np.uint8), "jpeg")
    '.jpg'
    """
    if frame.dtype.kind == "f" or input_kind == "tiff":
        return ".tiff"
    if frame.dtype == np.uint16:
        return ".png" if input_kind == "png" else ".tiff"
    return ".jpg" if input_kind == "jpeg" and max(frame.shape[:2]) <= _JPEG_SIDE else ".png"


def write_picture(
    path: str | PathLike[str],
    frame: Frame,
    *,
    exif: bytes | None = None,
    icc: bytes | None = None,
    quality: int = 95,
) -> tuple[str, ...]:
    """Write a picture as JPEG, PNG or TIFF by the suffix of `path`; nothing is rescaled.

    Args:
        path: ends in .jpg, .png or .tiff.
        frame: (H, W, C) RGB or grey; uint8, uint16 (PNG, TIFF) or float32 (TIFF).
        exif: EXIF block with or without its "Exif" mark; orientation, pixel size and thumbnail are reset.
        icc: ICC profile; left out when it is not for this number of channels.
        quality: of a JPEG, 1-100; colour is stored at full resolution.

    Returns:
        Sentences about what could not be kept.

    Raises:
        SettingError: a suffix that is unknown or cannot hold this data type.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    _check(path, suffix, frame)
    warnings: list[str] = []
    exif = _clean_exif(exif, frame, warnings)
    icc = _fitting_icc(icc, frame, warnings)
    if suffix in (".tif", ".tiff"):
        _write_tiff(path, frame, exif, icc, warnings)
    elif suffix == ".png":
        chunks = [] if icc is None else [icc_chunk(icc)]
        chunks += [] if exif is None else [(b"eXIf", exif)]
        _write_pieces(path, insert_chunks(_encode_png(path, frame), chunks))
    else:
        _write_pieces(path, _jpeg_pieces(path, frame, exif, icc, quality, warnings))
    for warning in warnings:
        _log.warning("%s: %s", path, warning)
    return tuple(warnings)


def _check(path: Path, suffix: str, frame: Frame) -> None:
    holds = {
        ".jpg": (np.uint8,), ".jpeg": (np.uint8,), ".png": (np.uint8, np.uint16),
        ".tif": (np.uint8, np.uint16, np.float32), ".tiff": (np.uint8, np.uint16, np.float32),
    }  # fmt: skip
    if suffix not in holds:
        raise SettingError(
            f"cannot write a picture as {suffix or 'nothing'}.", where=path, hint=f"Known: {', '.join(holds)}."
        )
    if frame.ndim != 3 or frame.shape[2] not in (1, 3):
        raise SettingError(f"not a picture: shape {frame.shape}.", where=path, hint="Give (H, W, 1) or (H, W, 3).")
    if frame.dtype not in holds[suffix]:
        raise SettingError(f"{suffix} cannot hold {frame.dtype}.", where=path, hint="Write it as .tiff.")


def _clean_exif(exif: bytes | None, frame: Frame, warnings: list[str]) -> bytes | None:
    if exif is None:
        return None
    try:
        return neutral(exif, (frame.shape[0], frame.shape[1]))
    except ValueError as error:
        warnings.append(f"EXIF was left out: {error}.")
        return None


def _fitting_icc(icc: bytes | None, frame: Frame, warnings: list[str]) -> bytes | None:
    if icc is None:
        return None
    space, wanted = icc[16:20], (b"GRAY" if frame.shape[2] == 1 else b"RGB ")
    if space == wanted:
        return icc
    name = space.decode("ascii", "replace").strip() or "unknown"
    warnings.append(f"The ICC profile was left out: it is for {name}, the picture has {frame.shape[2]} channel(s).")
    return None


def _write_pieces(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)


def _encoded(path: Path, suffix: str, frame: Frame, options: list[int]) -> memoryview:
    import cv2

    picture = frame[..., 0] if frame.shape[2] == 1 else cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    good, encoded = cv2.imencode(suffix, picture, options)
    if not good:
        raise WriteError(f"OpenCV could not encode {frame.shape} {frame.dtype}.", where=path)
    return encoded.data.cast("B")


def _encode_png(path: Path, frame: Frame) -> memoryview:
    """Level 1; for 16 bit (noise in the low bytes) run lengths only: 2.7 s instead of 4.3 s for 24 MP, no larger."""
    import cv2

    options = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    if frame.dtype == np.uint16:
        options += [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    return _encoded(path, ".png", frame, options)


def _jpeg_pieces(
    path: Path, frame: Frame, exif: bytes | None, icc: bytes | None, quality: int, warnings: list[str]
) -> list[bytes | memoryview]:
    import cv2

    full_colour = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    encoded = _encoded(path, ".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality, *full_colour])
    try:
        return insert_segments(encoded, exif, icc)
    except ValueError as error:
        warnings.append(f"EXIF was left out: {error}.")
        return insert_segments(encoded, None, icc)


def _write_tiff(path: Path, frame: Frame, exif: bytes | None, icc: bytes | None, warnings: list[str]) -> None:
    import tifffile

    grey = frame.shape[2] == 1
    tifffile.imwrite(
        path,
        frame[..., 0] if grey else frame,
        photometric="minisblack" if grey else "rgb",
        byteorder="<",
        metadata=None,
        software=False,
        extratags=[] if icc is None else [(_ICC_TAG, 7, len(icc), icc, True)],
    )
    if exif is None:
        return
    if frame.nbytes > _CLASSIC_TIFF:
        warnings.append("EXIF was left out: the file is a BigTIFF.")
    else:
        _add_exif(path, parse(exif, _TIFF_TAGS))


def _add_exif(path: Path, ifds: Ifds) -> None:
    """Append a main directory with the EXIF entries and their sub-directories to a classic TIFF, and point to it."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        end = len(content)
        with memoryview(content) as view:
            main = parse(view).main | ifds.main
    start = end + end % 2
    subs, links = sub_directories(ifds, start)
    at = start + len(subs)
    with path.open("r+b") as file:
        file.seek(end)
        file.write(b"\0" * (start - end) + subs + directory_bytes(main, at, links))
        file.seek(4)
        file.write(struct.pack("<I", at))


def read_picture(path: str | PathLike[str]) -> Frame:
    """Read a picture that `write_picture` made: (H, W, C) at its bit depth, grey or RGB, EXIF ignored."""
    import cv2

    path = Path(path)
    if not path.is_file():
        raise ReadError("does not exist.", where=path, hint="Check the name.")
    if path.suffix.lower() in (".tif", ".tiff"):
        frame = _read_tiff(path)
    else:
        flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
        raw = cv2.imdecode(np.fromfile(path, np.uint8), flags) if path.stat().st_size else None
        if raw is None:
            raise ReadError("is not a readable picture.", where=path, hint="Write or copy it again.")
        frame = raw if raw.ndim == 2 else cv2.cvtColor(raw, cv2.COLOR_BGR2RGB)
    return frame[..., None] if frame.ndim == 2 else frame


def _read_tiff(path: Path) -> Frame:
    import tifffile

    try:
        frame: Frame = tifffile.imread(path, key=0)
    except (tifffile.TiffFileError, ValueError, IndexError) as error:
        raise ReadError(f"is not a readable TIFF ({error}).", where=path, hint="Write or copy it again.") from error
    return frame


def read_tags(path: str | PathLike[str]) -> tuple[bytes | None, bytes | None]:
    """Return the EXIF block and the ICC profile of a JPEG, PNG or TIFF picture; None where absent."""
    path = Path(path)
    with path.open("rb") as file:
        kind = kind_of_bytes(file.read(16))
    if kind == "jpeg":
        return read_segments(path)
    if kind == "png":
        return next((data for _, data in read_chunks(path, [b"eXIf"])), None), read_icc(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            with memoryview(content) as view:
                found = parse(view, _TIFF_TAGS | {_ICC_TAG})
        except ValueError:  # a BigTIFF: its ICC profile is read by tifffile
            found = None
    if found is None:
        return None, _big_icc(path)
    icc = found.main.pop(_ICC_TAG, None)
    return as_block(found), None if icc is None else icc.raw


def _big_icc(path: Path) -> bytes | None:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        tag = tiff.pages[0].tags.get(_ICC_TAG)
        return None if tag is None else bytes(tag.value)

"""What all picture formats share: size limit, EXIF, orientation, previews, one kind of error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from focaldepth.core.errors import FocalDepthError, ReadError
from focaldepth.core.stack import Frame, Transfer, reduce_frame, white_of
from focaldepth.io._exif import ExifFacts, read_exif
from focaldepth.io._reader import MAX_PIXELS, PictureFacts, PictureFile

UINT8, UINT16, FLOAT32 = np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32)


@dataclass(frozen=True)
class Header:
    """What the header of a file states, before orientation.

    Attributes:
        width, height: as stored.
        channels: 1 or 3, alpha not counted.
        dtype: as decoded.
        white: value of full scale; None = the data type's.
        transfer: how values relate to light.
        exif, icc: raw blocks as stored.
        private: what the format's own decoder wants to remember.
    """

    width: int
    height: int
    channels: int
    dtype: np.dtype[Any] = UINT8
    white: float | None = None
    transfer: Transfer = Transfer.SRGB
    exif: bytes | None = None
    icc: bytes | None = None
    private: Any = None


@dataclass(frozen=True)
class PictureFormat:
    """A PictureReader made of the functions that differ between formats.

    Attributes:
        title: name for people.
        suffixes: lower case, with dot.
        header: reads the header and sees that the file is complete.
        decode: returns (H, W) or (H, W, C), not oriented; alpha may still be there.
        shrink: returns a cheaply reduced picture and the factor that is left to do; None = decode, then reduce.
        extra: extra that installs the decoder.
    """

    title: str
    suffixes: tuple[str, ...]
    header: Callable[[BinaryIO], Header]
    decode: Callable[[BinaryIO, Header], Frame]
    shrink: Callable[[BinaryIO, Header, int], tuple[Frame, int]] | None = None
    extra: str = ""

    def facts(self, path: PictureFile) -> PictureFacts:
        """Read the header and see, without decoding, that the file is complete."""
        with guarded(path, self.title), path.open("rb") as stream:
            head = self.header(stream)
        return facts_of(head, path)

    def read(self, path: PictureFile, max_pixels: int = MAX_PIXELS) -> Frame:
        """Return (H, W, C) RGB or grey at the depth of the file; alpha dropped, EXIF orientation applied."""
        with guarded(path, self.title), path.open("rb") as stream:
            head = self._checked_header(stream, path, max_pixels)
            frame = self.decode(stream, head)
        return _finish(frame, head, path, (head.height, head.width))

    def preview(self, path: PictureFile, factor: int, max_pixels: int = MAX_PIXELS) -> Frame:
        """Return the frame reduced by an integer factor, as cheaply as the format allows."""
        if self.shrink is None or factor == 1:
            return reduce_frame(self.read(path, max_pixels), factor)
        with guarded(path, self.title), path.open("rb") as stream:
            head = self._checked_header(stream, path, max_pixels)
            frame, left = self.shrink(stream, head, factor)
        done = factor // left
        return reduce_frame(_finish(frame, head, path, (-(-head.height // done), -(-head.width // done))), left)

    def like(self, reference: PictureFile) -> PictureFormat:
        """Return itself: these formats hold finished pixels."""
        return self

    def _checked_header(self, stream: BinaryIO, path: PictureFile, max_pixels: int) -> Header:
        head = self.header(stream)
        check_pixels(head.width, head.height, max_pixels, path)
        stream.seek(0)
        return head


def facts_of(head: Header, path: PictureFile) -> PictureFacts:
    """Turn a header into facts of the upright picture."""
    exif = _exif(head, path)
    turned = exif.orientation >= 5
    h, w = (head.width, head.height) if turned else (head.height, head.width)
    return PictureFacts(
        shape=(h, w, head.channels),
        dtype=head.dtype,
        white=head.white or white_of(head.dtype),
        transfer=head.transfer,
        exif=exif.block,
        icc=head.icc,
        optics=exif.optics,
        focus=exif.focus,
        maker_note=exif.maker_note,
    )


def _exif(head: Header, path: PictureFile) -> ExifFacts:
    return read_exif(head.exif, head.width, path.name)


def _finish(frame: Frame, head: Header, path: PictureFile, size: tuple[int, int]) -> Frame:
    frame = frame[..., None] if frame.ndim == 2 else frame
    if frame.shape[:2] != size or frame.shape[2] < head.channels or frame.dtype != head.dtype:
        raise ReadError(
            f"decodes to {frame.shape} {frame.dtype}, but its header says {(*size, head.channels)} {head.dtype}.",
            where=path,
            hint="The file is damaged: export it again.",
        )
    return orient(frame[..., : head.channels], _exif(head, path).orientation)


def orient(frame: Frame, orientation: int) -> Frame:
    """Return the upright, C-contiguous picture of a frame (H, W, C) stored with an EXIF orientation 1-8."""
    import cv2

    frame = np.ascontiguousarray(frame)
    if orientation == 1:
        return frame
    if orientation in (5, 7):
        frame = cv2.transpose(frame).reshape(frame.shape[1], frame.shape[0], frame.shape[2])
    flips = {2: 1, 4: 0, 3: -1, 7: -1}
    if orientation in (6, 8):
        turned = cv2.rotate(frame, cv2.ROTATE_90_CLOCKWISE if orientation == 6 else cv2.ROTATE_90_COUNTERCLOCKWISE)
    else:
        turned = cv2.flip(frame, flips[orientation]) if orientation in flips else frame
    return np.asarray(turned).reshape(*turned.shape[:2], frame.shape[2])


def check_pixels(width: int, height: int, max_pixels: int, where: object) -> None:
    """Refuse a picture whose header claims no pixels or too many, before it is decoded."""
    if width < 1 or height < 1:
        raise ReadError(f"its header says {width} x {height} px.", where=where, hint="Export the file again.")
    if width * height > max_pixels:
        raise ReadError(
            f"its header says {width} x {height} px, more than the limit of {max_pixels / 1e6:g} megapixels.",
            where=where,
            hint="If the picture really is that large, raise the limit (--max-pixels).",
        )


@contextmanager
def guarded(path: object, title: str) -> Iterator[None]:
    """Turn whatever a decoder raises on hostile bytes into a ReadError that names the file.

    Decoders written in C and tifffile raise dozens of unrelated types (struct.error, KeyError, MemoryError ...); a
    list of them would never be complete.
    """
    try:
        yield
    except FileNotFoundError as error:
        what = "does not exist."
        if isinstance(path, Path) and path.is_symlink():
            what = f"is a link to {path.readlink()}, which does not exist."
        raise ReadError(what, where=path, hint="Check the path, or leave it out.") from error
    except ReadError as error:
        raise error if error.where else ReadError(error.what, where=path, hint=error.hint) from error
    except FocalDepthError:
        raise
    except Exception as error:
        # Libraw gives its messages as bytes.
        told = (
            error.args[0].decode("utf-8", "replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        )
        what = told.strip().splitlines()[0][:200] if told.strip() else type(error).__name__
        raise ReadError(
            f"cannot be read as {title} ({what}).",
            where=path,
            hint="The file is damaged or not what its name says: export it again or leave it out.",
        ) from error


def broken(what: str) -> ReadError:
    """Make the error of a damaged file; `guarded` adds its name."""
    return ReadError(what, hint="Copy or export the file again, or leave it out.")


def need(stream: BinaryIO, count: int) -> bytes:
    """Read exactly `count` bytes, or raise ReadError "truncated"."""
    data = stream.read(count)
    if len(data) != count:
        raise broken("is truncated: it ends inside its header.")
    return data


def size_of(stream: BinaryIO) -> int:
    """Return the size of an open file in bytes; the position is kept."""
    here = stream.tell()
    end = stream.seek(0, 2)
    stream.seek(here)
    return end

"""What a picture file is by its first bytes, whatever its name says."""

from __future__ import annotations

from focaldepth.core.errors import FocalDepthError, ReadError
from focaldepth.io._reader import READERS, PictureFile, PictureReader

_STARTS = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
    b"II+\x00": "tiff",
    b"MM\x00+": "tiff",
    b"BM": "bmp",
}
_FOREIGN = {
    b"GIF8": "a GIF",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive",
    b"<!DO": "a web page",
    b"<htm": "a web page",
    b"8BPS": "a Photoshop file",
    b"\x00\x00\x00\x0cjP": "a JPEG 2000 picture",
    b"\xff\x0a": "a JPEG XL picture",
}
_BRANDS = {b"avif": "an AVIF", **dict.fromkeys((b"heic", b"heix", b"hevc", b"mif1"), "a HEIC")}


def kind_of_bytes(start: bytes) -> str:
    """Return the name of the reader for a file that begins like this; "" for none.

    >>> kind_of_bytes(b"\\x89PNG\\r\\n\\x1a\\n....")
    'png'
    """
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    return next((kind for mark, kind in _STARTS.items() if start.startswith(mark)), "")


def true_reader(file: PictureFile, named: PictureReader) -> PictureReader | None:
    """Return the reader of what a file really is, where its name says something else; None where it is no picture.

    Raises:
        ReadError: the file is something known that cannot be read, and what to do.
    """
    try:
        with file.open("rb") as stream:
            start = stream.read(16)
    except (OSError, FocalDepthError):
        return None
    kind = kind_of_bytes(start)
    if kind:
        reader = READERS.get(kind)
        return reader if isinstance(reader, PictureReader) and reader.title != named.title else None
    brand = _BRANDS.get(start[8:12], "") if start[4:8] == b"ftyp" else ""
    what = next((text for mark, text in _FOREIGN.items() if start.startswith(mark)), "")
    what = f"{brand} picture" if brand else what
    if what:
        raise ReadError(f"is {what}, whatever its name says.", where=file, hint="Export it as JPEG, PNG or TIFF.")
    return None

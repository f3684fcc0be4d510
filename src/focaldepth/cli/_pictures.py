"""Where pictures of `fuse` and `align` go, and how they get there whole."""

from __future__ import annotations

from pathlib import Path

from focaldepth.core.errors import SettingError
from focaldepth.core.stack import FocalStack, Frame

SUFFIXES = (".tiff", ".tif", ".png", ".jpg", ".jpeg", ".webp")


def place_of(output: Path, stack: FocalStack, stem: str) -> Path:
    """Return the picture that an output names: itself, or `stem` in the input's format inside a folder.

    Raises:
        SettingError: a picture format that cannot be written.
    """
    suffix = output.suffix.lower()
    if output.is_dir() or not suffix:
        return output / f"{stem}{suffix_of(stack)}"
    if suffix not in SUFFIXES:
        raise SettingError(f"cannot write {suffix} pictures.", where=output, hint=f"Use {', '.join(SUFFIXES)}.")
    return output


def check_file(picture: Path, *, overwrite: bool) -> None:
    """Raise SettingError before any work when the picture exists and may not be replaced."""
    if picture.exists() and not overwrite:
        raise SettingError("exists already.", where=picture, hint="Give another name, or replace it with --overwrite.")


def suffix_of(stack: FocalStack) -> str:
    """Return the suffix for pictures that keep the input's depth: .jpg for a JPEG input, .png for PNG, else .tiff."""
    given = Path(stack.info.files[0]).suffix.lower() if stack.info.files else ""
    if stack.dtype.kind == "f":
        return ".tiff"
    if given in (".jpg", ".jpeg") and stack.dtype.itemsize == 1:
        return ".jpg"
    return ".png" if given == ".png" else ".tiff"


def write_whole(picture: Path, frame: Frame | None, stack: FocalStack, *, overwrite: bool) -> None:
    """Write a picture of a stack with the EXIF and ICC of its reference frame."""
    from focaldepth.io._atomic import staged_file
    from focaldepth.io.picture import write_picture

    if frame is None:
        raise SettingError("the run made no all-in-focus picture.", where=picture, hint="Give --fusion multiband.")
    with staged_file(picture, overwrite) as part:
        write_picture(part, frame, stack.info.exif, stack.info.icc)

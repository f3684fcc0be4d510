"""Where pictures of `fuse` and `align` go, and how they get there whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from focaldepth.core.errors import SettingError
from focaldepth.core.stack import FocalStack, Frame

SUFFIXES = (".tiff", ".tif", ".png", ".jpg", ".jpeg")


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
    """Return the suffix for pictures that keep the input's kind and depth."""
    from focaldepth.io.picture import kind_of, picture_suffix

    looks_like = np.broadcast_to(np.zeros((), stack.dtype), stack.shape)
    return picture_suffix(looks_like, kind_of(stack.info.files))


def write_whole(picture: Path, frame: Frame | None, stack: FocalStack, *, overwrite: bool) -> tuple[str, ...]:
    """Write a picture of a stack with the EXIF and ICC of its reference frame; return what could not be kept."""
    from focaldepth.io._atomic import staged_file
    from focaldepth.io.picture import write_picture

    if frame is None:
        raise SettingError("the run made no all-in-focus picture.", where=picture, hint="Give --fusion multiband.")
    with staged_file(picture, overwrite) as part:
        return write_picture(part, frame, exif=stack.info.exif, icc=stack.info.icc)


def tags_of(stack: FocalStack, i: int) -> tuple[bytes | None, bytes | None]:
    """Return EXIF and ICC of one frame: its own where it is a picture file, else those of the reference frame."""
    from focaldepth.io.picture import read_tags

    files = stack.info.files
    if len(files) == len(stack) and Path(files[i]).suffix.lower() in SUFFIXES and Path(files[i]).is_file():
        return read_tags(files[i])
    return stack.info.exif, stack.info.icc

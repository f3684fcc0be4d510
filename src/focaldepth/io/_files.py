"""Frames that lie in one file each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from focaldepth.core.errors import ReadError, SettingError, StackError
from focaldepth.core.stack import Frame
from focaldepth.io._content import true_reader
from focaldepth.io._picture import check_pixels
from focaldepth.io._reader import PictureFacts, PictureFile, PictureReader

_THREADS = 4


@dataclass(frozen=True)
class PictureEntry:
    """One picture file with its reader and what its header says."""

    file: PictureFile
    reader: PictureReader
    facts: PictureFacts

    @property
    def name(self) -> str:
        """File name."""
        return self.file.name


@dataclass(frozen=True)
class FileSource:
    """Frames decoded from files whenever they are asked for.

    Attributes:
        files: one per frame.
        readers: one per frame.
        shape: (H, W, C) of every frame.
        dtype: of every frame.
        white: value of full scale.
        max_pixels: larger frames are refused.
        channel: the only channel that is delivered; None = all.
    """

    files: tuple[PictureFile, ...]
    readers: tuple[PictureReader, ...]
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    white: float
    max_pixels: int
    channel: int | None = None

    def __len__(self) -> int:
        return len(self.files)

    def read(self, i: int) -> Frame:
        """Return frame i; raises ReadError with the file's name."""
        frame = self.readers[i].read(self.files[i], self.max_pixels)
        if frame.shape[:2] != self.shape[:2] or frame.dtype != self.dtype:
            raise ReadError("changed since the stack was opened.", where=self.files[i], hint="Open the stack again.")
        return self._checked(frame, i)

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced by an integer factor."""
        return self._checked(self.readers[i].preview(self.files[i], factor, self.max_pixels), i)

    def coverage(self, i: int) -> None:
        """Pictures show the scene everywhere."""

    def _checked(self, frame: Frame, i: int) -> Frame:
        if self.channel is not None:
            frame = np.ascontiguousarray(frame[..., self.channel : self.channel + 1])
        if frame.dtype.kind == "f" and not np.isfinite(frame).all():
            bad = int(frame.size - np.isfinite(frame).sum())
            raise ReadError(
                f"{bad} values are NaN or infinite.",
                where=self.files[i],
                hint="Replace them, or leave the frame out (--skip-bad-frames).",
            )
        return frame


def read_entries(
    files: Sequence[PictureFile], readers: Sequence[PictureReader], max_pixels: int, skip_bad: bool
) -> tuple[list[PictureEntry | None], dict[str, str]]:
    """Read all headers.

    Args:
        files, readers: one per frame.
        max_pixels: larger frames are bad.
        skip_bad: leave bad files out instead of raising, and decode every frame once to find them.

    Returns:
        One entry per file, None where it is bad; name -> reason of the bad ones. A file that its name calls something
        else than it is has another reader than was given.
    """

    def one(i: int) -> PictureEntry | ReadError:
        try:
            try:
                return _entry(files[i], readers[i], max_pixels, skip_bad)
            except ReadError:
                other = true_reader(files[i], readers[i])
                if other is None:
                    raise
                return _entry(files[i], other, max_pixels, skip_bad)
        except ReadError as error:
            return error

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="focaldepth-header") as pool:
        results = list(pool.map(one, range(len(files))))
    bad = {f.name: r.what for f, r in zip(files, results, strict=True) if isinstance(r, ReadError)}
    for result in results:
        if isinstance(result, ReadError) and not skip_bad:
            raise result
    return [r if isinstance(r, PictureEntry) else None for r in results], bad


def misnamed(entries: Sequence[PictureEntry | None], readers: Sequence[PictureReader]) -> list[str]:
    """Say which files are something else than their names say."""
    by_title: dict[str, list[str]] = {}
    for entry, named in zip(entries, readers, strict=True):
        if entry is not None and entry.reader.title != named.title:
            by_title.setdefault(entry.reader.title, []).append(entry.name)
    told = []
    for title, names in by_title.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        told.append(f"{', '.join(names[:3])}{more}: {title} whatever the name says; read as what it is.")
    return told


def _entry(file: PictureFile, reader: PictureReader, max_pixels: int, decode: bool) -> PictureEntry:
    facts = reader.facts(file)
    check_pixels(facts.shape[1], facts.shape[0], max_pixels, file)
    if decode:
        _decode_once(file, reader, facts, max_pixels)
    return PictureEntry(file, reader, facts)


def _decode_once(file: PictureFile, reader: PictureReader, facts: PictureFacts, max_pixels: int) -> None:
    factor = 1 if facts.dtype.kind == "f" else 8
    frame = reader.preview(file, factor, max_pixels)
    if frame.dtype.kind == "f" and not np.isfinite(frame).all():
        raise ReadError("values are NaN or infinite.", where=file)


def same_kind(
    entries: Sequence[PictureEntry | None], skip_bad: bool
) -> tuple[list[PictureEntry | None], dict[str, str]]:
    """See that all frames have one size, one number of channels and one bit depth.

    Returns:
        The entries, None also where a frame differs from the majority and `skip_bad` is set; name -> reason.

    Raises:
        StackError: names the first file that differs from the first (or from the majority).
    """
    good = [e for e in entries if e is not None]
    kinds = Counter((e.facts.shape, e.facts.dtype) for e in good)
    if len(kinds) < 2:
        return list(entries), {}
    usual = (
        kinds.most_common(1)[0][0] if skip_bad or _clear_majority(kinds) else (good[0].facts.shape, good[0].facts.dtype)
    )
    model = next(e for e in good if (e.facts.shape, e.facts.dtype) == usual)
    odd = [e for e in good if (e.facts.shape, e.facts.dtype) != usual]
    what = f"is {describe(odd[0].facts)}, but {model.name} is {describe(model.facts)}."
    if not skip_bad:
        raise StackError(
            f"{what} {len(odd)} of {len(good)} frames differ." if len(odd) > 1 else what,
            where=odd[0].file,
            hint="Give frames of one size and bit depth, or leave it out (--skip-bad-frames).",
        )
    reasons = {e.name: f"is {describe(e.facts)}, the others are {describe(model.facts)}." for e in odd}
    return [None if e in odd else e for e in entries], reasons


def _clear_majority(kinds: Counter[Any]) -> bool:
    first, second = kinds.most_common(2)
    return first[1] > second[1]


def describe(facts: PictureFacts) -> str:
    """Size, channels and bit depth in words."""
    h, w, c = facts.shape
    depth = {"u": f"{8 * facts.dtype.itemsize} bit", "f": "float"}[facts.dtype.kind]
    return f"{w} x {h} px, {'grey' if c == 1 else 'colour'}, {depth}"


_CHANNELS = {"0": 0, "1": 1, "2": 2, "r": 0, "g": 1, "b": 2, "red": 0, "green": 1, "blue": 2}


def channel_number(channel: str, count: int) -> int:
    """Return the number of a channel that is named by number, letter or colour, or raise SettingError."""
    known = _CHANNELS if count == 3 else {"0": 0, "grey": 0, "gray": 0}
    number = known.get(channel.lower())
    if number is None:
        hint = "Known: 0 red, 1 green, 2 blue." if count == 3 else "The pictures are grey: their only channel is 0."
        raise SettingError(f"there is no channel {channel!r}.", where="channel", hint=hint)
    return number

"""Pictures inside a zip archive, read from memory one at a time; nothing is ever unpacked to disk."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

from focaldepth.core.errors import ReadError

MAX_MEMBERS = 10_000
"""Most members of an archive that are looked at."""
MAX_UNPACKED = 64 << 30
"""Largest total size in bytes that an archive may unpack to."""
MAX_MEMBER = 4 << 30
"""Largest single member in bytes; it is held in memory while it is decoded."""
MAX_RATIO = 1100
"""Deflate cannot shrink by more than 1032; a member that claims more lies, or is a bomb of another method."""


@dataclass(frozen=True)
class ZipMember:
    """One file inside a zip archive; offers what readers use of a `Path`."""

    archive: Path
    member: str

    @property
    def name(self) -> str:
        """Last part of the member's name."""
        return PurePosixPath(self.member).name

    @property
    def stem(self) -> str:
        """Name without its last suffix."""
        return PurePosixPath(self.member).stem

    @property
    def suffix(self) -> str:
        """Last suffix with its dot."""
        return PurePosixPath(self.member).suffix

    def __str__(self) -> str:
        return f"{self.archive}/{self.member}"

    def read_bytes(self) -> bytes:
        """Return the unpacked member; never more bytes than the archive's directory states."""
        with _reading(self), zipfile.ZipFile(self.archive) as archive:
            return archive.read(self.member)

    def open(self, mode: str = "rb") -> BytesIO:
        """Return the member as a file in memory; `mode` is there to match `Path.open`."""
        return BytesIO(self.read_bytes())


def list_members(archive: Path) -> list[ZipMember]:
    """Return the files of an archive in its order, checked: no escape, no encryption, no bomb.

    Raises:
        ReadError: the archive is broken, encrypted, too large, or names a file outside itself.
    """
    with _reading(archive), zipfile.ZipFile(archive) as opened:
        infos = [i for i in opened.infolist() if not i.is_dir()]
    if len(infos) > MAX_MEMBERS:
        raise ReadError(f"{len(infos)} files, more than {MAX_MEMBERS}.", where=archive, hint="Unpack it yourself.")
    total = sum(i.file_size for i in infos)
    if total > MAX_UNPACKED:
        raise ReadError(f"would unpack to {total / 2**30:.0f} GiB.", where=archive, hint="Unpack it yourself.")
    for info in infos:
        _check(archive, info)
    return [ZipMember(archive, i.filename) for i in infos]


def _check(archive: Path, info: zipfile.ZipInfo) -> None:
    where = f"{archive}/{info.filename}"
    name = PurePosixPath(info.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in name.parts[0] or stat.S_ISLNK(info.external_attr >> 16):
        raise ReadError("points outside the archive.", where=where, hint="Pack the pictures again.")
    if info.flag_bits & 1:
        raise ReadError("is encrypted.", where=where, hint="Unpack it and give the folder.")
    if info.file_size > MAX_MEMBER:
        raise ReadError(f"unpacks to {info.file_size / 2**30:.1f} GiB.", where=where, hint="Unpack it yourself.")
    if info.file_size > MAX_RATIO * max(info.compress_size, 1) and info.file_size > 1 << 20:
        raise ReadError("unpacks to over a thousand times its size: a decompression bomb.", where=where)


@contextmanager
def _reading(where: object) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError) as error:
        raise ReadError(f"is not a readable zip archive ({error}).", where=where, hint="Pack it again.") from error

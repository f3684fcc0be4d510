"""Members of a npz file, checked before they are unpacked: sizes, pickles, headers that lie."""

from __future__ import annotations

import bz2
import io
import struct
import tempfile
import threading
import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from focaldepth.core.errors import ReadError
from focaldepth.io.readers._planes import reading

_FREE = 2 << 30
_RATIO = 200
_IN_MEMORY = 256 << 20
_BLOCK = 8 << 20
_LOCAL_HEADER = 30
_HEADER = 1 << 16


@dataclass(frozen=True)
class Member:
    """One array of a npz file, not unpacked yet.

    Attributes:
        name: key.
        shape, dtype, fortran: as its header says.
        offset: of the pixels behind the header, in the unpacked member.
        info: entry of the zip.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int
    info: zipfile.ZipInfo

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return prod(self.shape) * self.dtype.itemsize


def members(path: Path) -> dict[str, Member]:
    """Return the arrays of a npz file by key; nothing but headers is unpacked."""
    hint = "A npz file is a zip of .npy arrays: write it with numpy.savez."
    with reading(path, "npz", hint), zipfile.ZipFile(path) as archive:
        infos = [i for i in archive.infolist() if i.filename.endswith(".npy")]
        found = [_member(archive, i, path) for i in infos]
    if not found:
        raise ReadError("the zip holds no .npy array.", where=path, hint="Write it with numpy.savez.")
    return {m.name: m for m in found}


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Member:
    name = info.filename.removesuffix(".npy")
    with _unpacked(archive, info, path) as file:
        version = npy_format.read_magic(file)
        size_bytes = 2 if version == (1, 0) else 4
        size = file.read(size_bytes)
        length = int.from_bytes(size, "little")
        if version not in ((1, 0), (2, 0)) or length > _HEADER:
            raise ReadError(f"array {name!r} has no plain npy header.", where=path, hint="Write it with numpy.savez.")
        header = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, fortran, dtype = header(io.BytesIO(size + file.read(length)))
        offset = npy_format.MAGIC_LEN + size_bytes + length
    member = Member(name, tuple(int(n) for n in shape), dtype, bool(fortran), offset, info)
    if dtype.hasobject:
        raise ReadError(
            f"array {name!r} holds Python objects.", where=path, hint="Only plain numbers and text are read."
        )
    if min(member.shape, default=1) < 0 or offset + member.nbytes != info.file_size:
        raise ReadError(
            f"array {name!r} has {info.file_size} bytes, its shape {member.shape} needs {offset + member.nbytes}.",
            where=path,
            hint="The file is damaged: write it again.",
        )
    return member


def load(path: Path, member: Member, limit: int = _IN_MEMORY) -> NDArray[Any]:
    """Return an array: mapped where it is stored as it is, in memory where small, else from a temporary file.

    Raises:
        ReadError: for a member that unpacks to far more than its packed size explains.
    """
    if member.nbytes > max(_FREE, _RATIO * member.info.compress_size):
        raise ReadError(
            f"array {member.name!r} unpacks from {member.info.compress_size / 1e6:.2f} MB "
            f"to {member.nbytes / 1e6:.0f} MB: this looks like a decompression bomb.",
            where=path,
            hint="If it is not, unpack it and give the .npy file.",
        )
    order: Literal["F", "C"] = "F" if member.fortran else "C"
    with reading(path, f"array {member.name!r}"):
        if member.info.compress_type == zipfile.ZIP_STORED and member.nbytes > 0:
            start = _data_start(path, member.info) + member.offset
            return np.memmap(path, member.dtype, "r", start, member.shape, order)
        with zipfile.ZipFile(path) as archive, _unpacked(archive, member.info, path) as file:
            file.read(member.offset)
            if member.nbytes <= limit:
                data = _exactly(file, member.nbytes)
                return np.ascontiguousarray(np.frombuffer(data, member.dtype).reshape(member.shape, order=order))
            return _spilled(file, member, order)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> IO[bytes]:
    """Open a member; bzip2 is unpacked in bounded pieces (zipfile unpacks 4 kB at once, which can be gigabytes)."""
    if info.compress_type != zipfile.ZIP_BZIP2:
        return archive.open(info)
    return bz2.BZ2File(_Part(path, _data_start(path, info), info.compress_size))


class _Part(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self._file, self._left = path.open("rb"), size
        self._file.seek(start)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _data_start(path: Path, info: zipfile.ZipInfo) -> int:
    """Return where the bytes of a member begin; the local header may be longer than the central one says."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
    name, extra = struct.unpack("<HH", header[26:30])
    return int(info.header_offset + _LOCAL_HEADER + name + extra)


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) != size or file.read(1):
        raise EOFError(f"{len(data)} of {size} bytes")
    return data


def _spilled(file: IO[bytes], member: Member, order: str) -> NDArray[Any]:
    with tempfile.TemporaryFile(prefix="focaldepth-") as aside:
        left = member.nbytes
        while left:
            block = file.read(min(_BLOCK, left))
            if not block:
                raise EOFError(f"{left} bytes are missing")
            aside.write(block)
            left -= len(block)
        aside.flush()
        return np.memmap(aside, member.dtype, "r", 0, member.shape, order)  # type: ignore[call-overload, no-any-return]


class LazyArray:
    """An array that is unpacked on first use, by whichever thread comes first."""

    def __init__(self, path: Path, member: Member) -> None:
        self._path, self._member = path, member
        self._lock = threading.Lock()
        self._array: NDArray[Any] | None = None

    @property
    def held_bytes(self) -> int:
        """Memory that it will take: none where it is mapped from a file."""
        packed = self._member.info.compress_type != zipfile.ZIP_STORED
        return self._member.nbytes if packed and self._member.nbytes <= _IN_MEMORY else 0

    def get(self) -> NDArray[Any]:
        """Return it."""
        with self._lock:
            if self._array is None:
                self._array = load(self._path, self._member)
            return self._array

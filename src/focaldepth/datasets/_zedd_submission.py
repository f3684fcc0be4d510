"""The zip that ZEDD's benchmark takes: fifty maps of metres, one .npy each, nothing else."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from focaldepth.core.errors import ReadError, StackError
from focaldepth.datasets._arrays import map_fault
from focaldepth.datasets.zedd import SIZE
from focaldepth.io._atomic import staged_file

COUNT = 50
_NAME = re.compile(r"zedd_output_(\d{4})\.npy")


def member_name(scene: str) -> str:
    """Return the name of a scene's map in the zip.

    >>> member_name("test_0007")
    'zedd_output_0007.npy'
    """
    number = scene.rpartition("_")[2]
    if not number.isdigit() or not 1 <= int(number) <= COUNT:
        raise StackError(f"is no scene of test (test_0001 ... test_{COUNT:04d}).", where=scene, hint="Check the name.")
    return f"zedd_output_{int(number):04d}.npy"


def write_submission(
    out: str | PathLike[str], maps: Iterable[tuple[str, NDArray[np.floating]]], *, overwrite: bool = False
) -> Path:
    """Write depth maps into the zip that is handed in; it appears only when it is complete and right.

    Args:
        out: the zip.
        maps: name of the scene (test_0001 ... test_0050) and its depth in metres, (1216, 1824), known everywhere; may
            be computed one after the other.
        overwrite: replace an earlier file.

    Raises:
        StackError: a map of another size, with NaN or infinity, of a scene that does not exist or comes twice, or a
            scene that is missing.
        SettingError, WriteError: as `staged_file`.
    """
    with staged_file(out, overwrite) as part:
        written: set[str] = set()
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for scene, depth in maps:
                name = member_name(scene)
                fault = "comes twice." if name in written else map_fault(np.asarray(depth), SIZE)
                if fault:
                    raise StackError(fault, where=scene, hint=_HINT)
                buffer = io.BytesIO()
                np.save(buffer, np.asarray(depth, np.float32))
                archive.writestr(name, buffer.getvalue())
                written.add(name)
        faults = check_submission(part)
        if faults:
            raise StackError(faults[0], where=out, hint=_HINT)
    return Path(out)


_HINT = f"Give {COUNT} maps of {SIZE[1]} x {SIZE[0]} px in metres, filled (--fill)."


def check_submission(path: str | PathLike[str]) -> tuple[str, ...]:
    """Return what is wrong with a zip, one sentence each; empty = it can be handed in.

    Raises:
        ReadError: no such file, or no zip.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(_faults(archive))
    except FileNotFoundError as error:
        raise ReadError("does not exist.", where=path, hint="Check the name.") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise ReadError(f"is no readable zip ({error}).", where=path, hint="Write it again.") from error


def _faults(archive: zipfile.ZipFile) -> list[str]:
    names = [info.filename for info in archive.infolist()]
    wanted = {f"zedd_output_{i:04d}.npy" for i in range(1, COUNT + 1)}
    found = []
    for name in sorted(set(names)):
        if name not in wanted:
            inside = _NAME.fullmatch(name.rpartition("/")[2]) is not None
            found.append(f"{name} lies in a folder." if "/" in name and inside else f"{name} does not belong here.")
        elif names.count(name) > 1:
            found.append(f"{name} is there {names.count(name)} times.")
        elif fault := _member_fault(archive, name):
            found.append(f"{name} {fault}")
    missing = sorted(wanted - set(names))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        found.append(f"{missing[0]}{more} is missing." if not more else f"{missing[0]}{more} are missing.")
    return found


def _member_fault(archive: zipfile.ZipFile, name: str) -> str:
    """Look at the header first: a map of another size is not unpacked."""
    try:
        with archive.open(name) as file:
            version = npy_format.read_magic(file)
            if version != (1, 0):
                return "is no .npy of version 1."
            shape, _, dtype = npy_format.read_array_header_1_0(file)
            if shape != SIZE or dtype.kind != "f":
                return map_fault(np.broadcast_to(np.zeros((), dtype), shape), SIZE)
        with archive.open(name) as file:
            return map_fault(npy_format.read_array(file, allow_pickle=False), SIZE)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        return f"is no readable .npy ({error})."

"""Write aside, then rename: a result exists complete or not at all, whatever stops the run.

Everything is written into a hidden neighbour of the target, ``.NAME.partial-HOST-PID-RANDOM``, and renamed at the end.
A killed run leaves that neighbour behind; `sweep_stale` removes it once its process is gone. When an old result is
replaced, files in it that are not part of it get a second name in the new one; then it steps aside as
``.NAME.old-...`` for the moment between two renames and is deleted only when the new one stands. If the process dies in
that moment, `sweep_stale` puts the old one back.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from errno import EDQUOT, EEXIST, ENOSPC, ENOTEMPTY
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from platform import node

from focaldepth.core.errors import FocalDepthError, SettingError, WriteError
from focaldepth.io._foreign import carry, listed

RECORD = "result.json"
"""The file that makes a folder a focaldepth result; written last."""

_live: set[str] = set()
"""Names of the hidden neighbours that this process is writing right now."""


@contextmanager
def staged_folder(
    out: str | PathLike[str],
    overwrite: bool = False,
    *,
    inputs: Iterable[str | PathLike[str]] = (),
    needs_bytes: int = 0,
    record: str = RECORD,
) -> Iterator[Path]:
    """Yield an empty hidden folder; what is in it becomes `out` when the block ends well, else it vanishes.

    Args:
        out: folder to make; missing parents are made too.
        overwrite: replace an existing result; what else lies in its folder is kept.
        inputs: files or folders that were read; a folder that holds one of them is never replaced.
        needs_bytes: estimate of what will be written; checked against the free space first.
        record: the file by which an old folder is known as one that may be replaced.

    Raises:
        SettingError: `out` exists and may not be replaced (exit code 2).
        WriteError: no permission, or the disk is full (exit code 1).
    """
    target = check_target(out, overwrite, inputs=inputs, needs_bytes=needs_bytes, record=record)
    made = _make_parents(target)
    sweep_stale(target, record)
    partial = _neighbour(target, "partial")
    try:
        with _explained(target, partial, needs_bytes):
            partial.mkdir()
            yield partial
            if overwrite and target.exists():
                carry(target, partial, record)
            _flush_folder(partial)
            _put_in_place(partial, target, overwrite, record)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        _remove_empty(made)
        raise
    finally:
        _live.discard(partial.name)


@contextmanager
def staged_file(path: str | PathLike[str], overwrite: bool = False, *, needs_bytes: int = 0) -> Iterator[Path]:
    """Yield the path of a hidden neighbour with the same suffix; it becomes `path` when the block ends well.

    A sidecar written as the yielded name with something behind it follows along (``a.pfm`` and ``a.pfm.json``).

    Raises:
        SettingError: `path` exists and `overwrite` is false, or it is a folder.
        WriteError: no permission, or the disk is full.
    """
    with _reachable(path):
        target = _absolute(path)
        if target.is_dir():
            raise SettingError("is a folder.", where=path, hint="Give the name of a file.")
        if target.exists() and not overwrite:
            raise SettingError("exists already.", where=path, hint="Give another name, or replace it with --overwrite.")
        _check_parent(target, needs_bytes)
    made = _make_parents(target)
    partial = _neighbour(target, "partial")
    try:
        with _explained(target, partial, needs_bytes):
            yield partial
            for side in _sidecars(partial):
                side.replace(target.with_name(target.name + side.name[len(partial.name) :]))
            _flush(partial)
            partial.replace(target)
            _flush(target.parent)
    except BaseException:
        for left in (partial, *_sidecars(partial)):
            left.unlink(missing_ok=True)
        _remove_empty(made)
        raise
    finally:
        _live.discard(partial.name)


def _sidecars(partial: Path) -> list[Path]:
    return list(partial.parent.glob(f"{_glob_escape(partial.name)}.*"))


def check_target(
    out: str | PathLike[str],
    overwrite: bool = False,
    *,
    inputs: Iterable[str | PathLike[str]] = (),
    needs_bytes: int = 0,
    record: str = RECORD,
) -> Path:
    """Return the absolute path of a result folder that may be written, or raise; touches nothing.

    Call it before a long run; `staged_folder` calls it again.
    """
    with _reachable(out):
        target = _absolute(out)
        if target.exists():
            _check_existing(target, overwrite, out, inputs, record)
        _check_parent(target, needs_bytes)
    return target


@contextmanager
def _reachable(path: object) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise WriteError("no permission to reach it.", where=path, hint=_PERMISSION) from error


_PERMISSION = "Change the permissions or give another folder."


def _check_existing(
    target: Path, overwrite: bool, out: object, inputs: Iterable[str | PathLike[str]], record: str
) -> None:
    if not target.is_dir():
        raise SettingError("is a file, not a folder.", where=out, hint="Give the name of a new folder.")
    for path in inputs:
        given = Path(path).resolve()
        if given == target or target in given.parents:
            raise SettingError(
                f"holds the input {Path(path).name} and is never replaced.",
                where=out,
                hint="Give another folder for the result.",
            )
    if not overwrite:
        raise SettingError("exists already.", where=out, hint="Give another folder, or replace it with --overwrite.")
    try:
        filled = any(target.iterdir())
    except OSError as error:
        raise WriteError(f"cannot be read: {error.strerror}.", where=out, hint="Check its permissions.") from error
    if filled and listed(target, record) is None:
        raise SettingError(
            f"is not a focaldepth result (no {record} of focaldepth in it) and is never replaced.",
            where=out,
            hint="Give another folder.",
        )


def _check_parent(target: Path, needs_bytes: int) -> None:
    """Check permission and space at the nearest folder that exists."""
    parent = target.parent
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    if not parent.is_dir():
        raise WriteError("is a file, so nothing can be written below it.", where=parent, hint="Give another folder.")
    if not os.access(parent, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise WriteError("no permission to write here.", where=parent, hint=_PERMISSION)
    free = shutil.disk_usage(parent).free
    if needs_bytes > free:
        raise _disk_full(target, needs_bytes, free)


def sweep_stale(out: str | PathLike[str], record: str = RECORD) -> list[Path]:
    """Remove what killed runs left beside `out`; return the removed paths.

    Only neighbours of dead processes of this machine are touched. An old result whose replacement never arrived is put
    back instead; foreign files of one whose replacement stands go there first.
    """
    target = _absolute(out)
    pattern = re.compile(rf"\.{re.escape(target.name)}\.(partial|old)-(\w+)-(\d+)-\w+")
    removed = []
    for path in sorted(target.parent.glob(f".{_glob_escape(target.name)}.*")):
        match = pattern.fullmatch(path.name)
        if match is None or match[2] != _host() or path.name in _live or _alive(int(match[3])):
            continue
        if match[1] == "old" and not target.exists():
            path.rename(target)
            continue
        if match[1] == "old" and path.is_dir():
            carry(path, target, record)
        shutil.rmtree(path, ignore_errors=True)
        removed.append(path)
    return removed


def readable_bytes(count: int) -> str:
    """Write a number of bytes for people.

    >>> readable_bytes(96_000_000)
    '96 MB'
    """
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def _absolute(path: str | PathLike[str]) -> Path:
    target = Path(path).expanduser()
    if not target.name and target.resolve() == target.resolve().parent:
        raise SettingError("is the root of a file system.", where=path, hint="Give the name of a new folder.")
    return target.resolve()


def _neighbour(target: Path, kind: str) -> Path:
    """Name of a hidden path beside the target, remembered as alive; the suffix stays at the end for files."""
    mark = f"{kind}-{_host()}-{os.getpid()}-{secrets.token_hex(4)}"
    suffix = "" if kind != "partial" or not target.suffix or target.is_dir() else target.suffix
    path = target.with_name(f".{target.name}.{mark}{suffix}")
    _live.add(path.name)
    return path


def _host() -> str:
    return blake2b(node().encode(), digest_size=3).hexdigest()


def _glob_escape(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _alive(pid: int) -> bool:
    """True unless the process is certainly gone; our own number on a name we did not make belongs to a dead one."""
    if os.name != "posix":
        return True
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _make_parents(target: Path) -> list[Path]:
    """Make missing parents; return those made, innermost first."""
    missing = [p for p in target.parents if not p.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"cannot be made: {error.strerror}.", where=target.parent, hint="Give another folder."
        ) from error
    return missing


def _remove_empty(folders: Iterable[Path]) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _put_in_place(partial: Path, target: Path, overwrite: bool, record: str) -> None:
    old = None
    if overwrite and target.exists():
        old = _neighbour(target, "old")
    try:
        if old is not None:
            target.rename(old)
        partial.rename(target)
    except BaseException as error:
        if old is not None and old.exists() and not target.exists():
            old.rename(target)
        if isinstance(error, OSError) and error.errno in (ENOTEMPTY, EEXIST):
            raise SettingError("appeared while the run went on.", where=target, hint="Give another folder.") from error
        raise
    finally:
        if old is not None:
            _live.discard(old.name)
    _flush(target.parent)
    if old is not None:
        carry(old, target, record)  # what came into it while the run was going on
        shutil.rmtree(old, ignore_errors=True)


def _flush_folder(folder: Path) -> None:
    """Bring every file and folder below to the disk, so that a power cut after the rename loses nothing."""
    paths = sorted(folder.rglob("*"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(_flush, [p for p in paths if not p.is_symlink()]))
    _flush(folder)


def _flush(path: Path) -> None:
    if os.name != "posix" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explained(target: Path, partial: Path, needs_bytes: int) -> Iterator[None]:
    """Turn system errors about what is being written into one WriteError."""
    try:
        yield
    except FocalDepthError:
        raise
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT) or "requested and" in str(error):
            free = shutil.disk_usage(target.parent).free
            raise _disk_full(target, needs_bytes, free, _size(partial)) from error
        if error.filename and str(error.filename).startswith(str(partial)):
            reason = error.strerror or str(error)
            raise WriteError(f"cannot be written: {reason}.", where=target, hint="Give another folder.") from error
        raise


def _disk_full(target: Path, needs: int, free: int, written: int = 0) -> WriteError:
    amount = f"about {readable_bytes(needs)} needed" if needs else f"{readable_bytes(written)} written so far"
    return WriteError(
        f"the disk is full: {amount}, {readable_bytes(free)} free.",
        where=target,
        hint="Free some space or write to another disk.",
    )


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(p.stat().st_size for p in files if p.is_file())

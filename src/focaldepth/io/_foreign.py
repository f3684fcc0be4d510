"""Files that lie in an old result folder and are not part of it: a new result takes them along, none is ever lost.

Part of a result is what its record lists with the same size and hash; anything else, also a file of the result that
was changed since, is somebody's work.
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SCHEMAS = "focaldepth."


def listed(folder: Path, record: str) -> dict[str, Any] | None:
    """Return what the record of a folder says of its files (name -> facts); None where the record is not ours."""
    try:
        content = json.loads((folder / record).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not str(content.get("schema", "")).startswith(_SCHEMAS):
        return None
    files = content.get("files", {})
    return files if isinstance(files, dict) else {}


def foreign(folder: Path, record: str) -> list[str]:
    """Return the paths in a folder, relative to it, that are no part of the result; a folder is named when empty."""
    known = listed(folder, record) or {}
    others = (name for name in _leaves(folder) if name != record)
    return sorted(name for name in others if not _unchanged(folder / name, known.get(name)))


def carry(old: Path, new: Path, record: str) -> None:
    """Give a new folder what is foreign in the old one, without taking it from there; may be called again.

    Where the new folder has a file of that name, the foreign one becomes ``NAME.kept.SUFFIX``.
    """
    for name in foreign(old, record):
        source, target = old / name, new / name
        if source.is_dir() and not source.is_symlink():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        while os.path.lexists(target) and not _same(source, target):
            target = _next_name(target)
        if not os.path.lexists(target):
            _double(source, target)


def _leaves(folder: Path) -> Iterator[str]:
    """Files, links and empty folders below a folder, as relative names."""
    for root, folders, files in os.walk(folder):
        place = Path(root)
        links = [f for f in folders if (place / f).is_symlink()]
        empty = [] if folders or files or place == folder else [place]
        for path in (*(place / n for n in (*files, *links)), *empty):
            yield path.relative_to(folder).as_posix()


def _unchanged(path: Path, facts: Any) -> bool:
    """True for a file as its record describes it."""
    if not isinstance(facts, dict) or path.is_symlink() or not path.is_file():
        return False
    if path.stat().st_size != facts.get("bytes"):
        return False
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == facts.get("sha256")


def _same(a: Path, b: Path) -> bool:
    """True for two names of one file, for equal links and equal files."""
    if a.is_symlink() or b.is_symlink():
        return a.is_symlink() and b.is_symlink() and a.readlink() == b.readlink()
    return a.is_file() and b.is_file() and (a.samefile(b) or filecmp.cmp(a, b, shallow=False))


def _next_name(path: Path) -> Path:
    """depth.png, depth.kept.png, depth.kept-2.png, depth.kept-3.png ..."""
    stem, _, count = path.stem.partition(".kept")
    number = int(count[1:]) + 1 if count[1:].isdecimal() else 2 if ".kept" in path.stem else 1
    return path.with_name(f"{stem}.kept{'' if number == 1 else f'-{number}'}{path.suffix}")


def _double(source: Path, target: Path) -> None:
    """Make a second name of a file, so that it exists at every moment; a copy where the disk knows no second names."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)

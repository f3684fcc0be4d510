"""The folder of a training: recipe, loss curve, checkpoints, weights; one training at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from focaldepth.core.errors import ReadError, SettingError, WriteError
from focaldepth.training._recipe import Recipe

RECIPE, LOG, CHECKPOINT, LOCK = "recipe.json", "log.jsonl", "checkpoint.pt", ".lock"
WEIGHTS, BEST, CANDIDATE, FAILED, EVENTS = (
    "weights.safetensors", "best.safetensors", ".candidate.safetensors", "failed_batch.safetensors", "events",
)  # fmt: skip


class RunFolder:
    """A folder that this process alone writes into.

    Args:
        path: of the folder, which exists.
        log_size: bytes of the log that count; what stands behind them was written after the checkpoint.
    """

    def __init__(self, path: Path, log_size: int) -> None:
        self.path = path
        log = path / LOG
        with log.open("ab") as file:
            file.truncate(min(log_size, log.stat().st_size))  # never longer, should a part have been lost
        self._log: TextIO = log.open("a", encoding="utf-8")

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def write_log(self, line: Mapping[str, Any]) -> None:
        """Add a line to the log; it is on disk when this returns, unless the power fails."""
        self._log.write(json.dumps(line) + "\n")
        self._log.flush()

    def log_size(self) -> int:
        """Return the size of the log in bytes."""
        self._log.flush()
        return (self.path / LOG).stat().st_size

    def close(self) -> None:
        """Close the log."""
        self._log.close()


@contextmanager
def locked(path: Path, *, resume: bool = False) -> Iterator[None]:
    """Hold the folder, which is made unless a training is to go on; the system lets go when the process ends.

    Raises:
        SettingError: another training holds it.
        ReadError: there is no folder to go on in.
        WriteError: no permission.
    """
    if resume and not (path / RECIPE).exists():
        raise _nothing_to_go_on_with(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        file = (path / LOCK).open("a+")
    except OSError as error:
        raise WriteError(f"cannot be written: {error.strerror}.", where=path, hint="Give another -o.") from error
    with file:
        if not _lock(file):
            file.seek(0)
            raise SettingError(
                f"another training writes here ({file.read().strip() or 'unknown process'}).",
                where=path,
                hint="Wait until it is done, or give another -o.",
            )
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()}\n")
        file.flush()
        yield


def _lock(file: TextIO) -> bool:
    """Take the lock of an open file; False when another process has it."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def begin(path: Path, recipe: Recipe, facts: Mapping[str, Any], *, resume: bool) -> bool:
    """Prepare a held folder; True where a training goes on.

    A folder that a run of this program left before its first step is as good as an empty one.

    Raises:
        SettingError: the folder is not empty and this is no resumption, or the recipe is not the one it was begun with.
        ReadError: there is nothing to resume.
    """
    from focaldepth.io._atomic import staged_file, sweep_stale

    found = sorted(p.name for p in path.iterdir() if not p.name.startswith("."))
    if resume:
        _check_same(path, recipe)
        for name in (CHECKPOINT, BEST, WEIGHTS):
            sweep_stale(path / name)
        return (path / CHECKPOINT).exists()
    untouched = set(found) <= {RECIPE, LOG, EVENTS} and not _size(path / LOG)
    if found and not (untouched and RECIPE in found):
        begun = RECIPE in found
        hint = "Go on with --resume, or give another -o." if begun else "Give another -o."
        raise SettingError("holds a training already." if begun else "is not empty.", where=path, hint=hint)
    with staged_file(path / RECIPE, overwrite=True) as part:
        part.write_text(json.dumps({**facts, "recipe": recipe.as_dict()}, indent=2) + "\n", encoding="utf-8")
    return False


_FREE = ("epochs", "validate_epochs", "validate_items", "checkpoint_steps", "log_steps", "picture_steps", "title")
"""Settings that may change when a training goes on: they do not change a step that was made."""
_TOLD = 3
"""Settings that a message names."""


def _check_same(path: Path, recipe: Recipe) -> None:
    record = path / RECIPE
    try:
        before = json.loads(record.read_text("utf-8"))["recipe"]
        stages = {str(name): dict(texts) for name, texts in before["stages"].items()}
    except FileNotFoundError as error:
        raise _nothing_to_go_on_with(path) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReadError("is damaged.", where=record, hint="Begin anew with another -o.") from error
    now = recipe.as_dict()
    for stage in sorted({*stages, *now["stages"]}):
        old, new = stages.get(stage, {}), now["stages"].get(stage, {})
        differing = sorted(k for k in {*old, *new} if old.get(k) != new.get(k) and k not in _FREE)
        if differing:
            raise SettingError(
                f"was begun with another {_difference(before.get('name', ''), recipe.name, old, new, differing)}.",
                where=path,
                hint="Give the same recipe and settings to go on, or another -o.",
            )


def _difference(old_name: str, name: str, old: Mapping[str, str], new: Mapping[str, str], keys: Sequence[str]) -> str:
    """Say in few words what differs: the recipe, or the first settings with their values."""
    if old_name != name:
        return f"recipe, {old_name}"
    told = [f"{key} ({old.get(key, 'its default')}, now {new.get(key, 'its default')})" for key in keys[:_TOLD]]
    more = f" and {len(keys) - _TOLD} more settings" if len(keys) > _TOLD else ""
    return ", ".join(told) + more


def _nothing_to_go_on_with(path: Path) -> ReadError:
    return ReadError("there is no training to go on with.", where=path, hint="Leave --resume away.")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

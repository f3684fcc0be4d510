"""Finished runs of a suite, one line of JSON each, stored at once: a stopped suite goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

from focaldepth.core.errors import ReadError
from focaldepth.metrics._scores import Scores

Key = tuple[str, str, str, str]
"""Data, image, entry, arm."""


@dataclass(frozen=True)
class RunRecord:
    """What one run of one method on one image gave.

    Attributes:
        data, image, entry, arm: where it belongs.
        settings: digest of all that decides its numbers; another digest makes another run.
        seconds: time of the estimate.
        grown_bytes: main memory that it took at most, beside what the process held before.
        first: it was the first run of its method in the process, and paid for what is done once.
        filled, claimed: metric -> sums.
        compared: number of compared pixels of (filled, claimed).
        fit: what was fitted.
        unit: errors are in.
        curves: name -> numbers; "bad-pix" as shares of bad pixels, "sparsification" as sums of `ause`.
        warnings: sentences.
        refused: why the method cannot take the stack; it is no failure.
        failed: what went wrong.
    """

    data: str
    image: str
    entry: str
    arm: str
    settings: str
    seconds: float = nan
    grown_bytes: float = nan
    first: bool = False
    filled: Mapping[str, list[float]] = field(default_factory=dict)
    claimed: Mapping[str, list[float]] = field(default_factory=dict)
    compared: tuple[int, int] = (0, 0)
    fit: str = ""
    unit: str = ""
    curves: Mapping[str, list[float]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    refused: str = ""
    failed: str = ""

    @property
    def key(self) -> Key:
        """Where it belongs."""
        return self.data, self.image, self.entry, self.arm

    @property
    def scored(self) -> bool:
        """It has numbers."""
        return not (self.refused or self.failed)


_FIELDS = {f.name for f in fields(RunRecord)}


class RunStore:
    """The file of finished runs; the last line of a key counts, a line cut off by a crash does not.

    Args:
        path: the file; made with the first run.

    Raises:
        ReadError: a line inside the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._runs: dict[Key, RunRecord] = {}
        self._equal: dict[tuple[str, str, str, str], RunRecord] = {}
        if path.exists():
            whole = 0
            for end, line in _lines(path):
                values = _values(line)
                if values is None and end < path.stat().st_size:
                    raise ReadError(
                        f"line {len(self._runs) + 1} is damaged.", where=path, hint="Delete it, or give another -o."
                    )
                if values is None:
                    continue
                whole = end
                if values.keys() == _FIELDS:  # other versions may write others; their runs are made anew
                    self._take(_record(values))
            if whole < path.stat().st_size:
                os.truncate(path, whole)

    def __len__(self) -> int:
        return len(self._runs)

    def get(self, key: Key, settings: str) -> RunRecord | None:
        """Return a finished run of exactly these settings; failed ones are tried again.

        Two entries that run the very same, such as one network on which the same weights were forced, share their runs.
        """
        found = self._runs.get(key)
        if found is not None and found.settings == settings and not found.failed:
            return found
        data, image, entry, arm = key
        equal = self._equal.get((data, image, arm, settings))
        return None if equal is None else replace(equal, entry=entry)

    def _take(self, record: RunRecord) -> None:
        self._runs[record.key] = record
        if not record.failed:
            self._equal[record.data, record.image, record.arm, record.settings] = record

    def add(self, record: RunRecord) -> None:
        """Store a run; it is on the disk when this returns."""
        self._take(record)
        text = json.dumps(_plain(asdict(record)), ensure_ascii=False, allow_nan=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())


def scores_of(records: Mapping[str, RunRecord], *, claimed: bool) -> Scores:
    """Return the scores of several images by one method; image -> its run."""
    runs = {image: run.claimed if claimed else run.filled for image, run in records.items()}
    names = tuple(next(iter(runs.values()), {}))
    found = Scores(names)
    for image, sums in runs.items():
        found.images[image] = {name: np.array(values, np.float64) for name, values in sums.items()}
        found.fits[image] = records[image].fit
        found.compared[image] = records[image].compared[claimed]
    return found


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (end, line); the last one may lack its line feed."""
    end = 0
    with path.open("rb") as file:
        for line in file:
            end += len(line)
            yield end, line


def _values(line: bytes) -> dict[str, Any] | None:
    """Read a line; None where it is damaged or cut off."""
    try:
        values = _restored(json.loads(line))
    except ValueError:
        return None
    whole = line.endswith(b"\n") and isinstance(values, dict) and values.keys() >= {"data", "image", "entry", "arm"}
    return values if whole else None


def _record(values: dict[str, Any]) -> RunRecord:
    return RunRecord(**{**values, "compared": tuple(values["compared"]), "warnings": tuple(values["warnings"])})


_WORDS = {"nan": nan, "inf": inf, "-inf": -inf}
"""JSON has no such numbers."""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return {"number": str(value)} if isinstance(value, float) and not isfinite(value) else value


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"number"}:
            return _WORDS[value["number"]]
        return {k: _restored(v) for k, v in value.items()}
    return [_restored(v) for v in value] if isinstance(value, list) else value

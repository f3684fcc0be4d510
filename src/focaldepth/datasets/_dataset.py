"""The contract of a data set: facts that can be listed, items that are read on demand, a check and a miniature."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import FocalDepthError, ReadError, SettingError, UnknownNameError
from focaldepth.core.method import Citation
from focaldepth.core.progress import Run
from focaldepth.core.registry import Registry
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import parse

Root = str | PathLike[str]
"""Folder (or file) that holds a data set."""
Handed = tuple[str, NDArray[np.floating[Any]], float]
"""Name of a stack, its map, seconds."""


@dataclass(frozen=True)
class DatasetSpec:
    """Facts of a data set.

    Attributes:
        title: one line for people.
        address: where it is got.
        licence: of the data, as far as it is stated.
        citation: what to cite; None = nothing to cite.
        summary: what it holds, one or two sentences.
        unit: of the truth; None = there is none, or it depends on the files.
        focus: focus positions in words.
        axis: the focus positions where every stack has the same ones.
        frames: number of frames of a stack in words.
        splits: names of splits; empty = none.
        split_rule: how the splits were made.
        protocols: names of the benchmark protocols that judge on it.
        checksums: (file, algorithm, hexadecimal digest) where they are published.
        layout: what lies on disk, one line per file or folder.
        notes: traps that a user has to know.
    """

    title: str
    address: str
    licence: str
    citation: Citation | None
    summary: str
    unit: Unit | None
    focus: str
    frames: str
    axis: FocusAxis | None = None
    splits: tuple[str, ...] = ()
    split_rule: str = ""
    protocols: tuple[str, ...] = ()
    checksums: tuple[tuple[str, str, str], ...] = ()
    layout: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """What a check found.

    Attributes:
        counts: split -> number of stacks; the empty name where there are no splits.
        problems: sentences, each of which names the item or file at fault; empty = all is well.
        notes: what a user has to know although nothing is wrong.
    """

    counts: Mapping[str, int]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submission:
    """What a benchmark that keeps its truth takes.

    Attributes:
        split: the stacks that are judged.
        unit: of the maps.
        write: file or folder, and (name of the stack, (H, W) depth everywhere, seconds) of each stack -> what was
            written; it appears when it is complete and right.
        check: file or folder -> what is wrong with it, one sentence each.
    """

    split: str
    unit: Unit
    write: Callable[[Root, Iterable[Handed]], Path]
    check: Callable[[Root], tuple[str, ...]]


class Dataset(ABC):
    """A data set; sub-classes are frozen dataclasses whose fields are settings (see `focaldepth.core.settings`)."""

    spec: ClassVar[DatasetSpec]

    @abstractmethod
    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the stacks of a split (empty = all); pixels are read when an item is opened.

        Raises:
            UnknownNameError: no split of that name.
            ReadError: files are missing (says which, where they were looked for, and how to get them) or damaged.
        """

    @abstractmethod
    def fake(self, out: Root, seed: int = 0) -> None:
        """Write a tiny data set in exactly the format on disk into the folder `out`, which is made if need be.

        A call that fails may leave files behind: `write_fake` does not.
        """

    def check(self, root: Root, run: Run = Run()) -> Findings:
        """Open every item, decode one of its frames, compare axis and truth with the facts and files with checksums.

        Raises:
            ReadError: nothing of the data set is there.
        """
        found = check_items(self.items(root), self.spec, run)
        return replace(found, problems=(*check_files(Path(root), self.spec, run), *found.problems))

    def prepare(self, root: Root, out: Root, run: Run = Run()) -> None:
        """Make stacks of the raw data in `root`, in the folder `out` (made if need be).

        A call that fails may leave files behind: `write_prepared` does not.

        Raises:
            SettingError: there is nothing to prepare.
        """
        raise SettingError(
            f"{self.spec.title} needs no preparation.",
            where=root,
            hint="Give its folder as it is: it is read directly.",
        )

    def submission(self) -> Submission | None:
        """Return what its benchmark takes; None where all truth is public."""
        return None


DATASETS: Registry[type[Dataset]] = Registry(
    "dataset", ("datasets",), "DATASET", aliases=(("ft-fs", "flyingthings3d-fs"), ("middlebury-fs", "middlebury"))
)
"""All data sets: files of ``focaldepth/datasets`` and entry points ``focaldepth.datasets``."""


def dataset(name: str, **settings: Any) -> Dataset:
    """Return a data set by name, with its settings as values or as the texts of ``--set key=value``.

    Raises:
        UnknownNameError: no data set, or no setting, of that name.
        SettingError: a setting of a wrong type or outside its range.

    >>> dataset("plain").spec.title
    'Stacks with a truth beside them'
    """
    return parse(DATASETS.get(name), {key: str(value) for key, value in settings.items()})


def check_split(split: str, spec: DatasetSpec) -> None:
    """Raise UnknownNameError for a split that the data set does not have; empty means all."""
    if split and split not in spec.splits:
        raise UnknownNameError("split", split, spec.splits, where=spec.title)


def missing(what: str, where: Root, spec: DatasetSpec) -> ReadError:
    """Return the error of absent data: what was looked for, where, and how to get it."""
    return ReadError(f"{what} not found.", where=where, hint=f"{spec.title} is got from {spec.address}.")


def check_items(items: Sequence[Item], spec: DatasetSpec, run: Run = Run()) -> Findings:
    """Open items one after the other; every failure is a problem that names the item."""
    problems: list[str] = []
    notes: dict[str, None] = {}
    run.stage("check", len(items))
    for item in items:
        try:
            sample = item.open()
            sample.stack.source.read(len(sample.stack) // 2)
            problems += [f"{item.name}: {text}" for text in _faults(sample, spec)]
            notes |= dict.fromkeys(sample.stack.info.warnings)
        except FocalDepthError as error:
            problems.append(f"{item.name}: {error}")
        run.advance()
    names = Counter(item.name for item in items)
    problems += [f"{name}: {n} items have this name." for name, n in names.items() if n > 1]
    return Findings(dict(Counter(item.split for item in items)), tuple(problems), tuple(notes))


def check_files(root: Path, spec: DatasetSpec, run: Run = Run()) -> list[str]:
    """Compare those files that are there with their published checksums; return a sentence for each that differs."""
    files = [(root / name, algorithm, digest) for name, algorithm, digest in spec.checksums if (root / name).is_file()]
    if not files:
        return []
    problems = []
    run.stage("checksums", len(files))
    for path, algorithm, digest in files:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, algorithm).hexdigest()
        if found != digest.lower():
            problems.append(f"{path}: its {algorithm} is {found}, published is {digest}. Get the file again.")
        run.advance()
    return problems


def _faults(sample: Sample, spec: DatasetSpec) -> list[str]:
    """What contradicts the facts of the data set."""
    found = []
    axis, truth = sample.stack.axis, sample.truth
    if spec.axis is not None and axis.unit is not spec.axis.unit:
        found.append(f"the focus axis is in {axis.unit}, expected {spec.axis.unit}.")
    if truth is not None and spec.unit is not None and truth.unit is not spec.unit:
        found.append(f"the truth is in {truth.unit}, expected {spec.unit}.")
    if truth is not None and not truth.valid.any():
        found.append("no pixel of the truth is known.")
    return found


def write_fake(made: Dataset, out: Root, seed: int = 0) -> Path:
    """Write a miniature into a new folder that is there whole or not at all.

    Raises:
        SettingError: `out` exists.
        WriteError: no permission, or the disk is full.
    """
    from focaldepth.io._atomic import staged_folder

    with staged_folder(out) as part:
        made.fake(part, seed)
    return Path(out)


def write_prepared(made: Dataset, root: Root, out: Root, run: Run = Run()) -> Path:
    """Prepare raw data into a new folder that is there whole or not at all; errors as `prepare` and `write_fake`."""
    from focaldepth.io._atomic import staged_folder

    with staged_folder(out, inputs=(root,)) as part:
        made.prepare(root, part, run)
    return Path(out)

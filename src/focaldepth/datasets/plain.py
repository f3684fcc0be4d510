"""Stacks with truth: plain npz and other containers that carry one, folders of pictures with a truth beside them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError, StackError
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import check, setting
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, check_split
from focaldepth.datasets._rendered_scenes import scenes_in_file, scenes_in_folder
from focaldepth.io._truth import TRUTH
from focaldepth.io.load import load_sample
from focaldepth.metrics._geometry import enlarge

_TRUTH = re.compile(r"ground_truth_(\w+)\.npy")
_HDF5 = (".h5", ".hdf5")


def stacks_of(paths: Sequence[str | Path], **reading: Any) -> list[Item]:
    """List the stacks with truth behind paths; nothing is read yet.

    Args:
        paths: files that carry their truth, folders of such files, folders of pictures with ``ground_truth_UNIT.npy``
            (``ground_truth_depth.npy`` is in metres, ``ground_truth_frames.npy`` in frames) or ``truth.tiff`` beside
            them, what `focaldepth scenes` writes, and folders of such folders.
        **reading: arguments of `load_sample`, such as focus_unit.

    Raises:
        ReadError: a path does not exist.
        StackError: a folder holds no stack with a truth.
    """
    found: dict[tuple[Path, str], Callable[[], Sample]] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise ReadError("does not exist.", where=path, hint="Give files or folders of stacks.")
        here = {(place, name): opener for place, name, opener in stacks_at(path, reading)}
        if not here:
            raise StackError("holds no stack with a truth.", where=path, hint=_HINT)
        found |= here
    stems = Counter(name for _, name in found)
    items = []
    for (place, stem), opener in found.items():
        name = stem if stems[stem] == 1 else str(place) if stem in (place.stem, place.name) else f"{place}/{stem}"
        items.append(Item(name, partial(_named, opener, name)))
    return items


_HINT = "Give npz files with a `depth`, or folders of pictures with a ground_truth_depth.npy (metres) beside them."


def stacks_at(path: Path, reading: dict[str, Any]) -> Iterator[tuple[Path, str, Callable[[], Sample]]]:
    """Yield file or folder, name and opener of every stack of a file or below a folder; nothing is read yet."""
    if path.is_file():
        scenes = scenes_in_file(path) if path.suffix.lower() in _HDF5 else {}
        yield from ((path, name, opener) for name, opener in scenes.items())
        if not scenes:
            yield path, path.stem, partial(_read, path, reading)
        return
    if (path / TRUTH).is_file() or _truth_of(path) is not None:
        yield path, path.name, partial(_read, path, reading)
        return
    yield from ((path, name, opener) for name, opener in scenes_in_folder(path).items())
    for inner in sorted(path.iterdir()):
        shown = inner.is_dir() and not inner.name.startswith(".")
        if shown or (inner.suffix.lower() in (".npz", *_HDF5) and inner.is_file()):
            yield from stacks_at(inner, reading)


def _named(opener: Callable[[], Sample], name: str) -> Sample:
    return replace(opener(), name=name)


def _truth_of(folder: Path) -> tuple[Path, Unit] | None:
    for file in sorted(folder.glob("ground_truth_*.npy")):
        match = _TRUTH.fullmatch(file.name)
        if match:
            return file, Unit.METRE if match[1] == "depth" else Unit.parse(match[1])
    return None


def _read(path: Path, reading: dict[str, Any]) -> Sample:
    sample = load_sample(path, **reading)
    beside = _truth_of(path) if path.is_dir() else None
    if beside is not None:
        file, unit = beside
        values = enlarge(np.load(file, allow_pickle=False), sample.stack.shape[:2])
        sample = replace(sample, truth=DepthMap(values, unit, np.isfinite(values)))
    if sample.truth is None:
        raise StackError("carries no truth to compare with.", where=path, hint=_HINT)
    return sample


@dataclass(frozen=True)
class Plain(Dataset):
    """Any folder of stacks that carry their truth or have it beside them."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="Stacks with a truth beside them",
        address="your own data",
        licence="that of the files",
        citation=None,
        summary="npz and HDF5 files that carry their truth, folders of pictures with a ground truth, folders of such.",
        unit=None,
        focus="as the files say",
        frames="2 or more",
        protocols=("plain", "scale-free"),
        layout=(
            "NAME.npz: frames, focus, focus_unit, depth [, all_in_focus]",
            "NAME/*.png with ground_truth_depth.npy (metres), ground_truth_frames.npy, ground_truth_UNIT.npy or "
            "truth.tiff",
            "scenes_000000/000000_00All.tif ... 000000Dpt.exr 000000.json, or scenes_000000.h5 of `focaldepth scenes`",
        ),
    )

    focus_unit: str = setting("", "unit of focus positions that state none: m, mm, um, dioptre, px")

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the stacks below a folder, or the one of a file; there are no splits."""
        check_split(split, self.spec)
        return stacks_of([Path(root)], **({"focus_unit": self.focus_unit} if self.focus_unit else {}))

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write one npz, and one folder of pictures with metres beside them."""
        from focaldepth.io.picture import write_picture

        rng = np.random.default_rng(seed)
        frames = rng.integers(0, 256, (4, 12, 16, 3), np.uint8)
        depth = rng.uniform(0.5, 2.0, (12, 16)).astype(np.float32)
        depth[0, 0] = np.nan
        folder = Path(out) / "pictures"
        folder.mkdir(parents=True, exist_ok=True)
        focus = [0.5, 1.0, 1.5, 2.0]
        np.savez(Path(out) / "stack.npz", frames=frames, focus=focus, focus_unit="metre", depth=depth)
        for i, frame in enumerate(frames):
            write_picture(folder / f"frame_{i}.png", frame)
        (folder / "focus_distance.txt").write_text("".join(f"{value} m\n" for value in focus), encoding="utf-8")
        np.save(folder / "ground_truth_depth.npy", depth)


DATASET = Plain

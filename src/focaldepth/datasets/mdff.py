"""mDFF: sweeps of a phone with the depth of its own sensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.method import Citation
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Item, Sample
from focaldepth.core.stack import FocalStack, StackInfo, Transfer
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Findings, Root, check_split, missing
from focaldepth.datasets._pictures import picture_shape, picture_stack, read_picture
from focaldepth.datasets._stack_file import StackArray, count_stacks, opened, write_arrays

AXIS = FocusAxis(np.linspace(0.1, 4.0, 10), Unit.METRE)
_FILE = "mDFF-dataset_cropped_clipped.h5"
_DEPTH = "disp.png"
_LIMITS = (0.1, 4.0)
_TENTH_MM = 1e-4
_ORDER = "The program that packed the frames did not sort them: that frame 0 is the nearest was not checked."


@dataclass(frozen=True)
class MDff(Dataset):
    """Ten frames from 0.1 to 4 m; the packed file, or the folders of pictures."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="mDFF (mobile depth from focus)",
        address=f"https://vision.in.tum.de/webarchive/hazirbas/mDFF/{_FILE} and mDFFDataset.tar.gz",
        licence="data CC BY 4.0, tools GPL-3.0",
        citation=Citation(
            "hazirbas2018deep",
            "Hazirbas, Soyer, Staab, Leal-Taixé, Cremers: Deep Depth From Focus. ACCV 2018 (supplement).",
            "https://arxiv.org/abs/1704.01085",
        ),
        summary="202 stacks of a Phab 2 Pro, 10 aligned frames 552 px wide, depth of its time-of-flight sensor.",
        unit=Unit.METRE,
        focus="0.1 to 4 m in even steps, as expected of the camera; the file does not say",
        frames="10",
        axis=AXIS,
        splits=("train", "val", "test"),
        split_rule="181 stacks cut into patches of 224 px, a fifth of the stacks for val; 21 whole stacks test",
        protocols=("mdff-ddff",),
        layout=(
            f"{_FILE}: stack_train, stack_val (n, 10, 224, 224, 3), stack_test (21, 10, H, 552, 3) RGB 0 ... 255",
            f"{_FILE}: disp_train, disp_val, disp_test: depth in metres in spite of its name, 0 = unknown",
            "or train/STACK/ and test/STACK/: 0.jpg ... 9.jpg and disp.png (0.1 mm, 16 bit)",
        ),
        notes=(
            "The first row of train and val is an empty placeholder; it is left out.",
            "Truth of train and val beyond 0.1 ... 4 m was set to 0; that of test was not.",
            _ORDER,
            "Folders are not split into train and val: the program drew val at random.",
        ),
    )

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the rows of the packed file, else the folders of pictures; the root may be the file itself.

        Raises:
            ReadError: neither is there, or they are damaged.
            UnknownNameError: no split of that name.
        """
        check_split(split, self.spec)
        file = _file(Path(root))
        found = list(_rows(file) if file is not None else _folders(Path(root)))
        if not found:
            raise missing(f"{_FILE}, or train/STACK/{_DEPTH}", root, self.spec)
        return [item for item in found if split in ("", item.split)]

    def check(self, root: Root, run: Run = Run()) -> Findings:
        """Check all items, and tell which placeholders were left out."""
        found = super().check(root, run)
        file = _file(Path(root))
        empty = [] if file is None else [array.stacks for _, array, first, _ in _arrays(file) if first]
        notes = tuple(f"{name}: row 0 is an empty placeholder and left out." for name in empty)
        return replace(found, notes=(*found.notes, *notes))

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write a packed file of 16 px patches with placeholders; and a folder of pictures beside it, ``pictures``."""
        from focaldepth.io.picture import write_picture

        rng = np.random.default_rng(seed)
        top = Path(out)
        folder = top / "pictures" / "train" / "desk_01"
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, NDArray[np.float32]] = {}
        for split, shape, rows in (("train", (16, 16), 3), ("val", (16, 16), 2), ("test", (20, 30), 1)):
            stacks = rng.integers(0, 256, (rows, 10, *shape, 3)).astype(np.float32)
            depth = rng.uniform(0.2, 3.9, (rows, *shape)).astype(np.float32)
            depth[:, :2, :2] = 0
            if split == "test":
                depth[:, 5, 5] = 4.6
            else:
                stacks[0], depth[0] = 0, 0
            arrays |= {f"stack_{split}": stacks, f"disp_{split}": depth}
        write_arrays(top / _FILE, arrays)
        for i, frame in enumerate(rng.integers(0, 256, (10, 20, 30, 3), np.uint8)):
            write_picture(folder / f"{i}.jpg", frame)
        code = rng.integers(2_000, 39_000, (20, 30, 1), np.uint16)
        code[:2, :2], code[5, 5] = 0, 46_000
        write_picture(folder / _DEPTH, code)


def _file(root: Path) -> Path | None:
    """The packed file; None where there are only folders."""
    if root.suffix == ".h5":
        return root
    return root / _FILE if (root / _FILE).is_file() else None


def _arrays(file: Path) -> Iterator[tuple[str, StackArray, int, int]]:
    """Split, where its stacks lie, its first row that is no placeholder, and how many rows it has."""
    with opened(file) as data:
        for split in MDff.spec.splits:
            stacks, truth = f"stack_{split}", f"disp_{split}"
            if stacks not in data:
                continue
            count = count_stacks(data, file, stacks)
            if truth not in data or len(data[truth]) != count:
                raise ReadError(f"has {stacks}, but no {truth} of its length.", where=file, hint="Copy it again.")
            empty = count > 0 and not np.any(data[truth][0]) and not np.any(data[stacks][0])
            yield split, StackArray(file, stacks, truth), int(empty), count


def _rows(file: Path) -> Iterator[Item]:
    for split, array, first, count in _arrays(file):
        for i in range(first, count):
            name = f"{split}_{i:05d}"
            yield Item(name, partial(_open_row, array, i, name, split), split)


def _open_row(array: StackArray, row: int, name: str, split: str) -> Sample:
    frames, white = array.frames(row)
    stack = FocalStack.from_arrays(frames, AXIS, transfer=Transfer.SRGB, white=white, name=name)
    info = StackInfo(
        name=name, files=(str(array.path),), order_rule="as packed", focus_origin=MDff.spec.title, warnings=(_ORDER,)
    )
    depth = array.plane(row)
    truth = None if depth is None else DepthMap(depth, Unit.METRE, depth > 0)
    return Sample(replace(stack, info=info), truth, name=name, split=split)


def _folders(root: Path) -> Iterator[Item]:
    for split in ("train", "test"):
        for depth in sorted((root / split).rglob(_DEPTH)):
            if picture_shape(depth)[2] == 1:  # the tools leave coloured previews under the same name
                name = depth.parent.relative_to(root).as_posix()
                yield Item(name, partial(_open_folder, depth, name, split), split)


def _open_folder(depth: Path, name: str, split: str) -> Sample:
    files = [depth.parent / f"{i}.jpg" for i in range(len(AXIS))]
    stack = picture_stack(files, AXIS, name=name, origin=MDff.spec.title, warnings=(_ORDER,))
    code = read_picture(depth)[..., 0]
    if code.dtype != np.uint16:
        raise ReadError(f"holds {code.dtype}, expected 16 bits.", where=depth, hint="Unpack the archive again.")
    metres = (code * _TENTH_MM).astype(np.float32)
    inside = (metres >= _LIMITS[0]) & (metres <= _LIMITS[1]) if split == "train" else code > 0
    return Sample(stack, DepthMap(metres, Unit.METRE, inside), name=name, split=split)


DATASET = MDff

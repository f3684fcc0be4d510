"""DDFF 12-Scene as repacked by DFV: whole stacks, split by scene."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.errors import StackError
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import check, setting
from focaldepth.datasets import _ddff
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, check_split, missing
from focaldepth.datasets._stack_file import StackArray, count_stacks, key_of, no_key, opened, write_arrays

FILES = ("my_ddff_trainVal.h5", "dfv_trainVal.h5", "dff_trainVal.h5")
SUBSETS = {"all": (), "dfv5": (0, 2, 4, 6, 9)}
"""dfv5 is linspace(0, 9, 5) cut to whole numbers, as DFV picks frames for validation."""


@dataclass(frozen=True)
class Ddff12Dfv(Dataset):
    """The repack of DFV."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="DDFF 12-Scene, repacked by DFV",
        address="https://github.com/fuy34/DFV, made of the raw data of https://hazirbas.com/datasets/ddff12scene",
        licence=_ddff.LICENCE,
        citation=_ddff.CITATION,
        summary="Whole stacks of the six scenes with truth: four to train, glassroom and office41 to validate.",
        unit=Unit.DISPARITY_PX,
        focus="0.28 ... 0.02 px, near to far",
        frames="10 (subset dfv5: 0 2 4 6 9)",
        axis=_ddff.axis("rounded"),
        splits=("train", "val"),
        split_rule="by scene: 400 stacks to train, 200 to validate",
        protocols=("ddff-dfv-val", "ddff-dfv-val-10", "ddff-fossa"),
        layout=(
            "my_ddff_trainVal.h5 (also dfv_trainVal.h5, dff_trainVal.h5): stack_train, stack_val (n, 10, 383, 552, 3) "
            "RGB 0 ... 255; disp_train, disp_val (n, 383, 552); AiF_train, AiF_val (n, 383, 552, 3)",
        ),
        notes=(
            "The frames were refocused at 0.28248 ... 0.02018 px (axis = exact); DFV reads them as 0.28 ... 0.02 px.",
            "Stacks lie in the order of their author's disk: a number tells no scene.",
            "AiF is view [5, 5], one beside the centre view that truth and frames belong to.",
            "Disparity 0 is unknown; known ones are not cut to the focus range.",
        ),
    )

    axis: str = setting("rounded", _ddff.AXIS_HELP, choices=_ddff.AXES)
    frames: str = setting("all", "which frames: all ten, or the five on which DFV validates", choices=tuple(SUBSETS))

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List stacks as train_000 ... and val_000 ...; an absent part of the file is left out unless asked for."""
        check_split(split, self.spec)
        folder = Path(root)
        path = folder if folder.is_file() else next((folder / f for f in FILES if (folder / f).is_file()), None)
        if path is None:
            raise missing(" or ".join(FILES), root, self.spec)
        wanted = [split] if split else list(self.spec.splits)
        found = []
        with opened(path) as file:
            for s in wanted:
                stacks = key_of(file, (f"stack_{s}",))
                if stacks:
                    array = StackArray(path, stacks, key_of(file, (f"disp_{s}",)), key_of(file, (f"AiF_{s}",)))
                    found += [self._item(array, i, s) for i in range(count_stacks(file, path, stacks))]
            if not found:
                raise no_key(file, path, [f"stack_{s}" for s in wanted])
        return found

    def _item(self, array: StackArray, i: int, split: str) -> Item:
        name = f"{split}_{i:03d}"
        return Item(name, partial(self._read, array, i, name, split), split)

    def _read(self, array: StackArray, i: int, name: str, split: str) -> Sample:
        found = _ddff.sample(array, i, name, split, self.axis)
        chosen = SUBSETS[self.frames]
        if not chosen:
            return found
        if len(found.stack) != 10:
            raise StackError(f"{self.frames} counts 10 frames, there are {len(found.stack)}.", where=name)
        return replace(found, stack=found.stack.take(chosen))

    def fake(self, out: Root, seed: int = 0) -> None:
        """Two stacks to train, one to validate, float32 as h5py stores it by default."""
        rng = np.random.default_rng(seed)
        arrays = {}
        for split, n in (("train", 2), ("val", 1)):
            arrays[f"stack_{split}"] = rng.integers(0, 256, (n, 10, 33, 40, 3)).astype(np.float32)
            arrays[f"AiF_{split}"] = rng.integers(0, 256, (n, 33, 40, 3)).astype(np.float32)
            truth = rng.uniform(0.015, 0.43, (n, 33, 40)).astype(np.float32)
            truth[:, 10:14, 10:14] = 0
            arrays[f"disp_{split}"] = truth
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        write_arrays(folder / FILES[0], arrays)


DATASET = Ddff12Dfv

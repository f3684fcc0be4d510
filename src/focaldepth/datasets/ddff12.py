"""DDFF 12-Scene, official HDF5: patches of 224 px for training and validation, whole stacks for the test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.sample import Item
from focaldepth.core.settings import check, setting
from focaldepth.datasets import _ddff
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, Submission, check_split, missing
from focaldepth.datasets._ddff_patches import CHANNELS, DIVISION, FILES, NAMES
from focaldepth.datasets._stack_file import (
    StackArray,
    count_stacks,
    key_of,
    no_key,
    opened,
    write_arrays,
)

_NO_TRUTH = "The truth of the test stacks is kept by the benchmark: write a submission (`focaldepth data submit`)."


@dataclass(frozen=True)
class Ddff12(Dataset):
    """Official patches and test stacks."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="DDFF 12-Scene, official HDF5",
        address=_ddff.ADDRESS,
        licence=_ddff.LICENCE,
        citation=_ddff.CITATION,
        summary="Twelve indoor scenes refocused from a Lytro ILLUM, with the disparity of a depth camera.",
        unit=Unit.DISPARITY_PX,
        focus="0.28248 ... 0.02018 px, near to far (0.5 m to 7 m)",
        frames="10",
        axis=_ddff.axis("exact"),
        splits=("train", "val", "test"),
        split_rule="5269 and 1318 patches of the same six scenes, drawn at random; 120 stacks of six other scenes",
        protocols=("ddff-official-val", "ddff-aif-val", "ddff-wild-val"),
        layout=(
            "ddff-dataset-trainval.h5: stack_train, stack_val (n, 10, 224, 224, 3) BGR; disp_train, disp_val (n, "
            "224, 224)",
            "ddff-dataset-test.h5: stack_test (120, 10, 383, 552, 3) BGR",
        ),
        notes=(
            _ddff.LEAK,
            "Channels are BGR in the files; frames come as RGB (as_official keeps the order of the file).",
            "Disparity 0 is unknown; measured disparities reach beyond the focus range on both sides.",
            _NO_TRUTH,
        ),
    )

    as_official: bool = setting(False, "leave channels in the order of the file (BGR), as official programs read them")
    axis: str = setting("exact", _ddff.AXIS_HELP, choices=_ddff.AXES)

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List patches (train_00000 ...) and test stacks (lockeroom_0001 ...), those of the files that are there."""
        check_split(split, self.spec)
        wanted = [split] if split else list(self.spec.splits)
        places = {s: path for s in wanted if (path := _place(Path(root), s)) is not None}
        if not places:
            names = " and ".join(dict.fromkeys(FILES[s] for s in wanted))
            raise missing(names, root, self.spec)
        found = [item for s, path in places.items() for item in self._split(path, s, asked=bool(split))]
        if not found:
            path = next(iter(places.values()))
            with opened(path) as file:
                raise no_key(file, path, [f"stack_{s}" for s in wanted])
        return found

    def _split(self, path: Path, split: str, *, asked: bool) -> list[Item]:
        with opened(path) as file:
            keys = (f"stack_{split}", f"stacks_{split}")
            stacks = key_of(file, keys)
            if not stacks:
                if asked:
                    raise no_key(file, path, keys)
                return []
            truth = key_of(file, (f"disp_{split}", f"disps_{split}"))
            count = count_stacks(file, path, stacks)
            bgr = file.attrs.get(CHANNELS, "BGR") == "BGR" and not self.as_official
            own = [str(name) for name in file[stacks].attrs.get(NAMES, ())]
            leaks = split == "val" and file.attrs.get(DIVISION, "patches") == "patches"
        notes = [_ddff.LEAK] if leaks else []
        if not truth:
            notes.append(_NO_TRUTH if split == "test" else f"{path.name} holds no disp_{split}: there is no truth.")
        array = StackArray(path, stacks, truth, bgr=bgr)
        names = own or [_name(split, i, count) for i in range(count)]
        return [
            Item(name, partial(_ddff.sample, array, i, name, split, self.axis, tuple(notes)), split)
            for i, name in enumerate(names)
        ]

    def submission(self) -> Submission:
        """Folders of scenes with DISP_0001.npy ..., and runtime.txt."""
        from focaldepth.datasets._ddff_submission import check_submission, write_submission

        return Submission("test", Unit.DISPARITY_PX, write_submission, check_submission)

    def fake(self, out: Root, seed: int = 0) -> None:
        """Three patches of 32 px per half, with a hole and a pixel nearer than the focus range; two test stacks."""
        rng = np.random.default_rng(seed)
        arrays = {}
        for split in ("train", "val"):
            truth = rng.uniform(0.03, 0.28, (3, 32, 32))
            truth[:, 4:9, 4:9] = 0
            truth[:, 20, 20] = 0.4
            arrays[f"stack_{split}"] = rng.integers(0, 256, (3, 10, 32, 32, 3), np.uint8)
            arrays[f"disp_{split}"] = truth
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        write_arrays(folder / FILES["train"], arrays)
        write_arrays(folder / FILES["test"], {"stack_test": rng.integers(0, 256, (2, 10, 33, 40, 3), np.uint8)})


def _place(root: Path, split: str) -> Path | None:
    """The file of a split in the folder, or the file itself where that was given."""
    if root.is_file():
        return root
    path = root / FILES[split]
    return path if path.is_file() else None


def _name(split: str, i: int, count: int) -> str:
    if split == "test" and count <= len(_ddff.TEST_SCENES) * _ddff.STACKS_PER_TEST_SCENE:
        scene, image = _ddff.place_of_test(i)
        return f"{scene}_{image:04d}"
    return f"{split}_{i:05d}"


DATASET = Ddff12

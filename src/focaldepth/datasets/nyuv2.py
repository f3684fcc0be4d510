"""NYUv2 with rendered focal stacks, by the recipes of four papers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.method import Citation
from focaldepth.core.progress import Run
from focaldepth.core.registry import extra_for
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import check, setting
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Findings, Root, check_split, missing
from focaldepth.datasets._nyu_recipes import RECIPES
from focaldepth.datasets._prepared import prepared_items, write_items
from focaldepth.datasets._rendered import Scene
from focaldepth.io.readers._planes import check_file, reading

_FILE = "nyu_depth_v2_labeled.mat"
_SPLITS = "splits.mat"
_SPLITS_ADDRESS = "http://horatio.cs.nyu.edu/mit/silberman/indoor_seg_sup/splits.mat"
_FAKE_SIZE = (56, 72)


@dataclass(frozen=True)
class NyuV2(Dataset):
    """The labelled pictures; a stack is rendered when it is opened, or read from what `prepare` wrote."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="NYUv2 with rendered focal stacks",
        address=f"https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html (nyu_depth_v2_labeled.mat), {_SPLITS_ADDRESS}",
        licence="not stated",
        citation=Citation(
            "silberman2012indoor",
            "Silberman, Hoiem, Kohli, Fergus: Indoor Segmentation and Support Inference from RGBD Images. ECCV 2012.",
        ),
        summary="1449 indoor pictures with depth, 480 x 640; blur is rendered by the recipe of one of four papers.",
        unit=Unit.METRE,
        focus="metres, by the recipe",
        frames="3, 5 or 10, by the recipe",
        splits=("train", "test"),
        split_rule="795 and 654 by splits.mat; without that file the pictures belong to no split",
        protocols=("nyu-dered", "nyu-hybrid", "nyu-ddfs"),
        layout=(
            f"{_FILE}: images (1449, 3, 640, 480) uint8, depths (1449, 640, 480) metres, both transposed",
            f"{_SPLITS}: trainNdxs, testNdxs, counted from 1",
        ),
        notes=(
            *(f"{name}: {recipe.summary}." for name, recipe in RECIPES.items()),
            "Numbers of different recipes do not compare.",
            "Focus distances of nyu-hybrid come from the truth: they tell a method the range of depths.",
            "DEReD's configuration file says 1 3 5 7 9 m; its generator focuses at 1 1.5 2.5 4 6 m.",
            "Pictures have a white border of up to 16 px; nyu-dered and nyu-ddfs leave it in.",
        ),
    )

    recipe: str = setting("nyu-dered", "how stacks are made", choices=tuple(RECIPES))
    frames: int = setting(5, "frames of nyu-hybrid, 5 or 10 in the paper", unit="frames", low=2, high=100)
    seed: int = setting(0, "draws the phone and its errors for nyu-wild-sim", low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the pictures by number, counted from 1.

        Raises:
            ReadError: no such file, a damaged one, or a split is asked for and splits.mat is not there.
            SettingError: prepared stacks of another recipe.
            UnknownNameError: no split of that name.
        """
        check_split(split, self.spec)
        prepared = prepared_items(Path(root), self._made)
        found = self._raw_items(Path(root), split) if prepared is None else prepared
        return [item for item in found if split in ("", item.split)]

    def check(self, root: Root, run: Run = Run()) -> Findings:
        """Check raw pictures and depths without rendering; prepared stacks as they are."""
        if prepared_items(Path(root), self._made) is not None:
            return super().check(root, run)
        path, problems = _file(Path(root)), []
        counts: dict[str, int] = {}
        items = self._raw_items(Path(root), "")
        run.stage("check", len(items))
        for i, item in enumerate(items):
            scene = _scene(path, i, item.name)
            if not np.isfinite(scene.depth_m).any():
                problems.append(f"{item.name}: no pixel has a depth.")
            counts[item.split] = counts.get(item.split, 0) + 1
            run.advance()
        note = () if (path.parent / _SPLITS).is_file() else (f"{_SPLITS} is not there: {_SPLITS_ADDRESS}",)
        return Findings(counts, tuple(problems), note)

    def prepare(self, root: Root, out: Root, run: Run = Run()) -> None:
        """Render all stacks by the recipe and write them as folders of pictures."""
        write_items(self._raw_items(Path(root), ""), Path(out), self._made, run)

    @property
    def _made(self) -> dict[str, Any]:
        """Settings that make a difference to the stacks."""
        own = {"nyu-hybrid": {"frames": self.frames}, "nyu-wild-sim": {"seed": self.seed}}
        return {"dataset": "nyuv2", "recipe": self.recipe, **own.get(self.recipe, {})}

    def _raw_items(self, root: Path, split: str) -> list[Item]:
        path = _file(root)
        count = _count(path)
        parts = _splits(path.parent / _SPLITS, count, needed=bool(split))
        return [
            Item(f"{i + 1:04d}", partial(self._open, path, i, parts.get(i, "")), parts.get(i, "")) for i in range(count)
        ]

    def _open(self, path: Path, index: int, split: str) -> Sample:
        scene = _scene(path, index, f"{index + 1:04d}")
        sample = RECIPES[self.recipe].make(scene, self.frames, self.seed + index)
        return replace(sample, split=split)

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write three pictures of 56 x 72 px in the transposed order, and a split of two and one."""
        with extra_for("NYUv2"):
            import h5py
        from scipy.io import savemat

        rng = np.random.default_rng(seed)
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        h, w = _FAKE_SIZE
        with h5py.File(folder / _FILE, "w") as file:
            file["images"] = rng.integers(0, 256, (3, 3, w, h), np.uint8)
            file["depths"] = rng.uniform(0.7, 9, (3, w, h)).astype(np.float32)
        savemat(folder / _SPLITS, {"trainNdxs": np.array([[1], [3]]), "testNdxs": np.array([[2]])})


def _file(root: Path) -> Path:
    path = root if root.suffix == ".mat" else root / _FILE
    if not path.is_file():
        raise missing(_FILE, root, NyuV2.spec)
    return path


def _count(path: Path) -> int:
    with extra_for("NYUv2"):
        import h5py
    check_file(path)
    with reading(path, "NYUv2"), h5py.File(path, "r") as file:
        absent = [name for name in ("images", "depths") if name not in file]
        if absent:
            raise ReadError(f"has no {' and no '.join(absent)}.", where=path, hint="Is this the labelled data set?")
        counts = len(file["images"]), len(file["depths"])
    if counts[0] != counts[1]:
        raise ReadError(f"has {counts[0]} images and {counts[1]} depths.", where=path, hint="Copy it again.")
    return counts[0]


def _scene(path: Path, index: int, name: str) -> Scene:
    from focaldepth.io.rgbd import load_rgbd

    held = load_rgbd(path, index=index)
    return Scene(name, held.picture, held.depth_m)


def _splits(path: Path, count: int, *, needed: bool) -> dict[int, str]:
    """Index from 0 -> split; empty where the file is not there and not needed."""
    if not path.is_file():
        if needed:
            raise ReadError("is missing: it says which pictures train.", where=path, hint=f"Get it: {_SPLITS_ADDRESS}")
        return {}
    from scipy.io import loadmat

    parts: dict[int, str] = {}
    with reading(path, "list of splits"):
        lists = loadmat(path)
        for split in ("train", "test"):
            parts |= {int(i) - 1: split for i in np.ravel(lists[f"{split}Ndxs"])}
    if parts and not 0 <= min(parts) <= max(parts) < count:
        raise ReadError(f"counts to {max(parts) + 1}, there are {count} pictures.", where=path, hint="Copy both again.")
    return parts


DATASET = NyuV2

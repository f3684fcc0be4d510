"""FlyingThings3D focal stacks of AiFDepthNet: 15 frames blurred in disparity space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.progress import Run
from focaldepth.core.sample import Item
from focaldepth.core.settings import check, setting
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, check_split, missing
from focaldepth.datasets._disparity_stacks import (
    AIFDEPTHNET,
    BLUR_HELP,
    as_colour,
    blur_stack,
    fake_stack,
    read_stack,
    write_pfm,
)
from focaldepth.datasets._pictures import read_picture
from focaldepth.io._order import natural_key
from focaldepth.io.picture import write_picture
from focaldepth.io.writers.pfm import read_plane

FOLDER = "FlyingThings3D_FS"
_SOURCES = {"train": "TRAIN", "val": "TEST"}
_CLEAN, _DISPARITY = "frames_cleanpass", "disparity"
_RECORD = "sources.txt"
_AXIS = FocusAxis(np.array([10 + 90 * (i / 14) for i in range(15)]), Unit.DISPARITY_PX)
"""In this order of operations the numbers are those of the published names, 16.428571428571427 ..."""


@dataclass(frozen=True)
class FlyingThings3dFs(Dataset):
    """Stacks of rendered scenes."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="FlyingThings3D focal stacks (AiFDepthNet)",
        address="https://github.com/albert100121/AiFDepthNet (stacks), https://lmb.informatik.uni-freiburg.de (raw)",
        licence="not stated for the stacks; SceneFlow is for research only",
        citation=AIFDEPTHNET,
        summary="Rendered scenes blurred at 15 disparities; the picture and disparity they were made of come along.",
        unit=Unit.DISPARITY_PX,
        focus="10 ... 100 px, far to near",
        frames="15",
        axis=_AXIS,
        splits=("train", "val"),
        split_rule="1000 and 100 stacks of the authors' choice",
        protocols=("ft-aif",),
        layout=(
            f"{FOLDER}/{{train,val}}/focal_stack/ID/: 10.0.png, 16.428571428571427.png ... 100.0.png, AiF.png, "
            "disp.exr",
            f"raw: {_CLEAN}/{{TRAIN,TEST}}/A/0000/left/0006.png, {_DISPARITY}/{{TRAIN,TEST}}/A/0000/left/0006.pfm",
        ),
        notes=(
            "Names are disparities: sorted as text 100.0 comes before 16.4; they are sorted as numbers here.",
            "Disparity that is negative or infinite is unknown.",
            "Which scenes of SceneFlow were blurred, and how strongly, is not published: prepared stacks are similar, "
            "not the same.",
        ),
    )

    train: int = setting(1000, "stacks to train that `prepare` makes, of TRAIN", low=0)
    val: int = setting(100, "stacks to validate, of TEST", low=0)
    blur: float = setting(0.2, BLUR_HELP, low=0.001, high=10)
    seed: int = setting(0, "of the choice of scenes", low=0)

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List stacks as train_ID and val_ID, by number."""
        check_split(split, self.spec)
        base = Path(root) / FOLDER if (Path(root) / FOLDER).is_dir() else Path(root)
        found = []
        for s in [split] if split else self.spec.splits:
            stacks = base / s / "focal_stack"
            folders = [p for p in stacks.iterdir() if p.is_dir()] if stacks.is_dir() else []
            for folder in sorted(folders, key=lambda p: natural_key(p.name)):
                name = f"{s}_{folder.name}"
                found.append(Item(name, partial(read_stack, folder, _AXIS, name, s), s))
        if not found:
            raise missing(f"{FOLDER}/{split or 'train'}/focal_stack/ID/", root, self.spec)
        return found

    def prepare(self, root: Root, out: Root, run: Run = Run()) -> None:
        """Blur clean-pass pictures of SceneFlow by their disparity; sources.txt says which ones were drawn.

        Raises:
            ReadError: no pictures, or one without its disparity.
        """
        chosen = {split: list(self._draw(Path(root), split)) for split in _SOURCES}
        if not any(chosen.values()):
            raise missing(f"{_CLEAN}/TRAIN/A/0000/left/0006.png", root, self.spec)
        run.stage("blur", sum(map(len, chosen.values())))
        lines = []
        for split, pictures in chosen.items():
            for i, picture in enumerate(pictures):
                truth = _disparity_of(picture, Path(root))
                folder = Path(out) / FOLDER / split / "focal_stack" / f"{i:04d}"
                disparities = read_plane(truth)
                blur_stack(folder, as_colour(read_picture(picture), picture), disparities, _AXIS, self.blur, run)
                lines.append(f"{split} {i:04d} {picture.relative_to(root).as_posix()}\n")
                run.advance()
        (Path(out) / FOLDER / _RECORD).write_text("".join(lines), encoding="utf-8")

    def _draw(self, root: Path, split: str) -> Iterator[Path]:
        """Yield pictures drawn without repeat, in the order of their names."""
        known = sorted((root / _CLEAN / _SOURCES[split]).glob("*/*/left/*.png"))
        wanted = min({"train": self.train, "val": self.val}[split], len(known))
        drawn = np.random.default_rng((self.seed, split == "val")).permutation(len(known))[:wanted]
        yield from (known[i] for i in sorted(drawn))

    def fake(self, out: Root, seed: int = 0) -> None:
        """A stack of 24 x 40 px per split, and one picture with disparity per half of SceneFlow."""
        root, rng = Path(out), np.random.default_rng(seed)
        for split, half in _SOURCES.items():
            fake_stack(root / FOLDER / split / "focal_stack" / "0000", _AXIS, (24, 40), rng)
            picture = root / _CLEAN / half / "A" / "0000" / "left" / "0006.png"
            picture.parent.mkdir(parents=True)
            write_picture(picture, rng.integers(0, 256, (24, 40, 3), np.uint8))
            truth = np.full((24, 40), 20, np.float32)
            truth[:, 20:] = 80
            write_pfm(_disparity_of(picture, root, must=False), truth)


def _disparity_of(picture: Path, root: Path, *, must: bool = True) -> Path:
    """The truth of a picture of the clean pass."""
    path = root / _DISPARITY / picture.relative_to(root / _CLEAN).with_suffix(".pfm")
    if must and not path.is_file():
        raise ReadError("not found.", where=path, hint="Unpack the disparities of SceneFlow beside the pictures.")
    return path


DATASET = FlyingThings3dFs

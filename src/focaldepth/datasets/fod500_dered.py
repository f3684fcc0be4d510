"""The re-rendered stacks of DEReD in the manner of FoD500; not comparable with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.method import Citation
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Item, Sample
from focaldepth.datasets._arrays import load_plane
from focaldepth.datasets._blender import Naming, Scene, split_scenes
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, check_split, missing
from focaldepth.datasets._pictures import picture_stack, read_picture

_AXIS = FocusAxis(np.array([0.3, 0.45, 0.75, 1.2, 1.8]), Unit.METRE)
_NAMING = Naming(picture=".png", depth=".npy")
_OPTICS = Optics(
    focal_length_m=7.2e-3,
    f_number=1.2,
    pixel_pitch_m=5.6e-6,
    origin=dict.fromkeys(("focal_length_m", "f_number", "pixel_pitch_m"), "configuration of DEReD"),
)


@dataclass(frozen=True)
class FoD500DEReD(Dataset):
    """1000 scenes, five frames each, with an all-in-focus picture."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="DefocusNet scenes re-rendered by DEReD",
        address="https://github.com/Ehzoahis/DEReD",
        licence="terms of the data are not stated",
        citation=Citation(
            "si2023fully",
            "Si, Zhao, Wang, Gao, Chen, Wang, Li: Fully Self-Supervised Depth Estimation from Defocus Clue. CVPR 2023.",
        ),
        summary="1000 scenes rendered with Blender, 5 frames each, dense depth and all-in-focus pictures.",
        unit=Unit.METRE,
        focus="0.3 0.45 0.75 1.2 1.8 m, near to far, the same for every stack",
        frames="5",
        axis=_AXIS,
        splits=("train", "test"),
        split_rule="the first half of the numbers trains (500), the second tests (500)",
        protocols=("plain",),
        layout=(
            "000000_00All.png ... 000000_04All.png: frames, RGB, 8 bit",
            "000000Aif.png: all-in-focus",
            "000000Dpt.npy: (H, W, 1) 16-bit float, metres; 0 = unknown",
        ),
        notes=("Other focus distances and another lens than FoD500: numbers of the two do not compare.",),
    )

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the stacks by number; errors as for FoD500."""
        check_split(split, self.spec)
        scenes = _NAMING.scenes(Path(root))
        if not scenes:
            raise missing("files such as 000000_00All.png and 000000Dpt.npy", root, self.spec)
        parts = split_scenes(scenes, len(scenes) // 2)
        return [Item(s.name, partial(_open, s, part), part) for s, part in parts if split in ("", part)]

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write two stacks of 24 x 32 px with a hole in their depth."""
        from focaldepth.io.picture import write_picture

        rng = np.random.default_rng(seed)
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(2):
            names = [f"{number:06d}_{i:02d}All.png" for i in range(5)] + [f"{number:06d}Aif.png"]
            for name, frame in zip(names, rng.integers(0, 256, (6, 24, 32, 3), np.uint8), strict=True):
                write_picture(folder / name, frame)
            depth = rng.uniform(0.3, 1.8, (24, 32, 1)).astype(np.float16)
            depth[:3, :3] = 0
            np.save(folder / f"{number:06d}Dpt.npy", depth)


def _open(scene: Scene, split: str) -> Sample:
    stack = picture_stack(scene.frames, _AXIS, name=scene.name, origin=FoD500DEReD.spec.title, optics=_OPTICS)
    depth = load_plane(scene.depth)
    if scene.sharp is None:
        what = f"is missing: stack {scene.name} is not complete."
        raise ReadError(what, where=scene.depth.with_name(f"{scene.name}Aif.png"), hint="Unpack the archive again.")
    truth = DepthMap(depth, Unit.METRE, depth > 0)
    return Sample(stack, truth, read_picture(scene.sharp), name=scene.name, split=split)


DATASET = FoD500DEReD

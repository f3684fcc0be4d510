"""Own captures whose focus distance is the last number of each name, as HybridDepth takes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import check, setting
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, check_split, missing
from focaldepth.datasets._pictures import picture_stack

_NAME = re.compile(r".*_(\d+(?:\.\d+)?)\.jpe?g", re.I)


@dataclass(frozen=True)
class NamedDistances(Dataset):
    """A folder of pictures is a stack, a folder of such folders a set of them."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="Own captures with distances in their names",
        address="your own camera; names as for https://github.com/cake-lab/HybridDepth",
        licence="your own",
        citation=None,
        summary="JPEG pictures whose names end with the focus distance, such as image_2_0.50.jpg; no truth.",
        unit=None,
        focus="the number behind the last underscore",
        frames="2 or more",
        layout=("SCENE/image_0_0.10.jpg, SCENE/image_1_0.25.jpg, SCENE/image_2_0.50.jpg ...",),
        notes=("Frames are put in the order of their distances; they are not aligned.",),
    )

    focus_unit: str = setting("m", "unit of the numbers", choices=("m", "mm", "cm", "dioptre"))

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the folders that hold such pictures, by path.

        Raises:
            ReadError: none does.
        """
        check_split(split, self.spec)
        top = Path(root)
        scenes = sorted({p.parent for p in top.rglob("*_*.jp*g") if _NAME.fullmatch(p.name)})
        if not scenes:
            raise missing("pictures such as image_2_0.50.jpg", top, self.spec)
        names = {scene: scene.relative_to(top).as_posix() if scene != top else top.resolve().name for scene in scenes}
        return [Item(name, partial(self._open, scene, name)) for scene, name in names.items()]

    def _open(self, scene: Path, name: str) -> Sample:
        unit, factor = Unit.parse_scaled(self.focus_unit)
        pairs: list[tuple[float, Path]] = []
        for file in sorted(p for p in scene.iterdir() if p.suffix.lower() in (".jpg", ".jpeg")):
            match = _NAME.fullmatch(file.name)
            if match is None:
                hint = "Name it such as image_2_0.50.jpg, or move it away."
                raise ReadError("has no distance at the end of its name.", where=file, hint=hint)
            pairs.append((float(match[1]) * factor, file))
        axis = FocusAxis(np.array([distance for distance, _ in sorted(pairs)]), unit)
        stack = picture_stack([file for _, file in sorted(pairs)], axis, name=name, origin="file names")
        return Sample(stack, name=name)

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write two scenes of three pictures of 20 x 30 px."""
        from focaldepth.io.picture import write_picture

        rng = np.random.default_rng(seed)
        for scene in ("desk", "shelf"):
            folder = Path(out) / scene
            folder.mkdir(parents=True, exist_ok=True)
            for i, distance in enumerate(("0.10", "0.25", "1.50")):
                write_picture(folder / f"image_{i}_{distance}.jpg", rng.integers(0, 256, (20, 30, 3), np.uint8))


DATASET = NamedDistances

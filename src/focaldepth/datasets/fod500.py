"""FoD500, the rendered stacks of DefocusNet (``fs_6``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.method import Citation
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import check, setting
from focaldepth.datasets._blender import Naming, Scene, first_folder, split_scenes
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, check_split, missing
from focaldepth.datasets._pictures import picture_stack, read_picture
from focaldepth.io._exr import read_plane, write_plane

AXIS = FocusAxis(np.array([0.1, 0.15, 0.3, 0.7, 1.5]), Unit.METRE)
_NAMING = Naming(picture=".tif", depth=".exr")
_OPTICS = Optics(focal_length_m=2.9e-3, f_number=1.0, origin=dict.fromkeys(("focal_length_m", "f_number"), "FoD500"))


@dataclass(frozen=True)
class FoD500(Dataset):
    """fs_6: five frames of 256 x 256 px per scene, depth in metres."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="FoD500 (DefocusNet, fs_6)",
        address="https://github.com/dvl-tum/defocus-net (archive fs_6.zip)",
        licence="code MIT; terms of the data are not stated",
        citation=Citation(
            "maximov2020focus",
            "Maximov, Galim, Leal-Taixé: Focus on Defocus: Bridging the Synthetic to Real Domain Gap for Depth "
            "Estimation. CVPR 2020.",
        ),
        summary="500 scenes rendered with Blender, 5 frames each, dense depth; no all-in-focus picture was released.",
        unit=Unit.METRE,
        focus="0.1 0.15 0.3 0.7 1.5 m, near to far, the same for every stack",
        frames="5",
        axis=AXIS,
        splits=("train", "test"),
        split_rule="the first 80 % of the numbers train (400), the rest test (100); or folders train/ and test/",
        protocols=("fod-aif", "fod-cross-wild", "fod-defocusnet", "fod-dfv", "fod-wild"),
        layout=(
            "fs_6/000000_00All.tif ... 000000_04All.tif: 256 x 256 RGB, 8 bit",
            "fs_6/000000Dpt.exr: metres, channels R G B alike, 16-bit float (32-bit in copies); 0 = unknown",
            "or the same files in fs_6/train/ and fs_6/test/",
        ),
        notes=(
            "Depth reaches beyond the farthest focus (1.5 m) and beyond 3 m: protocols differ in what they leave out.",
            "Learning Depth from Focus in the Wild calls the focus distances random; in the release they are fixed.",
            "It feeds BGR; frames are RGB here.",
            "DFV stores truth as whole tenths of a millimetre in 16 bits: beyond 6.5535 m it wraps around (wrapped).",
        ),
    )

    wrapped: bool = setting(False, "truth as DFV's evaluation stores it: whole 0.1 mm in 16 bits, wrapping around")

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the stacks by number; every stack is checked to have five frames and its depth.

        Raises:
            ReadError: no stack, or one that is not complete (names the file).
            UnknownNameError: no split of that name.
        """
        check_split(split, self.spec)
        folder = first_folder(Path(root), ("fs_6",))
        scenes = [(s, part) for part in self.spec.splits for s in _NAMING.scenes(folder / part)]
        if not scenes:
            flat = _NAMING.scenes(folder)
            scenes = list(split_scenes(flat, len(flat) * 4 // 5))
        if not scenes:
            raise missing("files such as 000000_00All.tif and 000000Dpt.exr", folder, self.spec)
        return [Item(s.name, partial(self._open, s, part), part) for s, part in scenes if split in ("", part)]

    def _open(self, scene: Scene, split: str) -> Sample:
        stack = picture_stack(scene.frames, AXIS, name=scene.name, origin=self.spec.title, optics=_OPTICS)
        depth = read_plane(scene.depth).astype(np.float32)
        values = wrap(depth) if self.wrapped else depth
        sharp = None if scene.sharp is None else read_picture(scene.sharp)
        truth = DepthMap(values, Unit.METRE, np.isfinite(values) & (values > 0))
        return Sample(stack, truth, sharp, name=scene.name, split=split)

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write five stacks of 24 x 32 px: 16-bit float depth with a hole, a wall at 2.2 m and a pixel at 7 m."""
        from focaldepth.io.picture import write_picture

        rng = np.random.default_rng(seed)
        folder = Path(out) / "fs_6"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(5):
            for i, frame in enumerate(rng.integers(0, 256, (5, 24, 32, 3), np.uint8)):
                write_picture(folder / f"{number:06d}_{i:02d}All.tif", frame)
            write_plane(folder / f"{number:06d}Dpt.exr", _fake_depth(rng).astype(np.float16), "RGB")


def wrap(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return depth in metres as stored in 16 bits at 0.1 mm: rounded down, and beyond 6.5535 m modulo 6.5536 m.

    >>> wrap(np.array([1.23456, 7.0], np.float32)).round(4).tolist()
    [1.2345000505447388, 0.446399986743927]
    """
    counts = np.where(np.isfinite(depth), depth.astype(np.float64) * 1e4, 0).astype(np.int64) & 0xFFFF
    return (counts / 1e4).astype(np.float32)


def _fake_depth(rng: np.random.Generator) -> NDArray[np.float64]:
    depth = rng.uniform(0.1, 1.5, (24, 32))
    depth[:4, :4], depth[:, 28:], depth[10, 10] = 0, 2.2, 7
    return depth


DATASET = FoD500

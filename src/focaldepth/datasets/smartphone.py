"""Phone sweeps of Learning to Autofocus, with inverse depth and a confidence of it."""

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
from focaldepth.core.optics import Optics
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import check, setting
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Findings, Root, check_split, missing
from focaldepth.datasets._pictures import picture_stack, read_picture, windowed
from focaldepth.io._exr import read_plane, write_plane

_MILLIMETRES = (
    3910.92, 2289.27, 1508.71, 1185.83, 935.91, 801.09, 700.37, 605.39, 546.23, 486.87, 447.99, 407.40, 379.91, 350.41,
    329.95, 307.54, 291.72, 274.13, 261.53, 247.35, 237.08, 225.41, 216.88, 207.10, 198.18, 191.60, 183.96, 178.29,
    171.69, 165.57, 160.99, 155.61, 150.59, 146.81, 142.35, 138.98, 134.99, 131.23, 127.69, 124.99, 121.77, 118.73,
    116.40, 113.63, 110.99, 108.47, 106.54, 104.23, 102.01,
)  # fmt: skip
AXIS = FocusAxis(np.array(_MILLIMETRES) / 1000, Unit.METRE)
_FOLDERS = {"train": tuple(f"train{i}" for i in range(1, 8)), "test": ("test",)}
_MARGIN = (84, 63)
_OPTICS = Optics(focal_length_m=4.44e-3, origin={"focal_length_m": "Learning to Autofocus"})


@dataclass(frozen=True)
class Smartphone(Dataset):
    """Pixel 3 sweeps of 49 frames; any part of the 770 GB will do."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="Smartphone (Learning to Autofocus)",
        address="https://learntoautofocus-google.github.io (storage.googleapis.com/cvpr2020-af-data/test.tar.gz, "
        "train1.tar.gz ... train7.tar.gz)",
        licence="not stated on the page",
        citation=Citation(
            "herrmann2020learning",
            "Herrmann, Bowen, Wadhwa, Garg, He, Barron, Zabih: Learning to Autofocus. CVPR 2020.",
            "https://arxiv.org/abs/2004.12260",
        ),
        summary="510 sweeps of a phone, 49 frames from 3.9 to 0.1 m; inverse depth in 8 bits with a confidence.",
        unit=Unit.DIOPTRE,
        focus="3910.92 ... 102.01 mm in 49 steps, far to near, the same for every stack",
        frames="49; by default the 10 that Learning Depth from Focus in the Wild takes",
        axis=AXIS,
        splits=("train", "test"),
        split_rule="by archive: train1 ... train7, test (355 and 47 stacks in Learning Depth from Focus in the Wild)",
        protocols=("smart-wild",),
        layout=(
            "{test,train1..train7}/scaled_images/SCENE/{0..48}/result_scaled_image_center.jpg: 504 x 378, portrait",
            "{test,train1..train7}/merged_depth/SCENE/result_merged_depth_center.png: 8 bit, 1/depth = 5 - 4.99 g/255",
            "{test,train1..train7}/merged_conf/SCENE/result_merged_conf_center.exr: confidence, channel R, cut at 1",
        ),
        notes=(
            "The archives hold 770 GB: unpack what is needed, other folders may be missing.",
            "Truth is counted in steps of 0.02 1/m and ends at 5 1/m (0.2 m), nearer than which frames are focused.",
            "The metre of the table in Learning Depth from Focus in the Wild is 1/m in its program.",
        ),
    )

    frames: int = setting(10, "number of frames, spread evenly over the 49", unit="frames", low=2, high=49)
    cropped: bool = setting(True, "the central 336 x 252 px, as Learning Depth from Focus in the Wild takes them")
    view: str = setting("center", "camera of the rig", choices=("bottom", "center", "left", "right", "top"))

    def __post_init__(self) -> None:
        check(self)

    @property
    def chosen(self) -> list[int]:
        """Numbers of the frames that are read.

        >>> Smartphone().chosen
        [0, 5, 11, 16, 21, 27, 32, 37, 43, 48]
        """
        return [int(i) for i in np.rint(np.linspace(0, 48, self.frames))]

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the scenes that have pictures and a depth, by archive and name.

        Raises:
            ReadError: no scene.
            UnknownNameError: no split of that name.
        """
        check_split(split, self.spec)
        found = [(part, scene) for part, scene in self._scenes(Path(root)) if self._depth(scene).is_file()]
        if not found:
            what = f"train1/merged_depth/SCENE/result_merged_depth_{self.view}.png and the like"
            raise missing(what, root, self.spec)
        return [
            Item(f"{scene.parent.parent.name}/{scene.name}", partial(self._open, scene, part), part)
            for part, scene in found
            if split in ("", part)
        ]

    def check(self, root: Root, run: Run = Run()) -> Findings:
        """Check all items, and tell how many scenes have no depth."""
        found = super().check(root, run)
        bare = [depth for _, scene in self._scenes(Path(root)) if not (depth := self._depth(scene)).is_file()]
        note = (f"{len(bare)} scenes without depth are left out, the first for want of {bare[0]}.",) if bare else ()
        return replace(found, notes=(*found.notes, *note))

    def _scenes(self, root: Path) -> Iterator[tuple[str, Path]]:
        """Split and folder of every scene with pictures."""
        for part, folders in _FOLDERS.items():
            for folder in folders:
                pictures = root / folder / "scaled_images"
                scenes = sorted(p for p in pictures.iterdir() if p.is_dir()) if pictures.is_dir() else []
                yield from ((part, scene) for scene in scenes)

    def _depth(self, scene: Path) -> Path:
        return scene.parent.parent / "merged_depth" / scene.name / f"result_merged_depth_{self.view}.png"

    def _open(self, scene: Path, split: str) -> Sample:
        name = f"{scene.parent.parent.name}/{scene.name}"
        files = [scene / str(i) / f"result_scaled_image_{self.view}.jpg" for i in self.chosen]
        stack = picture_stack(files, AXIS.take(self.chosen), name=name, origin=self.spec.title, optics=_OPTICS)
        depth_file = self._depth(scene)
        code = read_picture(depth_file)
        if code.dtype != np.uint8:
            raise ReadError(f"holds {code.dtype}, expected 8 bits.", where=depth_file, hint="Unpack the archive again.")
        inverse = inverse_depth(code[..., 0])
        folder = scene.parent.parent / "merged_conf" / scene.name
        confidence = np.clip(read_plane(folder / f"result_merged_conf_{self.view}.exr").astype(np.float32), 0, 1)
        if self.cropped:
            stack = windowed(stack, *_MARGIN)
            inner = tuple(slice(margin, size - margin) for margin, size in zip(_MARGIN, inverse.shape, strict=True))
            inverse, confidence = inverse[inner], confidence[inner]
        limits = 1 / AXIS.values[0], 1 / AXIS.values[-1]
        truth = DepthMap(inverse, Unit.DIOPTRE, (inverse >= limits[0]) & (inverse <= limits[1]))
        return Sample(stack, truth, name=name, split=split, confidence=np.ascontiguousarray(confidence))

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write a scene of each split, 49 pictures of 176 x 134 px, and one without depth."""
        from focaldepth.io.picture import write_picture

        rng = np.random.default_rng(seed)
        for archive, scene in (("test", "scene_b"), ("train1", "scene_a"), ("train7", "bare")):
            folder = Path(out) / archive
            for i in range(49):
                place = folder / "scaled_images" / scene / str(i)
                place.mkdir(parents=True, exist_ok=True)
                picture = rng.integers(0, 256, (22, 17, 3), np.uint8).repeat(8, 0).repeat(8, 1)[:, :134]
                write_picture(place / f"result_scaled_image_{self.view}.jpg", picture)
            if scene == "bare":
                continue
            code = rng.integers(0, 240, (176, 134, 1), np.uint8)
            code[80:90, 60:70] = 255
            for kind in ("merged_depth", "merged_conf"):
                (folder / kind / scene).mkdir(parents=True, exist_ok=True)
            write_picture(self._depth(folder / "scaled_images" / scene), code)
            weight = rng.uniform(0, 1.4, (176, 134)).astype(np.float32)
            write_plane(folder / "merged_conf" / scene / f"result_merged_conf_{self.view}.exr", weight, "RGB")


def inverse_depth(code: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return 1/depth in 1/m of the 8-bit code g: (100 - 99.8 g / 255) / 20.

    >>> inverse_depth(np.array([0, 255], np.uint8)).round(4).tolist()
    [5.0, 0.009999999776482582]
    """
    return ((100 - 99.8 * (code.astype(np.float64) / 255)) / 20).astype(np.float32)


DATASET = Smartphone

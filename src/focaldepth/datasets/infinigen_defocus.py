"""Infinigen Defocus, rendered indoor scenes at nine focus distances and several apertures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError, StackError
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import check, setting
from focaldepth.datasets._arrays import load_camera_matrix, load_plane
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, check_split, missing
from focaldepth.datasets._pictures import picture_stack, read_picture, with_camera
from focaldepth.datasets.zedd import Zedd

_FRAME = re.compile(r"image_ap_(\d+(?:\.\d+)?)_fd_(\d+(?:\.\d+)?)\.png")
_SHARP = "image_all_in_focus.png"
_LIST = Path("splits") / "infinigen_defocus" / "val.json"


@dataclass(frozen=True)
class InfinigenDefocus(Dataset):
    """480 x 640 px with dense depth; validation scenes only."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="Infinigen Defocus (Zero-Shot Depth from Defocus)",
        address="https://huggingface.co/datasets/venkatsubra/InfinigenDefocus",
        licence="not stated; code BSD-3-Clause",
        citation=Zedd.spec.citation,
        summary="200 rendered indoor scenes, nine focus distances x several apertures, dense depth, all-in-focus.",
        unit=Unit.METRE,
        focus="metres, near to far, as the names of the pictures say",
        frames="9",
        splits=("val",),
        split_rule="all scenes, or those that splits/infinigen_defocus/val.json lists where it is there",
        protocols=("plain",),
        layout=(
            "ID/image_ap_1.40_fd_0.80.png: f-number and focus distance in metres; 480 x 640 RGB",
            "ID/image_all_in_focus.png, ID/depth.npy (metres), ID/cam_all_in_focus.npz (K, 3 x 3)",
            "splits/infinigen_defocus/val.json (optional): names of the files that are used",
        ),
        notes=("Numbers in names are compared as numbers: ap_1.4 of the list is ap_1.40 of the file.",),
    )

    aperture: float = setting(1.4, "f-number of the frames", low=0.5, high=64)

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the scenes by name.

        Raises:
            ReadError: no scene, or a list that is no JSON.
            UnknownNameError: no split of that name.
        """
        check_split(split, self.spec)
        top = Path(root)
        scenes = {p.name: p for p in sorted({file.parent for file in top.glob("*/image_*.png")})}
        if not scenes:
            raise missing(f"ID/{_SHARP}", top, self.spec)
        listed = _listed(top / _LIST, set(scenes))
        return [Item(n, partial(self._open, p), "val") for n, p in scenes.items() if listed is None or n in listed]

    def _open(self, scene: Path) -> Sample:
        frames = self._frames(scene)
        axis = FocusAxis(np.array(list(frames)), Unit.METRE)
        optics = Optics(f_number=self.aperture, origin={"f_number": "file name"})
        stack = picture_stack(list(frames.values()), axis, name=scene.name, origin="file names", optics=optics)
        stack = with_camera(stack, load_camera_matrix(scene / "cam_all_in_focus.npz"))
        depth = load_plane(scene / "depth.npy")
        truth = DepthMap(depth, Unit.METRE, (depth >= 0.01) & (depth <= 1000))
        return Sample(stack, truth, read_picture(scene / _SHARP), name=scene.name, split="val")

    def _frames(self, scene: Path) -> dict[float, Path]:
        """Focus distance -> file of the chosen aperture, by distance; every distance of the scene must be there."""
        found = [(float(m[1]), float(m[2]), p) for p in scene.iterdir() if (m := _FRAME.fullmatch(p.name))]
        chosen = sorted((distance, p) for aperture, distance, p in found if aperture == self.aperture)
        if len(chosen) < 2:
            known = ", ".join(f"{a:g}" for a in sorted({a for a, _, _ in found})) or "none"
            raise StackError(
                f"has {len(chosen)} frames at F{self.aperture:g}.", where=scene, hint=f"Apertures there: {known}."
            )
        for gap in sorted({distance for _, distance, _ in found} - {distance for distance, _ in chosen}):
            name = f"image_ap_{self.aperture:.2f}_fd_{gap:.2f}.png"
            raise ReadError("is missing.", where=scene / name, hint="Copy the scene again.")
        return dict(chosen)

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write two scenes of 12 x 16 px, nine distances at two apertures, and a list that names the first of them."""
        from focaldepth.io.picture import write_picture

        rng = np.random.default_rng(seed)
        top = Path(out)
        distances = (0.8, 1.0, 1.25, 1.7, 2.4, 3.1, 4.0, 5.5, 8.0)
        for name in ("0a1", "1b2"):
            scene = top / name
            scene.mkdir(parents=True, exist_ok=True)
            names = [f"image_ap_{a:.2f}_fd_{d:.2f}.png" for a in (self.aperture, 16.0) for d in distances]
            for file in [*names, _SHARP]:
                write_picture(scene / file, rng.integers(0, 256, (12, 16, 3), np.uint8))
            np.save(scene / "depth.npy", rng.uniform(0.5, 9, (12, 16)).astype(np.float32))
            np.savez(scene / "cam_all_in_focus.npz", K=np.array([[16.0, 0, 7.5], [0, 16, 5.5], [0, 0, 1]]))
        entry = {"image": f"/0a1/{_SHARP}", "depth": "/0a1/depth.npy", "camera": "/0a1/cam_all_in_focus.npz"}
        for d in distances:
            name = f"image_ap_{self.aperture:.1f}_fd_{d:.1f}"
            entry[name] = f"/0a1/image_ap_{self.aperture:.2f}_fd_{d:.2f}.png"
        (top / _LIST).parent.mkdir(parents=True)
        (top / _LIST).write_text(json.dumps({"files": [entry]}, indent=1), encoding="utf-8")


def _listed(path: Path, scenes: set[str]) -> set[str] | None:
    """Names of scenes that occur in the paths of a list; None where there is no list."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ReadError(f"is no JSON ({error}).", where=path, hint="Copy it again, or remove it.") from error
    found = {part for text in _texts(content) for part in Path(text).parts} & scenes
    if not found:
        raise ReadError("names none of the scenes that are there.", where=path, hint="Copy the scenes, or remove it.")
    return found


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        yield from (t for pair in content.items() for value in pair for t in _texts(value))
    elif isinstance(content, list):
        yield from (t for value in content for t in _texts(value))


DATASET = InfinigenDefocus

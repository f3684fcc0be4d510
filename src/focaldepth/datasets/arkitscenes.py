"""ARKitScenes with rendered focal stacks, as HybridDepth makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError, StackError
from focaldepth.core.method import Citation
from focaldepth.core.optics import Optics
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import check, setting
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Findings, Root, check_split, missing
from focaldepth.datasets._pictures import picture_stack, read_picture
from focaldepth.datasets._prepared import prepared_items, write_items
from focaldepth.datasets._rendered import Scene, rendered, sample_of, smaller, span_of
from focaldepth.optics.render.gaussian import GaussianSpread

_OPTICS = Optics(focal_length_m=2.9e-3, f_number=0.5, pixel_pitch_m=3.1e-3 / 560)
_FOLDERS = {"train": "Training", "val": "Validation"}
_SIZES = {"192x256": (192, 256), "480x640": (480, 640), "full": None}
_STORED = 10


@dataclass(frozen=True)
class ArkitScenes(Dataset):
    """Pictures of a tablet with laser depth; a stack is rendered when it is opened, or read where it is stored."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="ARKitScenes (upsampling) with rendered focal stacks",
        address="https://github.com/apple/ARKitScenes (subset upsampling); recipe https://github.com/cake-lab/HybridDepth",
        licence="see the page of ARKitScenes",
        citation=Citation(
            "ganj2025hybriddepth",
            "Ganj, Su, Guo: HybridDepth: Robust Metric Depth Fusion by Leveraging Depth from Focus and Single-Image "
            "Priors. WACV 2025, pp. 973-982. Data: Baruch et al., ARKitScenes, NeurIPS 2021.",
            "https://arxiv.org/abs/2407.18443",
        ),
        summary="Indoor pictures with laser depth; blur is rendered as HybridDepth does.",
        unit=Unit.METRE,
        focus="evenly spaced metres from the smallest to the largest truth of each picture",
        frames="5, or 10 as the stored stacks have them",
        splits=("train", "val"),
        split_rule="folders Training and Validation, or the pictures that Training.txt and Validation.txt name",
        protocols=("arkit-hybrid",),
        layout=(
            "{Training,Validation}/VIDEO/wide/VIDEO_TIME.png: picture",
            "{Training,Validation}/VIDEO/highres_depth/VIDEO_TIME.png: 16 bit, millimetres, 0 = unknown",
            "{Training,Validation}/VIDEO/focal_stack/VIDEO_TIME/{0..9}.png: stored stacks (optional)",
            "Validation.txt (optional): lines lowres_wide/VIDEO_TIME.png downsampled_gt/VIDEO_TIME.png",
        ),
        notes=(
            "Focus distances come from the truth: they tell a method the range of depths.",
            "The generator of stored stacks takes 0 (unknown) for a depth: where one is unknown, frame 0 is focused at "
            "0 m and left out here.",
            "The blur is that of 560 px over the sensor, whatever the size of the pictures.",
        ),
    )

    frames: int = setting(5, "number of frames that are rendered", unit="frames", low=2, high=100)
    window: int = setting(7, "side of the Gaussian window; 9 for stored stacks", unit="px", low=3, high=63)
    size: str = setting("480x640", "rows x columns that larger pictures are scaled to", choices=tuple(_SIZES))
    stored: bool = setting(False, "read the ten frames of focal_stack/ instead of rendering")

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the pictures that have a depth, by split, video and time.

        Raises:
            ReadError: no picture.
            SettingError: prepared stacks of other settings.
            UnknownNameError: no split of that name.
        """
        check_split(split, self.spec)
        prepared = prepared_items(Path(root), self._made)
        found = self._raw_items(Path(root)) if prepared is None else prepared
        return [item for item in found if split in ("", item.split)]

    def check(self, root: Root, run: Run = Run()) -> Findings:
        """Check all items, and tell which pictures have no depth, and which of the lists are not there."""
        found, notes = super().check(root, run), []
        pictures = [p for _, p in self._pictures(Path(root))]
        bare = [p.name for p in pictures if not _depth_of(p).is_file()]
        if bare:
            notes.append(f"{len(bare)} pictures have no depth and are left out, the first is {bare[0]}.")
        for folder in _FOLDERS.values():
            absent = sorted((_listed(Path(root) / f"{folder}.txt") or set()) - {p.name for p in pictures})
            if absent:
                notes.append(f"{len(absent)} pictures of {folder}.txt are not there, the first is {absent[0]}.")
        return replace(found, notes=(*found.notes, *notes))

    def prepare(self, root: Root, out: Root, run: Run = Run()) -> None:
        """Render all stacks and write them as folders of pictures."""
        write_items(self._raw_items(Path(root)), Path(out), self._made, run)

    @property
    def _made(self) -> dict[str, Any]:
        return {"dataset": "arkitscenes", "frames": self.frames, "window": self.window, "size": self.size}

    def _raw_items(self, root: Path) -> list[Item]:
        found = [(part, p) for part, p in self._pictures(root) if _depth_of(p).is_file()]
        if not found:
            raise missing("Validation/VIDEO/wide/VIDEO_TIME.png with highres_depth/ beside it", root, self.spec)
        return [Item(p.stem, partial(self._open, p, part), part) for part, p in found]

    def _pictures(self, root: Path) -> Iterator[tuple[str, Path]]:
        for part, folder in _FOLDERS.items():
            listed = _listed(root / f"{folder}.txt")
            for path in sorted((root / folder).glob("*/wide/*.png")):
                if listed is None or path.name in listed:
                    yield part, path

    def _open(self, path: Path, split: str) -> Sample:
        depth = read_picture(_depth_of(path))[..., 0]
        if depth.dtype != np.uint16:
            raise ReadError(f"holds {depth.dtype}, expected 16 bits.", where=_depth_of(path), hint="Copy it again.")
        metres = np.where(depth > 0, depth.astype(np.float32) / np.float32(1000), np.float32(np.nan))
        if self.stored:
            return self._open_stored(path, metres, split)
        picture = read_picture(path).astype(np.float32) / np.float32(255)
        size = _SIZES[self.size]
        if size is not None and picture.shape[0] > size[0]:
            picture, metres = smaller(picture, size), smaller(metres, size, nearest=True)
        scene = Scene(path.stem, picture, metres)
        focus = span_of(metres, self.frames, path.stem)
        frames = rendered(scene, focus, _OPTICS, GaussianSpread(window=self.window))
        truth = DepthMap(metres, Unit.METRE, np.isfinite(metres))
        return replace(sample_of(scene, frames, FocusAxis(focus, Unit.METRE), truth, _OPTICS), split=split)

    def _open_stored(self, path: Path, metres: np.ndarray, split: str) -> Sample:
        """The frames of the offline generator, which counts unknown depth as 0 m."""
        near = np.nan_to_num(metres).min()
        focus = np.linspace(float(near), float(np.nanmax(metres, initial=0)), _STORED)
        if focus[-1] <= focus[0]:
            raise StackError("has no range of depths to focus in.", where=path, hint="Leave this picture out.")
        first = int(near == 0)
        files = [path.parent.parent / "focal_stack" / path.stem / f"{i}.png" for i in range(first, _STORED)]
        warnings = (f"{path.stem}: frame 0 was focused at 0 m, where depth is unknown; left out.",) if first else ()
        axis = FocusAxis(focus[first:], Unit.METRE)
        stack = picture_stack(
            files, axis, name=path.stem, origin="depth of the picture", optics=_OPTICS, warnings=warnings
        )
        truth = DepthMap(metres, Unit.METRE, np.isfinite(metres))
        return Sample(stack, truth, read_picture(path), name=path.stem, split=split)

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write a video of two pictures of 24 x 32 px for val, one of which has a hole, with stored stacks."""
        from focaldepth.io.picture import write_picture

        rng = np.random.default_rng(seed)
        top = Path(out)
        video = top / "Validation" / "41069021"
        lines = []
        for i, time in enumerate(("300.111", "301.222")):
            name = f"41069021_{time}.png"
            for folder in ("wide", "highres_depth", f"focal_stack/41069021_{time}"):
                (video / folder).mkdir(parents=True, exist_ok=True)
            depth = rng.integers(500, 4000, (24, 32, 1), np.uint16)
            depth[:4, :4] = 0 if i else depth[:4, :4]
            write_picture(video / "highres_depth" / name, depth)
            write_picture(video / "wide" / name, rng.integers(0, 256, (24, 32, 3), np.uint8))
            for k, frame in enumerate(rng.integers(0, 256, (_STORED, 24, 32, 3), np.uint8)):
                write_picture(video / "focal_stack" / f"41069021_{time}" / f"{k}.png", frame)
            lines.append(f"lowres_wide/{name} downsampled_gt/{name}")
        (top / "Validation.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _depth_of(picture: Path) -> Path:
    return picture.parent.parent / "highres_depth" / picture.name


def _listed(path: Path) -> set[str] | None:
    """File names of a list with two columns; None where there is no list."""
    if not path.is_file():
        return None
    return {Path(line.split()[0]).name for line in path.read_text("utf-8", "replace").splitlines() if line.split()}


DATASET = ArkitScenes

"""Middlebury focal stacks of AiFDepthNet: photographs blurred in disparity space, 15 frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.method import Citation
from focaldepth.core.progress import Run
from focaldepth.core.sample import Item
from focaldepth.core.settings import check, setting
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, check_split, missing
from focaldepth.datasets._disparity_stacks import (
    BLUR_HELP,
    as_colour,
    blur_stack,
    fake_stack,
    read_stack,
    write_pfm,
)
from focaldepth.datasets._pictures import read_picture
from focaldepth.io.picture import write_picture
from focaldepth.io.writers.pfm import read_plane

FOLDER = "Middlebury_FS"
SCENES = (
    "Adirondack", "ArtL", "Jadeplant", "Motorcycle", "MotorcycleE", "Piano", "PianoL", "Pipes", "Playroom", "Playtable",
    "PlaytableP", "Recycle", "Teddy", "Vintage", "Shelves",
)  # fmt: skip
"""In the order of the authors' list."""
_AXIS = FocusAxis(np.linspace(10, 60, 15), Unit.DISPARITY_PX)
_RAW = ("trainingQ", "trainingH", "trainingF", "")
_TRUTHS = ("disp0GT.pfm", "disp0.pfm")


@dataclass(frozen=True)
class Middlebury(Dataset):
    """Stacks of the fifteen training scenes of the stereo benchmark."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="Middlebury focal stacks (AiFDepthNet)",
        address="https://github.com/albert100121/AiFDepthNet (stacks), https://vision.middlebury.edu/stereo (raw)",
        licence="not stated",
        citation=Citation(
            "scharstein2014high",
            "D. Scharstein, H. Hirschmüller, Y. Kitajima, G. Krathwohl, N. Nešić, X. Wang, P. Westling. "
            "High-resolution stereo datasets with subpixel-accurate ground truth. GCPR 2014.",
            "https://doi.org/10.1007/978-3-319-11752-2_3",
        ),
        summary="Fifteen photographed scenes blurred at 15 disparities, with the disparity they were blurred by.",
        unit=Unit.DISPARITY_PX,
        focus="10 ... 60 px, far to near",
        frames="15",
        axis=_AXIS,
        splits=("test",),
        split_rule="all scenes are for the test",
        protocols=("mid-aif", "mid-wild"),
        layout=(
            f"{FOLDER}/focal_stack/SCENE/: 10.0.png, 13.571428571428571.png ... 60.0.png, AiF.png, disp.exr",
            "raw: SCENE/ or trainingQ/SCENE/: im0.png, disp0GT.pfm or disp0.pfm",
        ),
        notes=(
            "Sizes differ from scene to scene and are no multiples of 32.",
            "Disparity 0 or infinite is unknown; some lies beyond 10 ... 60 px.",
            "Resolution and blur of the published stacks are not stated: prepared ones are similar, not the same.",
        ),
    )

    blur: float = setting(0.2, BLUR_HELP, low=0.001, high=10)

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List scenes in the order of the authors' list, Shelves last; others follow by name."""
        check_split(split, self.spec)
        base = Path(root) / FOLDER if (Path(root) / FOLDER).is_dir() else Path(root)
        stacks = base / "focal_stack"
        names = {p.name for p in stacks.iterdir() if p.is_dir()} if stacks.is_dir() else set()
        if not names:
            raise missing(f"{FOLDER}/focal_stack/SCENE/", root, self.spec)
        ordered = [*(s for s in SCENES if s in names), *sorted(names - set(SCENES))]
        return [Item(n, partial(read_stack, stacks / n, _AXIS, n, "test"), "test") for n in ordered]

    def prepare(self, root: Root, out: Root, run: Run = Run()) -> None:
        """Blur the left pictures of those of the fifteen scenes that are there by their disparity.

        Quarter resolution (trainingQ) goes before half and full: its disparities are those of the published stacks.

        Raises:
            ReadError: no scene, or one without its disparity.
        """
        places = {scene: place for scene in SCENES if (place := _place(Path(root), scene)) is not None}
        if not places:
            raise missing("trainingQ/Adirondack/im0.png", root, self.spec)
        run.stage("blur", len(places))
        for scene, place in places.items():
            truth = next((place / t for t in _TRUTHS if (place / t).is_file()), None)
            if truth is None:
                raise ReadError("not found.", where=place / _TRUTHS[0], hint="Unpack the ground truth beside im0.png.")
            picture = as_colour(read_picture(place / "im0.png"), place / "im0.png")
            blur_stack(Path(out) / FOLDER / "focal_stack" / scene, picture, read_plane(truth), _AXIS, self.blur, run)
            run.advance()

    def fake(self, out: Root, seed: int = 0) -> None:
        """Two stacks of different sizes, and one raw scene."""
        root, rng = Path(out), np.random.default_rng(seed)
        for scene, shape in (("Shelves", (23, 31)), ("Adirondack", (21, 30))):
            fake_stack(root / FOLDER / "focal_stack" / scene, _AXIS, shape, rng)
        raw = root / "trainingQ" / "Piano"
        raw.mkdir(parents=True)
        write_picture(raw / "im0.png", rng.integers(0, 256, (24, 40, 3), np.uint8))
        truth = np.full((24, 40), 17, np.float32)
        truth[:, 20:] = 53
        truth[:2, :2] = np.inf
        write_pfm(raw / "disp0GT.pfm", truth)


def _place(root: Path, scene: str) -> Path | None:
    names = (root / level / name for level in _RAW for name in (scene, f"{scene}-perfect"))
    return next((p for p in names if (p / "im0.png").is_file()), None)


DATASET = Middlebury

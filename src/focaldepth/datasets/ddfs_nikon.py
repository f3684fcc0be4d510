"""Stacks of a Nikon D5300 by the authors of DDFS; no truth."""

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
from focaldepth.core.sample import Item, Sample
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, check_split, missing
from focaldepth.datasets._pictures import picture_stack

_OPTICS = Optics(
    focal_length_m=0.03,
    f_number=1.8,
    pixel_pitch_m=3.9e-6,
    origin=dict.fromkeys(("focal_length_m", "f_number", "pixel_pitch_m"), "DDFS"),
)
_WORDS = "Focus Distance"
_TEXT = "Expected a line such as Focus Distance : 0.63 m."


@dataclass(frozen=True)
class DdfsNikon(Dataset):
    """Six scenes of 6000 x 4000 px; distances stand in a text beside each picture."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="Nikon stacks of DDFS (Fujimura et al.)",
        address="https://github.com/yfujimura/DDFS",
        licence="not stated",
        citation=Citation(
            "fujimura2024deep",
            "Fujimura, Iiyama, Funatomi, Mukaigawa: Deep Depth from Focal Stack with Defocus Model for Camera-Setting "
            "Invariance. IJCV 2024.",
            "https://arxiv.org/abs/2202.13055",
        ),
        summary="Six scenes taken with a Nikon D5300, 30 mm F1.8, pixel pitch 3.9 um; no truth.",
        unit=None,
        focus="metres, as exiftool tells them in the text beside each picture",
        frames="3 and more",
        layout=(
            "nikon_focal_stack/{desk,trashcan,sofa,fridge,printer,display}/DSC_0001.jpg ...",
            "nikon_focal_stack/desk/DSC_0001.jpg.txt: a line Focus Distance : 0.63 m",
        ),
        notes=(
            "DDFS takes the first three pictures by name and scales them to 600 x 400; all are read here at full size.",
            "Frames are put in the order of their distances; they are not aligned.",
        ),
    )

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the scenes by name.

        Raises:
            ReadError: no scene.
        """
        check_split(split, self.spec)
        top = Path(root)
        top = top / "nikon_focal_stack" if (top / "nikon_focal_stack").is_dir() else top
        scenes = sorted({p.parent for p in top.glob("*/DSC_*.jpg")})
        if not scenes:
            raise missing("nikon_focal_stack/desk/DSC_0001.jpg and the like", root, self.spec)
        return [Item(scene.name, partial(_open, scene)) for scene in scenes]

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write one scene of three pictures of 20 x 30 px whose names are not in the order of their distances."""
        from focaldepth.io.picture import write_picture

        rng = np.random.default_rng(seed)
        folder = Path(out) / "nikon_focal_stack" / "desk"
        folder.mkdir(parents=True, exist_ok=True)
        for i, distance in enumerate((1.0, 0.5, 2.0), 1):
            file = folder / f"DSC_{i:04d}.jpg"
            write_picture(file, rng.integers(0, 256, (20, 30, 3), np.uint8))
            text = f"Focal Length                    : 30.0 mm\n{_WORDS}                  : {distance:.2f} m\n"
            file.with_name(f"{file.name}.txt").write_text(text, encoding="utf-8")


def _open(scene: Path) -> Sample:
    for text in sorted(scene.glob("DSC_*.jpg.txt")):
        if not text.with_suffix("").is_file():
            raise ReadError("is missing.", where=text.with_suffix(""), hint="Unpack the archive again.")
    pairs = sorted((distance_of(file), file) for file in scene.glob("DSC_*.jpg"))
    axis = FocusAxis(np.array([distance for distance, _ in pairs]), Unit.METRE)
    files = [file for _, file in pairs]
    stack = picture_stack(files, axis, name=scene.name, origin=f"{_WORDS} of DSC_*.jpg.txt", optics=_OPTICS)
    return Sample(stack, name=scene.name)


def distance_of(file: Path) -> float:
    """Return the focus distance in metres that the text beside a picture tells.

    Raises:
        ReadError: no text, or none that tells it in metres.
    """
    beside = file.with_name(f"{file.name}.txt")
    if not beside.is_file():
        raise ReadError("is missing: it tells the focus distance.", where=beside, hint="Unpack the archive again.")
    lines = [line for line in beside.read_text("utf-8", "replace").splitlines() if _WORDS in line]
    words = lines[-1].split() if lines else []
    try:
        if words[-1] != "m":
            raise ValueError(words[-1])
        return float(words[-2])
    except (ValueError, IndexError) as error:
        raise ReadError(f"tells no {_WORDS} in metres.", where=beside, hint=_TEXT) from error


DATASET = DdfsNikon

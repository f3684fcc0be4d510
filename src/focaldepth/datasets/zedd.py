"""ZEDD, real scenes at nine focus distances and six apertures, with depth of a laser scanner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
from focaldepth.core.settings import check, setting
from focaldepth.datasets._arrays import load_camera_matrix, load_plane
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Handed, Root, Submission, check_split, missing
from focaldepth.datasets._pictures import picture_stack, read_picture, with_camera
from focaldepth.datasets._resized import ResizedSource, Resizing

APERTURES = ("1.4", "2.0", "2.8", "4.0", "5.6", "16.0")
SIZE = (1216, 1824)
_MOTORS = ("6D3E", "4EA8", "3B39", "2D09", "2371", "1DB4", "183F", "1657", "1113")
_FAKE_METRES = (0.82, 1.2, 1.72, 2.4, 3.11, 4.0, 4.92, 6.3, 8.1)
_SHARP_RUN = 5


@dataclass(frozen=True)
class Zedd(Dataset):
    """Nine frames of 1216 x 1824 px per scene and aperture; only the scenes of val come with depth."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="ZEDD (Zero-Shot Depth from Defocus)",
        address="https://huggingface.co/datasets/venkatsubra/ZEDD (8.5 GB), https://zedd.cs.princeton.edu",
        licence="CC BY 4.0",
        citation=Citation(
            "zuo2026zero",
            "Zuo, Wen, Subramanian, Chen, Kayan, Bijelic, Heide, Deng: Zero-Shot Depth from Defocus. 2026.",
            "https://arxiv.org/abs/2603.26658",
        ),
        summary="100 real scenes, Sony a1 II with 50 mm F1.4, nine focus distances x six apertures, laser depth.",
        unit=Unit.METRE,
        focus="0.82 ... 8.10 m, near to far, as metadata.txt says",
        frames="9",
        splits=("val", "test"),
        split_rule="by folder: 50 scenes each; the depth of test is not published",
        protocols=("zedd",),
        layout=(
            "metadata.txt: run_I <tab> motor code <tab> metres; # begins a comment",
            "{val,test}/{val,test}_0001/focus_stack/img_run_1_motor_6D3E_aperture_F2.8.jpg: 9 runs x 6 apertures",
            "{val,test}/.../gt/K.txt: 3 x 3; val only: gt/depth.npy (1216, 1824) metres",
        ),
        notes=(
            "Truth that is not finite, below 0.01 m or beyond 1000 m is unknown.",
            "The picture of run 5 at F16.0 is taken for all-in-focus.",
            "The camera matrix is camera_matrix among the extra facts of a stack.",
            "The official loader scales val to 480 rows and cuts 640 columns out of the middle (official=true).",
            "Results for test are handed in as a zip of 50 maps (`focaldepth data submit`).",
        ),
    )

    aperture: str = setting("2.8", "f-number of the frames", choices=APERTURES)
    official: bool = setting(False, "val at 480 x 640 px, as the official loader has it")

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the scenes by number.

        Raises:
            ReadError: no metadata.txt, or no scene.
            UnknownNameError: no split of that name.
        """
        check_split(split, self.spec)
        top = Path(root)
        scenes = [(s, part) for part in self.spec.splits for s in sorted((top / part).glob(f"{part}_*")) if s.is_dir()]
        if not scenes:
            raise missing("val/val_0001 and the like", top, self.spec)
        runs = read_metadata(top / "metadata.txt")
        return [Item(s.name, partial(self._open, s, part, runs), part) for s, part in scenes if split in ("", part)]

    def _open(self, scene: Path, split: str, runs: dict[int, tuple[str, float]]) -> Sample:
        files = [_picture(scene, run, motor, self.aperture) for run, (motor, _) in runs.items()]
        axis = FocusAxis(np.array([metres for _, metres in runs.values()]), Unit.METRE)
        optics = Optics(
            focal_length_m=0.05,
            f_number=float(self.aperture),
            origin={"focal_length_m": "ZEDD", "f_number": "file name"},
        )
        sharp_file = _picture(scene, _SHARP_RUN, runs[_SHARP_RUN][0], "16.0") if _SHARP_RUN in runs else scene
        there = sharp_file.is_file()
        warnings = () if there else (f"{sharp_file.name} is not there: no all-in-focus picture.",)
        stack = picture_stack(files, axis, name=scene.name, origin="metadata.txt", optics=optics, warnings=warnings)
        camera = load_camera_matrix(scene / "gt" / "K.txt")
        sharp = read_picture(sharp_file) if there else None
        depth = load_plane(scene / "gt" / "depth.npy") if split == "val" else None
        if self.official and split == "val":
            resizing = Resizing.to_middle(stack.shape[:2], (480, 640), scene)
            camera = None if camera is None else resizing.matrix(camera, stack.shape[:2])
            stack = replace(stack, source=ResizedSource(stack.source, resizing))
            depth = None if depth is None else resizing.plane(depth)
            sharp = None if sharp is None else resizing.picture(sharp)
        truth = None if depth is None else DepthMap(depth, Unit.METRE, (depth >= 0.01) & (depth <= 1000))
        return Sample(with_camera(stack, camera), truth, sharp, name=scene.name, split=split)

    def submission(self) -> Submission:
        """A zip of fifty maps in metres."""
        from focaldepth.datasets._zedd_submission import check_submission, write_submission

        def write(out: Root, maps: Iterable[Handed]) -> Path:
            return write_submission(out, ((name, depth) for name, depth, _ in maps))

        return Submission("test", Unit.METRE, write, check_submission)

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write a scene of val and one of test, nine runs at two apertures (F16.0 and the chosen one), 12 x 18 px."""
        from focaldepth.io.picture import write_picture

        rng = np.random.default_rng(seed)
        top = Path(out)
        for part in self.spec.splits:
            scene = top / part / f"{part}_0001"
            (scene / "gt").mkdir(parents=True, exist_ok=True)
            (scene / "focus_stack").mkdir(exist_ok=True)
            for run, motor in enumerate(_MOTORS, 1):
                for aperture in dict.fromkeys((self.aperture, "16.0")):
                    frame = rng.integers(0, 256, (12, 18, 3), np.uint8)
                    write_picture(_picture(scene, run, motor, aperture), frame)
            np.savetxt(scene / "gt" / "K.txt", np.array([[20.0, 0, 8.5], [0, 20, 5.5], [0, 0, 1]]))
        depth = rng.uniform(0.8, 8, (12, 18)).astype(np.float32)
        depth[0, :4] = np.nan, np.inf, 0.001, 2000
        np.save(top / "val" / "val_0001" / "gt" / "depth.npy", depth)
        rows = [f"run_{i}\t{m}\t{d}" for i, (m, d) in enumerate(zip(_MOTORS, _FAKE_METRES, strict=True), 1)]
        (top / "metadata.txt").write_text("\n".join(["# run, motor, metres", *rows]) + "\n", encoding="utf-8")


def read_metadata(path: Path) -> dict[int, tuple[str, float]]:
    """Read metadata.txt: number of the run -> motor code and focus distance in metres, in the order of the numbers.

    Raises:
        ReadError: no such file, or a line of another form.
    """
    if not path.is_file():
        raise missing("metadata.txt", path, Zedd.spec)
    runs: dict[int, tuple[str, float]] = {}
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            name, motor, metres = words
            runs[int(name.removeprefix("run_"))] = (motor, float(metres))
        except ValueError as error:
            hint = "Expected run_1 <tab> 6D3E <tab> 0.82."
            raise ReadError(f"line {number} is {line!r}.", where=path, hint=hint) from error
    if len(runs) < 2:
        raise ReadError(f"names {len(runs)} runs.", where=path, hint="Copy it again.")
    return dict(sorted(runs.items()))


def _picture(scene: Path, run: int, motor: str, aperture: str) -> Path:
    return scene / "focus_stack" / f"img_run_{run}_motor_{motor}_aperture_F{aperture}.jpg"


DATASET = Zedd

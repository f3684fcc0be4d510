"""Mobile Depth: sweeps of a phone with calibrated focus distances of an arbitrary scale, and no truth."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError, StackError
from focaldepth.core.method import Citation
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import check, setting
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, check_split, missing
from focaldepth.datasets._pictures import picture_stack

Numbers = NDArray[np.float64]

_NUMBERED = re.compile(r"a(\d+)\.jpe?g", re.I)
_CALIBRATED = {"metals": "metal", "zeromotion": "GT", "smallmotion": "GTSmall", "largemotion": "GTLarge"}
"""Folder of pictures -> folder of its calibration, where the two differ."""
_TURNS = {"bottles": 3, "fruits": 3, "window": 3, "metals": 3, "plants": 3, "telephone": 3}
_NONE_OF_THEM = "No scene below it has numbered pictures (a00.jpg ...)."


@dataclass(frozen=True)
class MobileDepth(Dataset):
    """Stacks for looking at; their focus positions only have an order unless a program's scale is asked for."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="Mobile Depth (Suwajanakorn, Hernandez, Seitz)",
        address="https://supasorn.com/dffdownload.html (depth_from_focus_data3.zip: aligned stacks, "
        "depth_from_focus_data2.zip: photos and calibration)",
        licence="no terms are shown on the page",
        citation=Citation(
            "suwajanakorn2015depth",
            "Suwajanakorn, Hernandez, Seitz: Depth from Focus with Your Mobile Phone. CVPR 2015.",
        ),
        summary="11 scenes, 14 to 33 frames taken by hand and aligned by the authors; no truth.",
        unit=None,
        focus="calibrated up to an arbitrary scale; far to near or near to far, scene by scene",
        frames="14 to 33",
        layout=(
            "Aligned/Figure{1,5,6,7}/SCENE/a00.jpg, a01.jpg ...: aligned; other .jpg: as taken",
            "calibration/SCENE/calibrated.txt: one line per frame (distance, aperture ...), last line focal length",
        ),
        notes=(
            "Distances have no unit: depth is told in frames unless a program's scale is asked for (focus).",
            "The distances of metals are in reversed order; they are turned here.",
            "Calibrations of other names: metals metal, zeromotion GT, smallmotion GTSmall, largemotion GTLarge.",
            "A distance such as 7e6 stands for infinity.",
        ),
    )

    focus: str = setting(
        "rank",
        "rank: frame numbers (AiFDepthNet); ddfs: 0.05 x distance as metres, without frames beyond 200; dered: "
        "distance / 39.37 as metres; dfv: frame numbers spaced as the distances are, evenly where they span 1 : 10",
        choices=("rank", "ddfs", "dered", "dfv"),
    )
    aligned: bool = setting(True, "the frames that the authors aligned; else those as they were taken")

    def __post_init__(self) -> None:
        check(self)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List the scenes by name; the root may hold Aligned/ and calibration/ or the folders of both archives.

        Raises:
            ReadError: no scene.
        """
        check_split(split, self.spec)
        top = Path(root)
        pictures = _found(top, "Aligned")
        scenes = sorted({p.parent for p in (pictures or top).rglob("*.jpg") if _NUMBERED.fullmatch(p.name)})
        if pictures is None or not scenes:
            raise missing("Aligned/Figure1/keyboard/a00.jpg and the like", top, self.spec)
        return [Item(s.name, partial(self._open, s, _found(top, "calibration"))) for s in sorted(scenes, key=_by_name)]

    def _open(self, scene: Path, calibration: Path | None) -> Sample:
        files = frames_of(scene, aligned=self.aligned)
        name, file = scene.name, None
        if calibration is not None:
            file = calibration / _CALIBRATED.get(name, name) / "calibrated.txt"
        if file is None or not file.is_file():
            if self.focus != "rank":
                raise ReadError(
                    "is missing.", where=file or scene, hint="Unpack depth_from_focus_data2.zip too, or set focus=rank."
                )
            place = "calibration/" if file is None else f"{file.parent.name}/{file.name}"
            text = (f"{place} is not there: frames are numbered.",)
            return self._sample(scene, files, FocusAxis.frames(len(files)), "none", text, {})
        table = read_calibration(file)
        distances = table.distances[::-1] if name == "metals" else table.distances
        if len(distances) != len(files):
            raise StackError(
                f"has {len(files)} frames, {file} has {len(distances)}.", where=scene, hint="Unpack the archives again."
            )
        keep = np.flatnonzero(distances <= 200) if self.focus == "ddfs" else np.arange(len(files))
        if len(keep) < 2:
            raise StackError("has no two frames within a distance of 200.", where=scene, hint="Set focus=rank.")
        extra = {
            "relative_positions": distances[keep].tolist(),
            "focal_length": table.focal_length_relative,
            "apertures": table.apertures[:: -1 if name == "metals" else 1][keep].tolist(),
        }
        axis = positions(distances[keep], self.focus, name)
        return self._sample(scene, [files[i] for i in keep], axis, file.name, (), extra)

    def _sample(
        self,
        scene: Path,
        files: Sequence[Path],
        axis: FocusAxis,
        origin: str,
        warnings: tuple[str, ...],
        extra: dict[str, object],
    ) -> Sample:
        turned = {**extra, "quarter_turns_for_display": _TURNS.get(scene.name, 0)}
        stack = picture_stack(files, axis, name=scene.name, origin=origin, warnings=warnings, extra=turned)
        return Sample(stack, name=scene.name)

    def fake(self, out: Root, seed: int = 0) -> None:
        """Write keyboard and metals (reversed distances), four aligned and four other pictures of 24 x 32 px each."""
        from focaldepth.io.picture import write_picture

        rng = np.random.default_rng(seed)
        lines = ["7223525.79 0.1", "58.335774 0.1", "27.335806 0.1", "10.0 0.1"]
        for figure, name in (("Figure1", "keyboard"), ("Figure5", "metals")):
            scene = Path(out) / "Aligned" / figure / name
            place = Path(out) / "calibration" / _CALIBRATED.get(name, name)
            for folder in (scene, place):
                folder.mkdir(parents=True, exist_ok=True)
            for i, frame in enumerate(rng.integers(0, 256, (8, 24, 32, 3), np.uint8)):
                write_picture(scene / (f"a{i:02d}.jpg" if i < 4 else f"IMG_{i - 4}.jpg"), frame)
            rows = lines[::-1] if name == "metals" else lines
            (place / "calibrated.txt").write_text("\n".join([*rows, "0.2"]) + "\n", encoding="utf-8")


@dataclass(frozen=True, eq=False)
class Calibration:
    """What calibrated.txt holds: distances and apertures (N,) in one arbitrary unit, and the focal length in it."""

    distances: Numbers
    apertures: Numbers
    focal_length_relative: float


def read_calibration(path: Path) -> Calibration:
    """Read calibrated.txt: one line per frame, the last line is the focal length alone.

    Raises:
        ReadError: a line that is no numbers, or no focal length at the end.
    """
    rows = []
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        try:
            rows.append([float(word) for word in line.split()])
        except ValueError as error:
            raise ReadError(f"line {number} is {line!r}.", where=path, hint="Expected numbers only.") from error
    rows = [row for row in rows if row]
    if len(rows) < 3 or len(rows[-1]) != 1 or min(len(row) for row in rows[:-1]) < 2:
        raise ReadError(
            "does not end with the focal length alone.",
            where=path,
            hint="Expected a distance and an aperture per line, then the focal length.",
        )
    table = np.array([row[:2] for row in rows[:-1]])
    return Calibration(table[:, 0], table[:, 1], rows[-1][0])


def frames_of(scene: Path, *, aligned: bool = True) -> list[Path]:
    """Return the aligned frames by number, or the other pictures in the order of their names' numbers.

    Raises:
        ReadError: a number is missing, or there are no such pictures.
    """
    from focaldepth.io._order import natural_order

    numbers = {int(m[1]): p for p in sorted(scene.glob("*.jp*g")) if (m := _NUMBERED.fullmatch(p.name))}
    if not aligned:
        others = [p for p in scene.glob("*.jp*g") if p not in numbers.values()]
        if not others:
            raise ReadError("holds no pictures but aligned ones.", where=scene, hint="Leave aligned=true.")
        return [p for p in natural_order(others)[0] if isinstance(p, Path)]
    gaps = sorted(set(range(max(numbers) + 1)) - set(numbers))
    if gaps:
        digits = min(len(p.stem) for p in numbers.values()) - 1
        raise ReadError("is missing.", where=scene / f"a{gaps[0]:0{digits}d}.jpg", hint="Unpack the archive again.")
    return [numbers[i] for i in sorted(numbers)]


def positions(distances: Numbers, focus: str, scene: str = "") -> FocusAxis:
    """Return the focus axis that a program makes of calibrated distances.

    Args:
        distances: (N,) in the order of the frames.
        focus: "rank", "ddfs", "dered" or "dfv", see `MobileDepth.focus`.
        scene: DFV takes even steps for "window".

    >>> positions(np.array([11.0, 10.0, 5.0]), "dfv").values.tolist()
    [2.0, 1.6666666666666667, 0.0]
    """
    n = len(distances)
    if focus == "ddfs":
        return FocusAxis(distances * 0.05, Unit.METRE)
    if focus == "dered":
        return FocusAxis(distances / 39.37, Unit.METRE)
    low, high = distances.min(), distances.max()
    if focus == "rank" or high > 10 * low or scene == "window":
        return FocusAxis.frames(n)
    return FocusAxis((n - 1) * (distances - low) / (high - low), Unit.INDEX)


def _found(top: Path, name: str) -> Path | None:
    """A folder of that name: the root itself, in it, or in one of its folders (one per archive)."""
    if top.name == name and top.is_dir():
        return top
    return next((p for p in (top / name, *sorted(top.glob(f"*/{name}"))) if p.is_dir()), None)


def _by_name(scene: Path) -> str:
    return scene.name


DATASET = MobileDepth

"""DDFF 12-Scene as light fields with registered depth; stacks are refocused at any disparities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.light_field import LightField
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import check, setting
from focaldepth.datasets import _ddff
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Findings, Root, check_split, missing
from focaldepth.datasets._ddff_patches import PatchRules, write_patches, write_test_stacks
from focaldepth.datasets._refocusing import FOCUS_HELP, REFOCUSER_HELP, REFOCUSERS_KNOWN, disparity_axis
from focaldepth.io._ddff import INTRINSICS, SUB_APERTURE, load_view_array
from focaldepth.io.light_field import focused
from focaldepth.io.readers.png import READER as PNG

_FIELD = re.compile(r"LF_(\d+)\.(npy|mat)")
_DEPTHS = "DepthRegistered"


@dataclass(frozen=True)
class Place:
    """One light field on disk.

    Attributes:
        name: scene and number, as in lockeroom_0001.
        scene: in the spelling of the files.
        split: "train" or "test".
        field: the array of views, .npy or .mat.
        depth: the registered depth; None for test scenes, which have none.
    """

    name: str
    scene: str
    split: str
    field: Path
    depth: Path | None


@dataclass(frozen=True)
class Ddff12Raw(Dataset):
    """Light fields of the data set."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="DDFF 12-Scene, light fields",
        address=_ddff.ADDRESS,
        licence=_ddff.LICENCE,
        citation=_ddff.CITATION,
        summary="The 9 x 9 views of a Lytro ILLUM and the registered depth that every other form is made of.",
        unit=Unit.DISPARITY_PX,
        focus="chosen; by default the official 0.28248 ... 0.02018 px",
        frames="any (by default 10)",
        axis=_ddff.axis("exact"),
        splits=("train", "test"),
        split_rule="by scene: six of 100 light fields with depth, six of 20 without",
        protocols=("ddff-dfv-val-10",),
        layout=(
            "LightField/{train,test}/SCENE/LF_0001.npy: (9, 9, 383, 552, 3) uint8 RGB; or LF_0001.mat, variable LF",
            "DepthRegistered/train/SCENE/DEPTH_0001.png: 16 bits, millimetres, 0 = no measurement",
            "IntParamLF.mat, IntParamLF_SubAperture.mat: parameters of the camera",
        ),
        notes=(
            "The files spell lockeroom and seminaroom; other spellings are accepted.",
            "The registered depth has depths nearer than 0.5 m and farther than 7 m, outside the focus range.",
        ),
    )

    focus: str = setting("exact", f"exact, rounded (see ddff12), or {FOCUS_HELP}")
    refocuser: str = setting("ddff", REFOCUSER_HELP, choices=REFOCUSERS_KNOWN)
    patch: int = setting(224, "side of the patches of `prepare`", unit="px", low=8)
    stride: int = setting(56, "distance of neighbouring patches", unit="px", low=1)
    invalid: float = setting(0.2, "largest share of unknown disparities in a patch", low=0, high=1)
    division: str = setting(
        "scenes",
        "what validates: the patches of glassroom and office41, or a fifth of all patches (official, leaks)",
        choices=("scenes", "patches"),
    )
    seed: int = setting(0, "of the fifth that is drawn", low=0)

    def __post_init__(self) -> None:
        check(self)
        self.axis()

    def axis(self) -> FocusAxis:
        """Focus positions of the stacks."""
        return _ddff.axis(self.focus) if self.focus in _ddff.AXES else disparity_axis(self.focus)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List light fields scene by scene; they are refocused when their frames are read."""
        check_split(split, self.spec)
        found = [p for p in places(Path(root)) if split in ("", p.split)]
        if not found:
            raise missing(f"LightField/{split or 'train'}/SCENE/LF_0001.npy", root, self.spec)
        return [Item(p.name, partial(self._read, p), p.split) for p in found]

    def _read(self, place: Place) -> Sample:
        views = load_field(place)
        sample = focused(views, self.axis(), refocuser=self.refocuser)
        files = (*sample.stack.info.files, *([str(place.depth)] if place.depth else []))
        info = replace(sample.stack.info, name=place.name, files=files)
        truth = None if place.depth is None else read_truth(place.depth, views.shape[:2])
        return replace(sample, stack=replace(sample.stack, info=info), truth=truth, name=place.name, split=place.split)

    def check(self, root: Root, run: Run = Run()) -> Findings:
        """Open every light field; numbers that are left out between others of a scene are problems, too."""
        found = super().check(root, run)
        return replace(found, problems=(*_gaps(places(Path(root))), *found.problems))

    def prepare(self, root: Root, out: Root, run: Run = Run()) -> None:
        """Write ddff-dataset-trainval.h5 and ddff-dataset-test.h5 as `ddff12` reads them.

        Patches of 224 px every 56 px; those of the last row and column begin at size - 225, one pixel from the border,
        as in the published files. A patch with more than 20 % unknown disparities is left out.

        Raises:
            ReadError: no light fields, or depth that is missing.
            SettingError: patches larger than the views, or none that is left.
        """
        found = list(places(Path(root)))
        if not found:
            raise missing("LightField/train/SCENE/LF_0001.npy", root, self.spec)
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        fields = {
            split: [
                (p.name, partial(load_field, p), partial(_truth_values, p), p.scene) for p in found if p.split == split
            ]
            for split in self.spec.splits
        }
        rules = PatchRules(self.patch, self.stride, self.invalid, self.division, self.seed)
        if fields["train"]:
            write_patches(folder, fields["train"], self.axis(), self.refocuser, rules, run)
        if fields["test"]:
            write_test_stacks(folder, fields["test"], self.axis(), self.refocuser, run)

    def fake(self, out: Root, seed: int = 0) -> None:
        """Two light fields to train and one to test: a plane at the disparity of frame 3."""
        from scipy.io import savemat

        from focaldepth.io.picture import write_picture

        root, rng = Path(out), np.random.default_rng(seed)
        disparity = float(_ddff.axis("exact").values[3])
        depth = np.full((33, 40, 1), round(_ddff.SCALE_M_PX / disparity * 1000), np.uint16)
        depth[:3, :3] = 0
        for split, scene in (("train", "glassroom"), ("train", "seminaroom"), ("test", "lockeroom")):
            field = root / "LightField" / split / scene / "LF_0001.npy"
            field.parent.mkdir(parents=True, exist_ok=True)
            np.save(field, shifted_views(rng.integers(0, 256, (33, 40, 3)), disparity))
            if split == "train":
                picture = root / _DEPTHS / split / scene / "DEPTH_0001.png"
                picture.parent.mkdir(parents=True, exist_ok=True)
                write_picture(picture, depth)
        lens = [-2.76801406, 1982.0250823695178, 7299.67268637, 7317.020641763665, 3991.59556195, 2629.55411565]
        savemat(root / INTRINSICS, {"IntParamLF": np.array([[*lens, 0.38804599, -0.03611906]])})
        matrix = np.array([[521.4051918837257, 0, 285.1139687], [0, 521.4051918837257, 187.8252940], [0, 0, 1]])
        savemat(root / SUB_APERTURE, {"SubIntParam": matrix, "SubImageSize": np.array([[40, 33]])})


def places(root: Path) -> Iterator[Place]:
    """Yield the light fields below a root: training first, test scenes in the order of the official file."""
    for split, order in (("train", _ddff.TRAIN_SCENES), ("test", _ddff.TEST_SCENES)):
        folders = _scenes(root / "LightField" / split)
        depths = _scenes(root / _DEPTHS / split)
        for scene in (s for s in order if s in folders):
            # In this order an .npy goes before its .mat twin.
            files = {int(m[1]): p for p in sorted(folders[scene].iterdir()) if (m := _FIELD.fullmatch(p.name))}
            for number in sorted(files):
                name = f"DEPTH_{number:04d}.png"
                beside = depths.get(scene, root / _DEPTHS / split / scene) / name if split == "train" else None
                yield Place(f"{scene}_{number:04d}", scene, split, files[number], beside)


def _scenes(folder: Path) -> dict[str, Path]:
    """Folders of scenes by the name of the scene."""
    return {_ddff.scene_name(p.name): p for p in sorted(folder.iterdir()) if p.is_dir()} if folder.is_dir() else {}


def _gaps(found: Iterator[Place]) -> list[str]:
    numbers: dict[tuple[str, str], list[int]] = {}
    for place in found:
        numbers.setdefault((place.split, place.scene), []).append(int(place.name[-4:]))
    return [
        f"{split}/{scene}: LF_{n:04d} is missing."
        for (split, scene), have in numbers.items()
        for n in range(1, max(have))
        if n not in have
    ]


def load_field(place: Place) -> LightField:
    """Open the views of a place."""
    if place.field.suffix == ".npy":
        return load_view_array(place.field)
    return _load_mat(place.field)


def _load_mat(path: Path) -> LightField:
    """The same array as MATLAB wrote it, variable LF; unpacked at once, because it is compressed as a whole."""
    from scipy.io import loadmat

    from focaldepth.io.readers._planes import reading

    with reading(path, "variable LF"):
        array: NDArray[np.uint8] = loadmat(path, variable_names=["LF"])["LF"]
    if array.ndim != 5 or array.shape[4] != 3 or array.dtype != np.uint8:
        raise ReadError(
            f"LF is {array.dtype} {array.shape}.", where=path, hint="Expected (9, 9, 383, 552, 3) uint8: get it again."
        )
    u, v, h, w, _ = array.shape
    return LightField(
        grid=(u, v),
        shape=(h, w, 3),
        view=lambda row, column: np.ascontiguousarray(array[row, column]),
        centre=(u // 2, v // 2),
        optics=_ddff.OPTICS,
        name=path.stem,
        files=(str(path),),
    )


def read_truth(path: Path, shape: tuple[int, int]) -> DepthMap:
    """Read registered depth in millimetres as disparities.

    Raises:
        ReadError: the file is missing, damaged, of another size, or has no 16 bits.
    """
    if not path.is_file():
        raise ReadError("not found.", where=path, hint=f"Unpack depthregistered.tar.gz of {_ddff.ADDRESS} there.")
    frame = PNG.read(path)
    if frame.dtype != np.uint16 or frame.shape[:2] != shape:
        raise ReadError(
            f"is {frame.dtype} {frame.shape[:2]}, the views are {shape}.",
            where=path,
            hint="Expected 16 bits, in millimetres, of the centre view.",
        )
    return _ddff.truth_of(_ddff.disparity_of(frame[..., 0]))


def _truth_values(place: Place) -> NDArray[np.float32]:
    """Disparities of a place without reading its views, 0 where unknown, as the official files have them."""
    if place.depth is None:
        return np.zeros((0, 0), np.float32)
    shape = load_view_array(place.field).shape[:2] if place.field.suffix == ".npy" else _load_mat(place.field).shape[:2]
    return np.nan_to_num(read_truth(place.depth, shape).values, nan=0.0)


def shifted_views(texture: NDArray[np.integer], disparity: float, views: int = 9) -> NDArray[np.uint8]:
    """Return a plane of one disparity as (U, V, H, W, 3) views: view (u, v) shows it moved by (centre - view) d."""
    from scipy.ndimage import fourier_shift, gaussian_filter

    smooth = gaussian_filter(texture.astype(np.float64), (1, 1, 0), mode="wrap")
    spectrum, centre = np.fft.fft2(smooth, axes=(0, 1)), views // 2
    out = np.empty((views, views, *texture.shape), np.uint8)
    for u, v in np.ndindex(views, views):
        moved = fourier_shift(spectrum, ((centre - u) * disparity, (centre - v) * disparity, 0))
        out[u, v] = np.clip(np.rint(np.fft.ifft2(moved, axes=(0, 1)).real), 0, 255)
    return out


DATASET = Ddff12Raw

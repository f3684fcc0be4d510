"""A sharp picture with its depth: what defocus is rendered from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import MissingExtraError, ReadError, SettingError, StackError
from focaldepth.core.stack import Frame, white_of
from focaldepth.io._inputs import Formats
from focaldepth.io.readers._planes import check_file, reading

_DEPTH_WORD = re.compile(r"depth|disp|dpt", re.I)
_FLOATS = (".npy", ".pfm", ".tif", ".tiff", ".exr")
_MILLIMETRE = 1e-3


@dataclass(frozen=True, eq=False)
class Rgbd:
    """A picture and the depth of its pixels.

    Attributes:
        picture: (H, W, 3) float32 in [0, 1], as coded in the file.
        depth_m: (H, W) float32 metres along the axis; NaN where unknown.
        name: for messages.
        files: that were read.
    """

    picture: NDArray[np.float32]
    depth_m: NDArray[np.float32]
    name: str
    files: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse sizes that differ, and scenes of which nothing is known."""
        if self.depth_m.shape != self.picture.shape[:2]:
            (h, w), (dh, dw) = self.picture.shape[:2], self.depth_m.shape
            raise StackError(
                f"the depth is {dw} x {dh} px, the picture {w} x {h} px.",
                where=self.name,
                hint="Give a depth map of the picture's own pixels.",
            )
        if not np.isfinite(self.depth_m).any():
            raise StackError(
                "no pixel has a depth.",
                where=self.name,
                hint="Depth counts where it is positive and finite: check the file and its unit.",
            )


def load_rgbd(
    path: str | Path, depth: str | Path | None = None, *, depth_scale_m: float | None = None, index: int = 0
) -> Rgbd:
    """Open a picture with depth.

    Args:
        path: a picture (with `depth`), a folder that holds one picture and one file whose name says depth, a folder
            with a folder of pictures and one of depth maps, a Middlebury 2014 scene (im0.png, disp0.pfm, calib.txt),
            NYUv2's nyu_depth_v2_labeled.mat, or a stack as .npz that holds all_in_focus and depth.
        depth: .npy, .pfm, .tif, .exr in metres, or a 16-bit .png.
        depth_scale_m: metres per value of the depth file; None = 1 for floats, a millimetre for whole numbers.
        index: which scene of NYUv2, or of two folders.

    Raises:
        ReadError: a file is missing, damaged or not understood.
        SettingError: a scale that is not positive.
        StackError: picture and depth have different sizes, no pixel has a depth, or no single picture and depth can be
            told.
    """
    if depth_scale_m is not None and not 0 < depth_scale_m < np.inf:
        raise SettingError(
            f"{depth_scale_m} metres per value.", where="--depth-scale", hint="Give 0.001 for millimetres."
        )
    place = Path(path)
    if not place.exists():
        raise ReadError("does not exist.", where=place, hint="Check the path.")
    if place.suffix.lower() == ".mat":
        return _nyu(place, index)
    if place.suffix.lower() == ".npz" and depth is None:
        return _npz(place)
    if place.is_dir() and (place / "calib.txt").is_file() and (place / "disp0.pfm").is_file():
        return _middlebury(place)
    picture, found = (place, Path(depth)) if depth is not None else _pair(place, index)
    values = _depth(found, depth_scale_m)
    return Rgbd(_picture(picture), values, picture.stem, (str(picture), str(found)))


def _pair(folder: Path, index: int) -> tuple[Path, Path]:
    if not folder.is_dir():
        raise StackError("comes without depth.", where=folder, hint="Give the depth map with --depth FILE.")
    formats = Formats.all()
    files = [p for p in _visible(folder) if p.is_file()]
    depths = [p for p in files if _DEPTH_WORD.search(p.stem) and p.suffix.lower() in (*_FLOATS, ".png")]
    pictures = [p for p in files if p not in depths and formats.picture(p)]
    inside = [p for p in _visible(folder) if p.is_dir()]
    if not pictures and not depths and len(inside) == 2 and sum(bool(_DEPTH_WORD.search(p.name)) for p in inside) == 1:
        return _numbered(sorted(inside, key=lambda p: bool(_DEPTH_WORD.search(p.name))), index)
    if len(depths) != 1 or len(pictures) != 1:
        raise StackError(
            f"holds {len(pictures)} pictures and {len(depths)} depth maps.",
            where=folder,
            hint="Keep one of each (depth in the name of one), or give the picture and --depth FILE.",
        )
    return pictures[0], depths[0]


def _visible(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.iterdir()) if not p.name.startswith(".")]


def _numbered(folders: list[Path], index: int) -> tuple[Path, Path]:
    """One of the pairs of a folder of pictures and a folder of depth maps, whose files have the same names."""
    pictures, depths = ({p.stem: p for p in _visible(folder) if p.is_file()} for folder in folders)
    alone = sorted(set(pictures) ^ set(depths))
    if alone:
        raise StackError(
            f"{alone[0]} lies in one of {folders[0].name} and {folders[1].name} only.",
            where=folders[0].parent,
            hint="Picture and depth map need the same name, or give the picture and --depth FILE.",
        )
    if not 0 <= index < len(pictures):
        hint = f"Count from 0 to {len(pictures) - 1}." if pictures else "Its folders are empty."
        raise ReadError(f"has no scene {index}.", where=folders[0].parent, hint=hint)
    name = list(pictures)[index]
    return pictures[name], depths[name]


def _picture(path: Path) -> NDArray[np.float32]:
    reader = Formats.all().picture(path)
    if reader is None:
        raise ReadError("is no picture of a known format.", where=path, hint="Give PNG, JPEG or TIFF.")
    return _colour(reader.read(path), reader.facts(path).white)


def _colour(frame: Frame, white: float) -> NDArray[np.float32]:
    coded = np.clip(frame.astype(np.float32) / np.float32(white), 0, 1)
    return np.ascontiguousarray(np.broadcast_to(coded, (*frame.shape[:2], 3)))


def _depth(path: Path, scale: float | None) -> NDArray[np.float32]:
    """Depth in metres, NaN for what is not positive and finite."""
    check_file(path)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        with reading(path, "depth"):
            values: NDArray[Any] = np.load(path, allow_pickle=False)
    elif suffix == ".pfm":
        from focaldepth.io.writers.pfm import read_plane

        values = read_plane(path)
    elif suffix == ".exr":
        from focaldepth.io._exr import read_plane as read_exr

        values = read_exr(path)
    else:
        reader = Formats.all().picture(path)
        if reader is None:
            raise ReadError("is no depth map of a known format.", where=path, hint=f"Give {' '.join(_FLOATS)} or .png.")
        values = reader.read(path)[..., 0]
        if values.dtype == np.uint8:
            raise ReadError("has 8 bits, too few for depth.", where=path, hint="Give 16 bits, or floats in metres.")
    if values.ndim != 2 or values.dtype.kind not in "fu":
        raise ReadError(f"holds {values.dtype} {values.shape}, no depth map.", where=path, hint="Give (H, W) numbers.")
    factor = scale if scale is not None else (1.0 if values.dtype.kind == "f" else _MILLIMETRE)
    return _known(values.astype(np.float64) * factor)


def _known(metres: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.where(np.isfinite(metres) & (metres > 0), metres, np.nan).astype(np.float32)


def _nyu(path: Path, index: int) -> Rgbd:
    """NYUv2: images (n, 3, W, H) uint8 and depths (n, W, H) metres, both transposed by MATLAB."""
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("NYUv2", "hdf5", where=path) from error
    check_file(path)
    with reading(path, "NYUv2"), h5py.File(path, "r") as file:
        missing = [n for n in ("images", "depths") if not isinstance(file.get(n), h5py.Dataset)]
        if missing:
            listed = ", ".join(f"{n} {getattr(v, 'shape', '')} {getattr(v, 'dtype', '')}" for n, v in file.items())
            raise ReadError(f"has no {' and no '.join(missing)}.", where=path, hint=f"It holds: {listed}.")
        count = min(len(file["images"]), len(file["depths"]))
        if not 0 <= index < count:
            raise ReadError(f"has no scene {index}.", where=path, hint=f"Count from 0 to {count - 1}.")
        picture = np.asarray(file["images"][index]).transpose(2, 1, 0)
        depth = np.asarray(file["depths"][index], np.float64).T
    return Rgbd(_colour(picture, white_of(picture.dtype)), _known(depth), f"nyu {index}", (str(path),))


def _npz(path: Path) -> Rgbd:
    """A rendered stack: its sharp picture and its depth, which must be in metres."""
    check_file(path)
    with reading(path, "stack"), np.load(path, allow_pickle=False) as file:
        missing = [n for n in ("all_in_focus", "depth") if n not in file.files]
        if missing:
            hint = f"It holds: {', '.join(file.files)}."
            raise ReadError(f"has no {' and no '.join(missing)}.", where=path, hint=hint)
        picture, depth = np.asarray(file["all_in_focus"]), np.asarray(file["depth"], np.float64)
        unit = str(file["focus_unit"]) if "focus_unit" in file.files else "metre"
    if unit != "metre":
        raise ReadError(
            f"its depth is in {unit}, not in metres.", where=path, hint="Give the picture and --depth FILE."
        )
    if picture.ndim != 3 or picture.shape[2] != 3 or depth.ndim != 2:
        raise ReadError(
            f"its picture is {picture.shape}, its depth {depth.shape}.", where=path, hint="Give (H, W, 3) and (H, W)."
        )
    return Rgbd(_colour(picture, white_of(picture.dtype)), _known(depth), path.stem, (str(path),))


def _middlebury(folder: Path) -> Rgbd:
    """Z = baseline f / (d + doffs), millimetres; infinity and what is no number are unknown."""
    from focaldepth.io.writers.pfm import read_plane

    calib = folder / "calib.txt"
    entries = dict(re.findall(r"^(\w+)=(.+)$", calib.read_text("utf-8", "replace"), re.MULTILINE))
    with reading(calib, "calibration", "Expected cam0=[f ...], doffs= and baseline=."):
        focal = float(re.findall(r"[-\d.eE+]+", entries["cam0"])[0])
        offset, baseline = float(entries["doffs"]), float(entries["baseline"])
    disparity = read_plane(folder / "disp0.pfm").astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = np.where(np.isfinite(disparity), baseline * focal / (disparity + offset) * _MILLIMETRE, np.nan)
    files = (str(folder / "im0.png"), str(folder / "disp0.pfm"), str(calib))
    return Rgbd(_picture(folder / "im0.png"), _known(metres), folder.resolve().name, files)

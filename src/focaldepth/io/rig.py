"""Files of a light-field and depth rig: parameters of the cameras, recordings, and the raw layout of DDFF 12-Scene."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import ReadError, StackError
from focaldepth.io._ddff import INTRINSICS, SUB_APERTURE, is_view_array
from focaldepth.io._inputs import Formats
from focaldepth.io.readers._planes import check_file, reading

RECORD, SCHEMA = "rig.json", "focaldepth.rig/1"
STEREO = "stereoparams.yml"
_LIGHT_FIELD = re.compile(r"LF_(\w+)\.npy", re.I)
_MILLIMETRE = 1e-3
_PARAMETERS = ("K1", "K2", "Fx", "Fy", "Cx", "Cy", "k1", "k2")


@dataclass(frozen=True)
class Recording:
    """A light field and the depth frames taken with it.

    Attributes:
        scene: name of its folder.
        number: what stands behind LF_ in its name.
        views: the array (U, V, H, W, C).
        size: (H, W) of a view.
        frames: files of depth: one array, or one picture per frame.
    """

    scene: str
    number: str
    views: Path
    size: tuple[int, int]
    frames: tuple[Path, ...]


def read_lens_parameters(path: str | Path) -> dict[str, float]:
    """Read IntParamLF.mat: K1, K2, Fx, Fy, Cx, Cy, k1, k2.

    Raises:
        ReadError: no such file, or it does not hold these eight numbers.
    """
    from scipy.io import loadmat

    path = Path(path)
    check_file(path)
    with reading(path, "entry 'IntParamLF'", "It holds K1, K2, Fx, Fy, Cx, Cy, k1, k2."):
        values = np.asarray(loadmat(path)["IntParamLF"], np.float64).ravel()
    if values.size != len(_PARAMETERS):
        raise ReadError(
            f"holds {values.size} numbers, not {len(_PARAMETERS)}.", where=path, hint=f"Give {', '.join(_PARAMETERS)}."
        )
    return dict(zip(_PARAMETERS, values.tolist(), strict=True))


def read_stereo(path: str | Path, pose: str = "Rt") -> dict[str, NDArray[np.float64] | None]:
    """Read stereoparams.yml with OpenCV: K_ir, K_lf, d_lf, and the pose.

    Args:
        path: YAML or XML of OpenCV.
        pose: name of the matrix (4, 4) that takes points of the depth camera to the light-field camera, metres.

    Returns:
        `K_ir`, `pose`, and `K_lf` and `d_lf`, which may be None.

    Raises:
        ReadError: no such file, not OpenCV's, or a matrix is missing; names it.
    """
    import cv2

    path = Path(path)
    check_file(path)
    try:
        file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    except (cv2.error, SystemError) as error:
        raise ReadError("is no YAML file of OpenCV.", where=path, hint="It begins with %YAML:1.0.") from error
    try:
        found = {name: _matrix(file, name, path) for name in ("K_ir", "K_lf", "d_lf", pose)}
    finally:
        file.release()
    missing = [name for name in ("K_ir", pose) if found[name] is None]
    if missing:
        hint = "It holds K_ir (3 x 3, px), Rt (4 x 4, metres), and K_lf and d_lf if known."
        raise ReadError(f"has no {' and no '.join(missing)}.", where=path, hint=hint)
    return {"K_ir": found["K_ir"], "pose": found[pose], "K_lf": found["K_lf"], "d_lf": found["d_lf"]}


def _matrix(file: Any, name: str, path: Path) -> NDArray[np.float64] | None:
    import cv2

    node = file.getNode(name)
    if node.empty():
        return None
    try:
        values = node.mat()
    except cv2.error:
        values = None
    if values is None:
        raise ReadError(f"its {name} is no matrix.", where=path, hint="Write it as !!opencv-matrix.")
    return np.asarray(values, np.float64)


def recordings(folders: Sequence[str | Path]) -> list[Recording]:
    """Return all recordings of scene folders: LF_0001.npy with DEPTH_0001.npy, DEPTH_0001/ or DEPTH_0001.png.

    Raises:
        ReadError: a folder that does not exist, a light field that is no array of views.
        StackError: a folder without light fields, a light field without depth, two folders of one name.
    """
    found: list[Recording] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise ReadError("is no folder.", where=folder, hint="Give one folder per scene, with LF_0001.npy in it.")
        name = folder.resolve().name
        if name in {r.scene for r in found}:
            raise StackError("has the name of another scene.", where=folder, hint="Rename one of the folders.")
        files = [(p, m[1]) for p in sorted(folder.iterdir()) if (m := _LIGHT_FIELD.fullmatch(p.name))]
        if not files:
            raise StackError("holds no light field.", where=folder, hint="Name them LF_0001.npy, LF_0002.npy ...")
        found += [Recording(name, number, path, _view_size(path), _frames(folder, number)) for path, number in files]
    return found


def _view_size(path: Path) -> tuple[int, int]:
    if not is_view_array(path):
        raise ReadError(
            "is no array of views.", where=path, hint="Save (U, V, H, W, C): rows and columns of views, then pictures."
        )
    h, w = np.load(path, mmap_mode="r", allow_pickle=False).shape[2:4]
    return int(h), int(w)


def _frames(folder: Path, number: str) -> tuple[Path, ...]:
    stem = folder / f"DEPTH_{number}"
    single = [p for p in (stem.with_suffix(".npy"), stem.with_suffix(".png")) if p.is_file()]
    several = sorted(p for p in stem.iterdir() if p.suffix.lower() in (".png", ".npy")) if stem.is_dir() else []
    if len(single) + bool(several) != 1:
        have = "no depth" if not single and not several else "more than one depth"
        raise StackError(
            f"LF_{number}.npy has {have}.",
            where=folder,
            hint=f"Put the depth frames into DEPTH_{number}.npy (N, h, w), or into the folder DEPTH_{number}.",
        )
    return tuple(single or several)


def read_depth_frames(one: Recording) -> NDArray[np.float64]:
    """Return depth frames (N, h, w) in metres, 0 where nothing was measured; whole numbers are millimetres.

    Raises:
        ReadError: a file is damaged, or no depth map.
        StackError: frames of different sizes.
    """
    frames = [_depth(path) for path in one.frames]
    stacked = [f if f.ndim == 3 else f[None] for f in frames]
    sizes = {f.shape[1:] for f in stacked}
    if len(sizes) > 1:
        raise StackError(
            f"depth frames have {len(sizes)} sizes.", where=one.frames[0].parent, hint="Keep frames of one camera."
        )
    return np.concatenate(stacked)


def _depth(path: Path) -> NDArray[np.float64]:
    check_file(path)
    values: NDArray[Any]
    if path.suffix.lower() == ".npy":
        with reading(path, "depth"):
            values = np.load(path, allow_pickle=False)
    else:
        reader = Formats.all().picture(path)
        if reader is None:
            raise ReadError("is no picture of a known format.", where=path, hint="Give 16-bit PNG in millimetres.")
        values = reader.read(path)[..., 0]
    few = values.dtype == np.uint8
    if values.ndim not in (2, 3) or values.dtype.kind not in "fui" or few or 0 in values.shape:
        raise ReadError(
            f"holds {values.dtype} {values.shape}, no depth.",
            where=path,
            hint="Give 16 bits in millimetres or floats in metres, (h, w) or (N, h, w).",
        )
    metres = values.astype(np.float64) * (1.0 if values.dtype.kind == "f" else _MILLIMETRE)
    return np.where(np.isfinite(metres) & (metres > 0), metres, 0)


def write_parameters(folder: Path, lens: NDArray[np.float64], view: NDArray[np.float64], size: tuple[int, int]) -> None:
    """Write IntParamLF.mat and IntParamLF_SubAperture.mat as DDFF 12-Scene has them."""
    from scipy.io import savemat

    savemat(folder / INTRINSICS, {"IntParamLF": lens[None]})
    savemat(folder / SUB_APERTURE, {"SubIntParam": view, "SubImageSize": np.array([size[::-1]], np.float64)})


def write_depth(path: Path, depth_m: NDArray[np.float32]) -> int:
    """Write depth as 16-bit PNG in millimetres, 0 where unknown; returns how many pixels are too far for 16 bits."""
    from focaldepth.io.picture import write_picture

    path.parent.mkdir(parents=True, exist_ok=True)
    millimetres = np.rint(np.nan_to_num(depth_m.astype(np.float64), nan=0.0) / _MILLIMETRE)
    far = millimetres > np.iinfo(np.uint16).max
    write_picture(path, np.where(far, 0, millimetres).astype(np.uint16)[..., None])
    return int(far.sum())

"""Light fields of the DDFF 12-Scene data set: one array (U, V, H, W, C) per file, and the camera's parameters.

Hazirbas et al. 2018, Deep Depth From Focus. Views are undistorted sub-apertures of a Lytro ILLUM; they are parallel, so
disparity 0 is infinity.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import StackError
from focaldepth.core.light_field import LightField
from focaldepth.core.optics import Optics
from focaldepth.core.stack import Frame, white_of
from focaldepth.io.readers._planes import check_file, frame_dtype, reading

INTRINSICS = "IntParamLF.mat"
SUB_APERTURE = "IntParamLF_SubAperture.mat"
_PARENTS = 4
_MOST_VIEWS = 64


def is_view_array(path: Path) -> bool:
    """True for a .npy file of five axes (U, V, H, W, C)."""
    if path.suffix.lower() != ".npy" or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            shape = _HEADERS[version](file)[0]
    except (OSError, ValueError, KeyError):
        return False  # the reader of arrays says what is wrong
    return len(shape) == 5 and shape[4] in (1, 3, 4) and 1 < max(shape[:2]) <= _MOST_VIEWS


_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def load_view_array(path: Path, centre: tuple[int, int] | None = None) -> LightField:
    """Open an array of views; the file is mapped, views are read when asked for.

    `IntParamLF.mat` and `IntParamLF_SubAperture.mat` beside it or in a folder above give the scale between disparity
    and depth; without them it is unknown.

    Raises:
        ReadError: the file is truncated or no array of pictures.
        StackError: the array has no five axes.
    """
    check_file(path)
    with reading(path, "light field"):
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.ndim != 5 or array.shape[4] not in (1, 3, 4):
        raise StackError(
            f"an array of shape {array.shape} is no light field.",
            where=path,
            hint="Give (U, V, H, W, C): rows and columns of views, then the picture.",
        )
    dtype = frame_dtype(array.dtype, path)
    u, v, h, w, c = (int(n) for n in array.shape)
    channels = min(c, 3)

    def view(row: int, column: int) -> Frame:
        with reading(path, f"view {row}, {column}"):
            return np.ascontiguousarray(array[row, column, ..., :channels], dtype=dtype)

    return LightField(
        grid=(u, v),
        shape=(h, w, channels),
        view=view,
        centre=centre or (u // 2, v // 2),
        optics=_optics(path),
        name=path.stem,
        dtype=dtype,
        white=white_of(dtype),
        files=(str(path),),
    )


def _optics(path: Path) -> Optics:
    """Baseline x focal length from the camera's parameter files: b = K2 / max(Fx, Fy) mm, f of the sub-apertures."""
    folder = next((p for p in list(path.resolve().parents)[:_PARENTS] if (p / INTRINSICS).is_file()), None)
    if folder is None or not (folder / SUB_APERTURE).is_file():
        return Optics()
    lens = _matrix(folder / INTRINSICS, "IntParamLF").ravel()
    views = _matrix(folder / SUB_APERTURE, "SubIntParam")
    baseline_m = lens[1] / max(lens[2], lens[3]) * 1e-3
    return Optics().with_facts(INTRINSICS, disparity_scale_m_px=float(baseline_m * max(views[0, 0], views[1, 1])))


def _matrix(path: Path, name: str) -> NDArray[np.float64]:
    from scipy.io import loadmat

    with reading(path, f"entry {name!r}"):
        return np.asarray(loadmat(path)[name], np.float64)

"""Arrays in .npy files that data sets hold beside pictures, and that benchmarks take, read without trusting them."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import ReadError


def load_plane(path: Path) -> NDArray[np.float32]:
    """Return a plane (H, W) float32 from an array (H, W), (H, W, 1) or (1, H, W) of numbers.

    Raises:
        ReadError: no such file, a damaged one, or an array that is no plane of numbers.
    """
    array = load_array(path)
    plane = array.reshape([n for n in array.shape if n != 1] if array.ndim > 2 else array.shape)
    if plane.ndim != 2 or plane.dtype.kind not in "fui":
        raise ReadError(
            f"holds {array.dtype} of shape {array.shape}.", where=path, hint="Expected one number per pixel."
        )
    return plane.astype(np.float32)


def load_array(path: Path) -> NDArray[np.generic]:
    """Return the array of a .npy file; errors as `load_plane`."""
    try:
        array: NDArray[np.generic] = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise ReadError("does not exist.", where=path, hint="Unpack the archive again.") from error
    except (OSError, ValueError, EOFError) as error:
        raise ReadError(f"is no readable .npy ({error}).", where=path, hint="Unpack the archive again.") from error
    return array


def load_camera_matrix(path: Path) -> NDArray[np.float64] | None:
    """Return the camera matrix K (3, 3) in px of a text file of numbers, or of entry K of a .npz; None = no such file.

    Raises:
        ReadError: a damaged file, or something else than a camera matrix.
    """
    if not path.is_file():
        return None
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                matrix = np.asarray(file["K"], np.float64)
        else:
            matrix = np.loadtxt(path, dtype=np.float64)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ReadError(f"holds no camera matrix ({error}).", where=path, hint="Unpack the archive again.") from error
    if matrix.shape != (3, 3):
        raise ReadError(f"holds numbers of shape {matrix.shape}, expected 3 x 3.", where=path, hint="Unpack it again.")
    return matrix


def map_fault(values: NDArray[np.generic], size: tuple[int, int]) -> str:
    """Return what keeps an array from being a depth map of a size that is known everywhere; empty = nothing.

    >>> map_fault(np.zeros((2, 3)), (2, 3)), map_fault(np.zeros((3, 2)), (2, 3))
    ('', 'is 2 x 3 px, expected 3 x 2.')
    """
    if values.ndim != 2:
        return f"has {values.ndim} axes, expected 2."
    if values.shape != size:
        return f"is {values.shape[1]} x {values.shape[0]} px, expected {size[1]} x {size[0]}."
    if values.dtype.kind != "f":
        return f"holds {values.dtype}, expected floats."
    bad = int(values.size - np.isfinite(values.astype(np.float64, copy=False)).sum())
    return f"holds {bad} values that are NaN or infinite." if bad else ""

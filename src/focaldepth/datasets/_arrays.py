"""Arrays in .npy files that data sets hold beside pictures, read without trusting them."""

from __future__ import annotations

from pathlib import Path

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

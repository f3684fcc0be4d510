"""Arrays that callers give as frames: checked and brought to one form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import StackError


def frames_last(shape: Sequence[int]) -> bool:
    """True for (H, W, N) and (H, W, N, C): the third axis is less than half as long as each of the first two.

    >>> frames_last((480, 640, 30)), frames_last((30, 480, 640)), frames_last((480, 640, 3))
    (True, False, False)
    """
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3, 4)):
        return False
    colour = len(shape) == 3 and shape[2] in (1, 3, 4)
    return not colour and 1 < 2 * shape[2] < min(shape[:2])


def as_frame(array: NDArray[Any], where: str) -> NDArray[Any]:
    """Return (H, W, C) uint8, uint16 or float32, C-contiguous; alpha dropped.

    Raises:
        StackError: not a picture, another data type, or values that are not finite.
    """
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise StackError(
            f"not a picture: shape {array.shape}.",
            where=where,
            hint="Give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).",
        )
    if array.shape[2] == 4:
        array = array[..., :3]
    if array.dtype.kind == "f":
        array = array.astype(np.float32, copy=False)
    elif array.dtype.kind != "u" or array.dtype.itemsize > 2:
        raise StackError(f"pixels are {array.dtype}.", where=where, hint="Give uint8, uint16 or float in [0, 1].")
    else:
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise StackError(f"{bad} values are NaN or infinite.", where=where, hint="Replace them before stacking.")
    return np.ascontiguousarray(array)


def describe(array: NDArray[Any]) -> str:
    """Size, channels and data type in words."""
    h, w, c = array.shape
    return f"{w} x {h} px, {c} channel{'s' * (c > 1)}, {array.dtype}"

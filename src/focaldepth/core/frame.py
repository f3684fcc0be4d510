"""One frame: its form, its full scale, and how it is reduced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import StackError

Frame = NDArray[Any]
"""One picture: (H, W, C), C = 1 or 3 (RGB); uint8, uint16 or float32."""


def as_frame(array: NDArray[Any], where: str) -> Frame:
    """Return a picture as the frame (H, W, C) that stacks hold: C 1 or 3, uint8, uint16 or float32, C-contiguous.

    Args:
        array: (H, W) or (H, W, C), C 1, 3 or 4 (alpha dropped); unsigned of at most 16 bits, or finite floats.
        where: for messages.

    Raises:
        StackError: anything else.

    >>> as_frame(np.zeros((4, 5), np.float64), "a").shape
    (4, 5, 1)
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
        bad = int(array.size - np.isfinite(array).sum())
        if bad:
            raise StackError(f"{bad} values are NaN or infinite.", where=where, hint="Replace them before stacking.")
    elif array.dtype.kind != "u" or array.dtype.itemsize > 2:
        raise StackError(f"pixels are {array.dtype}.", where=where, hint="Give uint8, uint16 or float in [0, 1].")
    else:
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return np.ascontiguousarray(array)


def describe(array: Frame) -> str:
    """Return size, channels and data type of a frame in words."""
    h, w, c = array.shape
    return f"{w} x {h} px, {c} channel{'s' * (c > 1)}, {array.dtype}"


def frames_last(shape: Sequence[int]) -> bool:
    """True for (H, W, N) and (H, W, N, C): the third axis is less than half as long as each of the first two.

    >>> frames_last((480, 640, 30)), frames_last((30, 480, 640)), frames_last((480, 640, 3))
    (True, False, False)
    """
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3, 4)):
        return False
    colour = len(shape) == 3 and shape[2] in (1, 3, 4)
    return not colour and 1 < 2 * shape[2] < min(shape[:2])


def float_scale(top: float) -> float:
    """Return full scale of float pixels whose highest value is `top`, where nobody states it.

    They are taken as [0, 1]; linear pictures may exceed that a little, so up to 4 it stays 1. Values beyond are counts
    of another scale: the next 2^k - 1 (255, 511 ... 65535 ...).

    >>> float_scale(3612.5), float_scale(1.2)
    (4095.0, 1.0)
    """
    return 1.0 if top <= 4 else next((float(2**k - 1) for k in range(8, 33) if top <= 2**k - 1), top)


def white_of(dtype: np.dtype[Any]) -> float:
    """Value of full scale of a data type: 255, 65535, or 1.0 for float."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def reduce_frame(frame: Frame, factor: int) -> Frame:
    """Return block means of a frame, (ceil(H / factor), ceil(W / factor), C); border blocks are smaller.

    Whole numbers are rounded, halves up.

    >>> reduce_frame(np.arange(8, dtype=np.uint8).reshape(2, 4, 1), 2)[..., 0]
    array([[3, 5]], dtype=uint8)
    """
    if factor == 1:
        return frame
    whole = frame.dtype.kind == "u"
    kind = np.min_scalar_type(factor**2 * int(white_of(frame.dtype) + 1) - 1) if whole else np.dtype(np.float64)
    total, count = frame, np.ones((), kind)
    for axis, size in enumerate(frame.shape[:2]):  # first down, then across: 2 factor instead of factor^2 additions
        blocks = -(-size // factor)
        sums = np.zeros((*total.shape[:axis], blocks, *total.shape[axis + 1 :]), kind)
        for k in range(factor):
            part = total[k::factor] if axis == 0 else total[:, k::factor]
            sums[tuple(map(slice, part.shape))] += part
        total = sums
        count = np.multiply.outer(count, np.minimum(factor, size - factor * np.arange(blocks)).astype(kind))
    count = count[..., None]
    return np.asarray((total + count // 2) // count if whole else total / count, frame.dtype)

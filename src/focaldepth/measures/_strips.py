"""Score a picture strip by strip: working planes stay in the cache, and borders are reflected in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, Score

Plane = NDArray[Any]
_PIXELS = 1 << 16
_ROWS = 16


def in_strips(grey: Grey, reach: int, score_of: Callable[[Plane], Plane]) -> Score:
    """Return the score of every pixel.

    Args:
        grey: (H, W) of any type, or (C, H, W) for measures over frames.
        reach: how many pixels beyond a strip `score_of` needs to see; the picture is continued by reflection.
        score_of: takes a strip ([C,] h + 2 reach, W + 2 reach) float32; returns scores >= 0 of all its pixels, of which
            the outer `reach` are dropped, or of the (h, W) inner pixels alone.
    """
    h, w = grey.shape[-2:]
    padded = _reflected(grey, reach)
    score = np.empty((h, w), np.float32)
    rows = max(_PIXELS // padded.shape[-1], _ROWS, 4 * reach)
    for y in range(0, h, rows):
        stop = min(y + rows, h)
        found = score_of(padded[..., y : stop + 2 * reach, :].astype(np.float32, copy=False))
        if found.shape != (stop - y, w):
            found = found[reach : reach + stop - y, reach : reach + w]
        np.copyto(score[y:stop], found, casting="same_kind")
    return score


def _reflected(grey: Grey, reach: int) -> Grey:
    """The picture, or each of (C, H, W), with `reach` more pixels on each side."""
    if grey.ndim == 3:
        return np.stack([_reflected(plane, reach) for plane in grey])
    if reach == 0:
        return grey
    padded: Grey = cv2.copyMakeBorder(grey, reach, reach, reach, reach, cv2.BORDER_REFLECT_101)
    return padded


def neighbours(strip: Plane, radius: int = 1) -> dict[tuple[int, int], Plane]:
    """Views of the strip moved by (dy, dx), each of the size that is left when the outer `radius` pixels are dropped.

    >>> neighbours(np.arange(9.0).reshape(3, 3))[-1, 1]
    array([[2.]])
    """
    h, w = strip.shape
    moves = range(-radius, radius + 1)
    return {
        (dy, dx): strip[radius + dy : h - radius + dy, radius + dx : w - radius + dx] for dy in moves for dx in moves
    }

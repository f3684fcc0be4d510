"""Frames to grey."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.stack import Frame


class ChannelSum:
    """Sums the channels of strips of a frame; its buffers are kept, so that no strip faults pages in anew."""

    def __init__(self, rows: int, width: int, channels: int, dtype: np.dtype[Any]) -> None:
        self._planes = [np.empty((rows, width), dtype) for _ in range(channels)]
        self._total = np.empty((rows, width), np.int16 if dtype == np.uint8 else np.float32)

    def __call__(self, strip: Frame) -> NDArray[Any]:
        """Return the sum of the channels, (h, W) with h <= rows: int16 for uint8, else float32; lent.

        Exact, where a rounded 8-bit grey would add half a level of noise to plain areas (3 to 6 % more depth error).

        >>> ChannelSum(1, 1, 3, np.dtype(np.uint8))(np.array([[[1, 2, 255]]], np.uint8))
        array([[258]], dtype=int16)
        """
        rows = len(strip)
        total = self._total[:rows]
        if strip.shape[2] == 1:
            np.copyto(total, strip[..., 0])
            return total
        planes = [plane[:rows] for plane in self._planes]
        cv2.split(strip, planes)
        np.copyto(total, planes[0])
        for plane in planes[1:]:
            total += plane
        return total


def grey_mean(frame: Frame) -> NDArray[np.float32]:
    """Return the plain mean of the channels, (H, W) float32.

    >>> grey_mean(np.array([[[0, 3, 6]]], np.uint8))
    array([[3.]], dtype=float32)
    """
    mean: NDArray[np.float32] = frame.mean(-1, dtype=np.float32)
    return mean


def brightness_gains(gains: NDArray[np.float32] | None, n: int) -> NDArray[np.float32]:
    """Return one factor per frame that brings focus measures to the common brightness, (N,)."""
    if gains is None:
        return np.ones(n, np.float32)
    mean: NDArray[np.float32] = gains.mean(1, dtype=np.float32)
    return mean

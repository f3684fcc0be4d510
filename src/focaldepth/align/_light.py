"""Between stored pixel values and light."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.stack import FocalStack, Transfer


def to_light(values: NDArray[Any], stack: FocalStack) -> NDArray[np.float32]:
    """Return linear light of stored values, full scale 1; 8-bit pictures of unknown transfer are taken as sRGB."""
    white = stack.source.white
    if values.dtype.kind == "u":
        table = np.arange(np.iinfo(values.dtype).max + 1, dtype=np.float64) / white
        table = decoded(table) if is_srgb(stack) else table
        light = table.astype(np.float32)
        if values.dtype == np.uint8:
            # three times as fast as indexing
            return np.asarray(cv2.LUT(values, light), np.float32).reshape(values.shape)
        out: NDArray[np.float32] = np.take(light, values)
        return out
    scaled = values / np.float32(white)
    return decoded(scaled).astype(np.float32) if is_srgb(stack) else scaled.astype(np.float32)


def decoded(values: NDArray[Any]) -> NDArray[Any]:
    """Return linear light of sRGB values in [0, 1] (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4)


def is_srgb(stack: FocalStack) -> bool:
    """Return whether pixel values are taken as sRGB-coded."""
    return stack.transfer is Transfer.SRGB or (stack.transfer is Transfer.UNKNOWN and stack.dtype == np.uint8)


def encoded(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sRGB values of linear light (IEC 61966-2-1)."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)

"""Frames brought to one brightness and colour on reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.align._light import decoded, encoded
from focaldepth.core.stack import DerivedSource, Frame


@dataclass(frozen=True)
class ScaledSource(DerivedSource):
    """Another source whose light is multiplied by a factor per frame and channel.

    Attributes:
        base: the frames as they are.
        factors: (N, C) factors on linear light.
        srgb: true where pixel values are sRGB-coded light; else they are light.
    """

    factors: NDArray[np.float64]
    srgb: bool

    def read(self, i: int) -> Frame:
        """Return frame i; values above full scale are cut."""
        return self._scale(self.base.read(i), i)

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced."""
        return self._scale(self.base.preview(i, factor), i)

    def _scale(self, frame: Frame, i: int) -> Frame:
        factors = self.factors[i]
        if (np.abs(factors - 1) < 1e-9).all():
            return frame
        if frame.dtype.kind != "u":
            out: Frame = self._curve(frame / self.white, factors).astype(frame.dtype) * frame.dtype.type(self.white)
            return out
        top = np.iinfo(frame.dtype).max
        values = np.arange(top + 1)[:, None] / self.white
        table = np.clip(np.round(self._curve(values, factors) * self.white), 0, top).astype(frame.dtype)
        if frame.dtype == np.uint8:
            return np.asarray(cv2.LUT(frame, table[None])).reshape(frame.shape)
        return np.stack([table[frame[..., c], c] for c in range(frame.shape[2])], -1)

    def _curve(self, values: NDArray[Any], factors: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.srgb:
            return np.minimum(values * factors, 1.0)
        return encoded(np.minimum(decoded(values) * factors, 1.0))

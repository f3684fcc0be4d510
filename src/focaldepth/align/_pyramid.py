"""Small brightness pictures of frames, and the band-passed levels that are compared."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.align._light import to_light
from focaldepth.core.stack import FocalStack

Plane = NDArray[np.float32]

COARSEST = 64
"""Levels shrink until the short side would fall below this."""
TILE = 16
"""Side of a tile in pixels of its level."""


def preview_factor(shape: tuple[int, int, int], long_side: int) -> int:
    """Return the power of two by which frames are reduced: what JPEG decoders reduce by for almost nothing."""
    h, w, _ = shape
    factor = 1
    while max(h, w) / factor > long_side and min(h, w) / (2 * factor) >= COARSEST:
        factor *= 2
    return factor


def brightness(stack: FocalStack, i: int, factor: int) -> Plane:
    """Return the mean over channels of a reduced frame in linear light, (h, w).

    Defocus mixes light, not pixel values: a blurred edge stays in place only in linear light, in sRGB values it moves
    to the dark side.
    """
    light = to_light(stack.source.preview(i, factor), stack)
    if light.shape[2] == 1:
        return light[..., 0]
    out: Plane = cv2.transform(light, np.full((1, light.shape[2]), 1 / light.shape[2], np.float32))
    return out


@dataclass(frozen=True)
class Pyramid:
    """Band-passed levels of one frame and the texture of their tiles.

    Attributes:
        levels: (h, w) float32 each, half the size of the one before, finest first.
        textures: (h // TILE, w // TILE) float32 each: mean energy of tiles.
        coarse: brightness at the coarsest level.
    """

    levels: tuple[Plane, ...]
    textures: tuple[Plane, ...]
    coarse: Plane

    @classmethod
    def of(cls, plane: Plane) -> Pyramid:
        """Make all levels of a picture of `brightness`."""
        levels, textures = [], []
        while True:
            levels.append(_band_pass(plane))
            textures.append(_texture(levels[-1]))
            h, w = plane.shape
            if min(h, w) / 2 < COARSEST:
                break
            plane = cv2.resize(plane[: h // 2 * 2, : w // 2 * 2], (w // 2, h // 2), interpolation=cv2.INTER_AREA)
        return cls(tuple(levels), tuple(textures), plane)

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) of the finest level."""
        h, w = self.levels[0].shape
        return h, w


def _band_pass(plane: Plane) -> Plane:
    """Keep details between about 2 and 16 pixels: noise below, shading above are no help."""
    smooth = cv2.GaussianBlur(plane, (0, 0), 1.0)
    out: Plane = smooth - cv2.blur(cv2.blur(smooth, (9, 9)), (9, 9))
    return out


def _texture(level: Plane) -> Plane:
    h, w = level.shape
    rows, cols = h // TILE, w // TILE
    if rows == 0 or cols == 0:
        return np.zeros((rows, cols), np.float32)
    square = level[: rows * TILE, : cols * TILE] ** 2
    out: Plane = cv2.resize(square, (cols, rows), interpolation=cv2.INTER_AREA)
    return out

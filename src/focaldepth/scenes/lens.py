"""Frames by sampling the lens: pinhole views from points of the aperture, shifted for each focus and averaged.

A point of nearness q (dioptres) seen from the point s of the aperture lies k s (q - q0) px from where the centre of the
lens sees it, q0 an arbitrary plane: exact for pinholes side by side. A frame focused at q_n is the mean of the views,
each moved back by k s (q_n - q0). Surfaces are complete behind each other, so what is hidden from the centre and seen
from the rim of the lens is there; no picture is ever blurred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.optics.aperture import Aperture

Image = NDArray[np.float32]
ROUNDS = 2
"""Of solving for the place on a relief."""
_AWAY_PX = 2.0
SHARPNESS_PX = 0.6
"""Blur (Gaussian sigma) of a frame in focus: the pixels' own, from bilinear sampling twice."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One surface as the centre of the lens sees it, complete behind others.

    Attributes:
        content: (h, w, 4) float32, linear RGB times alpha, and alpha.
        corner: row and column of its first pixel in the picture; may lie outside.
        plane: nearness at the picture's origin and its slope per row and per column: 1/Z of a plane is linear there.
        relief: (h, w) float32 nearness on top of the plane, smooth; None for a flat surface.
        endless: the content goes on mirrored beyond its border (the background).
    """

    content: Image
    corner: tuple[int, int]
    plane: tuple[float, float, float]
    relief: Image | None = None
    endless: bool = False

    @cached_property
    def span(self) -> tuple[float, float]:
        """Lowest and highest nearness."""
        h, w = self.content.shape[:2]
        a, down, right = self.plane
        corners = [a + down * (self.corner[0] + y) + right * (self.corner[1] + x) for y in (0, h) for x in (0, w)]
        bump = (0.0, 0.0) if self.relief is None else (float(self.relief.min()), float(self.relief.max()))
        return min(corners) + bump[0], max(corners) + bump[1]

    def nearness(self) -> Image:
        """Return (h, w) nearness of every pixel."""
        h, w = self.content.shape[:2]
        y, x = np.mgrid[:h, :w].astype(np.float32)
        a, down, right = self.plane
        flat = a + down * (y + self.corner[0]) + right * (x + self.corner[1])
        return np.asarray(flat if self.relief is None else flat + self.relief, np.float32)


@dataclass(frozen=True, eq=False)
class View:
    """What the scene looks like from one point of the aperture, (H, W, 3), and how it is asked for."""

    size: tuple[int, int]
    margin: int
    origin: float

    def render(self, layers: Sequence[Layer], shift: tuple[float, float]) -> Image:
        """Return the view whose points move by `shift` px per dioptre from `origin`, with its margin around."""
        rows, columns = (n + 2 * self.margin for n in self.size)
        planes = np.zeros((3, rows, columns), np.float32)
        for layer in layers:
            self._draw(planes, layer, shift)
        merged: Image = cv2.merge(list(planes))
        return merged

    def _draw(self, out: Image, layer: Layer, shift: tuple[float, float]) -> None:
        """Lay a layer over the view: backwards, p + s (q(p) - q0) = x solved for p."""
        a, down, right = layer.plane
        top, left, bottom, end = self._reached(layer, shift, out.shape[1:])
        if top >= bottom or left >= end:
            return
        sy, sx = shift
        # With q linear, (1 + s b) p = x - s (a - q0), which is affine; first in pixels of the picture.
        whole = 1 + sy * down + sx * right
        matrix = np.array([[1 + sx * right, -sy * right], [-sx * down, 1 + sy * down]]) / whole
        moved = -np.array([sy, sx]) * (a - self.origin)
        at = matrix @ (np.array([top - self.margin, left - self.margin]) + moved) - np.array(layer.corner)
        size = (end - left, bottom - top)
        border = cv2.BORDER_REFLECT if layer.endless else cv2.BORDER_CONSTANT
        if layer.relief is None:
            affine = np.array([[matrix[1, 1], matrix[1, 0], at[1]], [matrix[0, 1], matrix[0, 0], at[0]]], np.float64)
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            drawn = cv2.warpAffine(layer.content, affine, size, flags=flags, borderMode=border)
        else:
            y, x = np.arange(size[1], dtype=np.float32)[:, None], np.arange(size[0], dtype=np.float32)[None]
            flat_y = np.float32(matrix[0, 0]) * y + np.float32(matrix[0, 1]) * x + np.float32(at[0])
            flat_x = np.float32(matrix[1, 0]) * y + np.float32(matrix[1, 1]) * x + np.float32(at[1])
            step = (matrix @ np.array([sy, sx])).astype(np.float32)
            py, px = flat_y, flat_x
            for _ in range(ROUNDS):
                bump = cv2.remap(layer.relief, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                py, px = flat_y - step[0] * bump, flat_x - step[1] * bump
            drawn = cv2.remap(layer.content, px, py, cv2.INTER_LINEAR, borderMode=border)
        # Plane by plane: numpy is slow where the last axis is three colours.
        *colours, alpha = cv2.split(drawn)
        through = None if layer.endless else 1 - alpha
        for plane, colour in zip(out, colours, strict=True):
            part = plane[top:bottom, left:end]
            if through is None:
                part[:] = colour
            else:
                part *= through
                part += colour

    def _reached(self, layer: Layer, shift: tuple[float, float], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Rows and columns of the view that a layer can fall on: top, left, bottom, right."""
        if layer.endless:
            return 0, 0, shape[0], shape[1]
        h, w = layer.content.shape[:2]
        span = (layer.span[0] - self.origin, layer.span[1] - self.origin)
        limits = []
        for axis, size in ((0, h), (1, w)):
            moves = [shift[axis] * q for q in span]
            first = layer.corner[axis] + self.margin + min(moves) - 1
            last = layer.corner[axis] + self.margin + size + max(moves) + 1
            limits.append((max(int(np.floor(first)), 0), min(int(np.ceil(last)), shape[axis])))
        return limits[0][0], limits[1][0], limits[0][1], limits[1][1]


def sample_lens(
    layers: Sequence[Layer],
    size: tuple[int, int],
    focus: NDArray[np.float64],
    scale: float,
    *,
    samples: int = 64,
    aperture: Aperture | None = None,
    seed: int = 0,
) -> Image:
    """Return (N, H, W, 3) float32 linear light, one frame per focus position.

    Args:
        layers: far to near: each covers those before it.
        size: (H, W).
        focus: (N,) dioptres.
        scale: blur radius in px per dioptre.
        samples: points of the aperture.
        aperture: its shape; None = disc.
        seed: of the points.
    """
    points = (aperture or Aperture()).samples(samples, seed) * scale
    origin, margin = far_origin(focus, scale)
    view = View(size, margin, origin)
    out = np.zeros((len(focus), *size, 3), np.float32)
    h, w = size
    for sy, sx in points:
        seen = view.render(layers, (sy, sx))
        for n, position in enumerate(focus - origin):
            middle = (margin + sx * position + (w - 1) / 2, margin + sy * position + (h - 1) / 2)
            cv2.accumulate(cv2.getRectSubPix(seen, (w, h), middle), out[n])
    out /= np.float32(len(points))
    return out


def far_origin(focus: NDArray[np.float64], scale: float) -> tuple[float, int]:
    """Return the nearness that no point of the aperture moves, and the margin in px that views need for it.

    Views are sampled between pixels twice; a frame near the origin would be spared that and be sharper than others.
    """
    origin = float(focus.min()) - _AWAY_PX / scale
    return origin, int(np.ceil(scale * (focus.max() - origin))) + 2


def centre_view(layers: Sequence[Layer], size: tuple[int, int]) -> tuple[Image, Image]:
    """Return what the centre of the lens sees, as sharp as a frame in focus: (H, W, 3) linear light, nearness (H, W).

    The nearness of a pixel is that of the layer that covers at least half of it.
    """
    sharp = View(size, 0, 0.0).render(layers, (0.0, 0.0))
    nearness = np.zeros(size, np.float32)
    for layer in layers:
        h, w = layer.content.shape[:2]
        y, x = layer.corner
        rows, columns = slice(max(y, 0), min(y + h, size[0])), slice(max(x, 0), min(x + w, size[1]))
        part = (slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        covers = layer.content[part][..., 3] > 0.5
        np.copyto(nearness[rows, columns], layer.nearness()[part], where=covers)
    return cv2.GaussianBlur(sharp, (0, 0), SHARPNESS_PX, borderType=cv2.BORDER_REFLECT), nearness

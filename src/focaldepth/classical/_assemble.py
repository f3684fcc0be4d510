"""From planes on the grid of depth to full-resolution maps, along the edges of the all-in-focus picture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane, enlarge
from focaldepth.core.stack import Frame

_STRIP = 128
_CONTRAST = 0.05
"""Difference of the guide (mean over channels, its span is 1) at which a neighbour counts 1/e as much."""


def enlarge_along_edges(
    planes: list[Plane], guide: Plane, picture: Frame | None, white: float, factor: int, threads: int
) -> list[Plane]:
    """Bring planes to full resolution: every pixel takes those of its four grid neighbours that look like it.

    Joint bilateral upsampling (Kopf et al., ACM TOG 26(3), 2007) with bilinear weights in space.

    Args:
        planes: (h, w) float32 each.
        guide: (h, w, C) the picture on the grid.
        picture: (H, W, C) the picture; None: plain bilinear enlargement.
        white: value of the picture that is 1 in the guide.
        factor: pixels per grid pixel.
        threads: strips worked on at once.
    """
    h, w = planes[0].shape
    if picture is None:
        shape = (h * factor, w * factor)
        return [enlarge(p, factor, *shape) for p in planes]
    if factor == 1:
        return planes
    height, width = picture.shape[:2]
    out = [np.empty((height, width), np.float32) for _ in planes]

    def fill(y: int) -> None:
        rows = np.arange(y, min(y + _STRIP, height))
        part = picture[rows[0] : rows[-1] + 1].astype(np.float32) * np.float32(1 / white)
        for target, values in zip(out, _strip(planes, guide, part, rows, factor), strict=True):
            target[rows[0] : rows[-1] + 1] = values

    with ThreadPoolExecutor(threads, thread_name_prefix="focaldepth-enlarge") as pool:
        list(pool.map(fill, range(0, height, _STRIP)))
    return out


def _strip(
    planes: list[Plane], guide: Plane, part: NDArray[np.float32], rows: NDArray[np.int64], factor: int
) -> list[Plane]:
    """Weighted means over the four grid neighbours of every pixel of some rows."""
    h, w = planes[0].shape
    columns = np.arange(part.shape[1])
    (top, down), (left, right) = _neighbours(rows, factor, h), _neighbours(columns, factor, w)
    total = np.full(part.shape[:2], 1e-6, np.float32)
    sums = [np.zeros(part.shape[:2], np.float32) for _ in planes]
    for y, wy in ((top, 1 - down), (np.minimum(top + 1, h - 1), down)):
        for x, wx in ((left, 1 - right), (np.minimum(left + 1, w - 1), right)):
            # Rows first: the second indexing then runs along memory.
            away = np.abs(part - guide[y][:, x]).mean(-1)
            weight = np.exp(away * np.float32(-1 / _CONTRAST)) + np.float32(1e-4)
            weight *= wy[:, None] * wx
            total += weight
            for summed, plane in zip(sums, planes, strict=True):
                summed += weight * plane[y][:, x]
    return [summed / (total - np.float32(1e-6)) for summed in sums]


def _neighbours(pixels: NDArray[np.int64], factor: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Index of the grid pixel before each pixel, and how far (0..1) it lies towards the next one."""
    place = np.clip((pixels + 0.5) / factor - 0.5, 0, count - 1)
    before = np.minimum(place.astype(np.int64), max(count - 2, 0))
    return before, np.clip(place - before, 0.01, 0.99).astype(np.float32)


def enlarge_blocks(plane: NDArray[Any], factor: int, shape: tuple[int, int]) -> NDArray[Any]:
    """Return a plane of full size whose blocks repeat the grid's pixels, in the dtype of the grid."""
    if factor == 1:
        return plane
    size = (plane.shape[1] * factor, plane.shape[0] * factor)
    kind = np.uint8 if plane.dtype == bool else plane.dtype
    big = cv2.resize(plane.view(kind), size, interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(big[: shape[0], : shape[1]]).view(plane.dtype)

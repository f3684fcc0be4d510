"""From the score of every pixel to smooth scores on coarser grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """A heavy-tailed window: Gaussians of several widths, weighted.

    Attributes:
        parts: (sigma in full-resolution pixels, weight); the first is the narrowest and has weight 1.
        coarse: how many times coarser than the base grid the result lies.
    """

    parts: tuple[tuple[float, float], ...]
    coarse: int

    @property
    def sigma(self) -> float:
        """Width of the narrowest part, in full-resolution pixels."""
        return self.parts[0][0]

    @property
    def weight(self) -> float:
        """Sum of all weights: what a constant score is multiplied with."""
        return float(sum(w for _, w in self.parts))


def grid_shape(height: int, width: int, factor: int) -> tuple[int, int]:
    """Rows and columns of a grid `factor` times coarser than a picture."""
    return -(-height // factor), -(-width // factor)


def shrink(plane: NDArray[Any], factor: int) -> Plane:
    """Block means, (ceil(h / factor), ceil(w / factor)) float32; the border is repeated to fill blocks."""
    if factor == 1:
        return plane.astype(np.float32, copy=False)
    h, w = plane.shape
    rows, cols = grid_shape(h, w, factor)
    pad_y, pad_x = rows * factor - h, cols * factor - w
    if pad_y or pad_x:
        plane = cv2.copyMakeBorder(plane, 0, pad_y, 0, pad_x, cv2.BORDER_REPLICATE)
    small: Plane = cv2.resize(plane, (cols, rows), interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
    return small


def enlarge(plane: NDArray[Any], factor: int, height: int, width: int) -> NDArray[Any]:
    """Bilinear enlargement of a grid made by `shrink` back to (height, width)."""
    if factor == 1:
        return plane
    rows, cols = plane.shape[:2]
    big = cv2.resize(plane, (cols * factor, rows * factor), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(big[:height, :width])


def enlarge_part(plane: NDArray[Any], rows: slice, cols: slice, factor: int) -> NDArray[Any]:
    """Some pixels of the enlarged grid; the grid pixels beside them take part, so parts join without a trace.

    Args:
        plane: grid made by `shrink`.
        rows, cols: pixels of the enlarged picture, with start and stop.
        factor: enlarged pixels per grid pixel.
    """
    if factor == 1:
        return plane[rows, cols]
    y0, x0 = max(rows.start // factor - 1, 0), max(cols.start // factor - 1, 0)
    part = plane[y0 : -(-rows.stop // factor) + 1, x0 : -(-cols.stop // factor) + 1]
    part = enlarge(part, factor, part.shape[0] * factor, part.shape[1] * factor)
    y, x = rows.start - y0 * factor, cols.start - x0 * factor
    return np.ascontiguousarray(part[y : y + rows.stop - rows.start, x : x + cols.stop - cols.start])


class Pyramid:
    """Block means of a score on grids 1, 2, 4 ... times coarser than the base grid, made when asked for."""

    def __init__(self, base: Plane) -> None:
        self._levels = [base]

    def level(self, number: int) -> Plane:
        """Return the grid 2^number times coarser than the base."""
        while len(self._levels) <= number:
            self._levels.append(shrink(self._levels[-1], 2))
        return self._levels[number]


def aggregate(pyramid: Pyramid, window: Window, base_factor: int) -> Plane:
    """Weigh the score with a window; each Gaussian runs on the coarsest grid on which it is still 1 px wide.

    Args:
        pyramid: score on the base grid and below.
        window: widths in full-resolution pixels.
        base_factor: full-resolution pixels per base grid pixel.

    Returns:
        Weighted score on the grid `window.coarse` times coarser than the base.
    """
    target = window.coarse.bit_length() - 1
    parts: dict[int, Plane] = {}
    for sigma, weight in window.parts:
        level = target
        while sigma / (base_factor * 2 ** (level + 1)) >= 1.5:
            level += 1
        pixel = base_factor * 2**level
        # Block means already smooth by a box of one pixel (variance 1/12 of its square).
        width = np.sqrt(max((sigma / pixel) ** 2 - (1 / 12 if pixel > 1 else 0), 0.04))
        part = cv2.GaussianBlur(pyramid.level(level), (0, 0), float(width))
        if level in parts:
            cv2.scaleAdd(part, weight, parts[level], dst=parts[level])
        else:
            parts[level] = np.multiply(part, np.float32(weight), out=part)
    # From the coarsest grid up, so that only one enlargement reaches each grid.
    coarsest = max(parts)
    total = parts[coarsest]
    for level in range(coarsest - 1, target - 1, -1):
        total = enlarge(total, 2, *pyramid.level(level).shape)
        if level in parts:
            cv2.add(total, parts[level], dst=total)
    return total

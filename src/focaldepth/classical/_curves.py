"""Focus curves of a grid of pixels, for people who want to see why a depth is what it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane

_SPARSE = (24, 32)
_DENSE_NUMBERS = 12_000_000
_DENSE_PX = 4
Positions = NDArray[np.int64]


class CurveSampler:
    """Keeps the score of every frame at the pixels of a grid."""

    def __init__(self, shape: tuple[int, int], frames: int, factor: int, dense: bool) -> None:
        """Choose the grid.

        Args:
            shape: (H, W) of a frame.
            frames: how many will come.
            factor: pixels per pixel of the scores.
            dense: every 4th pixel, or as many as make 12 million numbers; else 24 x 32 pixels.
        """
        h, w = shape
        if dense:
            apart = max(_DENSE_PX, int(np.ceil(np.sqrt(frames * h * w / _DENSE_NUMBERS))))
            counts = (-(-h // apart), -(-w // apart))
        else:
            counts = (min(_SPARSE[0], h), min(_SPARSE[1], w))
        self._rows, self._cols = _spread(counts[0], h), _spread(counts[1], w)
        self._picked = np.ix_(self._rows // factor, self._cols // factor)
        self._curves: list[Plane] = []

    def take(self, score: Plane) -> None:
        """Keep what is needed of the score of the next frame."""
        self._curves.append(score[self._picked])

    def extras(self) -> dict[str, NDArray[Any]]:
        """Return the curves (N, a, b) float32 and the pixel rows (a,) and columns (b,) that they belong to."""
        return {"curves": np.stack(self._curves), "curve_rows": self._rows, "curve_cols": self._cols}


def _spread(count: int, length: int) -> Positions:
    """Middles of `count` equal parts of a line.

    >>> _spread(2, 8).tolist()
    [2, 6]
    """
    return ((np.arange(count) + 0.5) * length / count).astype(np.int64)

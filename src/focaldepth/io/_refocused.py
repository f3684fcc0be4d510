"""Frames refocused from a light field when they are first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.light_field import LightField, Refocuser
from focaldepth.core.progress import Run
from focaldepth.core.stack import Frame, reduce_frame

_WHITE16 = 65535


@dataclass(frozen=True, eq=False)
class RefocusedSource:
    """A light field as a focal stack; frame i is focused at `disparities[i]`.

    All frames are made at the first reading, because each one needs all views; then they are held. Views of whole
    numbers give frames of 16 bits (an average of many views holds more than 8), others float32.

    Attributes:
        views: the light field.
        disparities: (N,) px.
        refocuser: how frames are made.
        threads: that may be used for it.
    """

    views: LightField
    disparities: NDArray[np.float64]
    refocuser: Refocuser
    threads: int = 2
    _made: list[NDArray[Any]] = field(default_factory=list, init=False, repr=False)
    _lock: Any = field(default_factory=Lock, init=False, repr=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        return self.views.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint16, or float32 where the views are float."""
        return np.dtype(np.float32 if self.views.dtype.kind == "f" else np.uint16)

    @property
    def white(self) -> float:
        """Value of full scale."""
        return 1.0 if self.views.dtype.kind == "f" else float(_WHITE16)

    @property
    def held_bytes(self) -> int:
        """Memory of all frames, held once the first was read."""
        return len(self) * prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self.disparities)

    def read(self, i: int) -> Frame:
        """Return frame i; shared, do not write into it."""
        frame: Frame = self._frames()[i]
        return frame

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced by block means."""
        return reduce_frame(self._frames()[i], factor)

    def coverage(self, i: int) -> NDArray[np.bool_] | None:
        """Return where every view shows the scene; elsewhere the picture has borders of views in it."""
        h, w, _ = self.shape
        (top, bottom), (left, right) = (
            _missing(self.disparities[i], size, centre)
            for size, centre in zip(self.views.grid, self.views.centre, strict=True)
        )
        if not (top or bottom or left or right):
            return None
        seen = np.zeros((h, w), bool)
        seen[top : h - bottom, left : w - right] = True
        return seen

    def _frames(self) -> NDArray[Any]:
        """Make all frames once, whichever thread comes first."""
        with self._lock:
            if not self._made:
                made = self.refocuser(self.views, self.disparities, Run(threads=self.threads))
                if self.dtype.kind == "u":
                    np.clip(made, 0, 1, out=made)
                    made *= np.float32(_WHITE16)
                    np.rint(made, out=made)
                    self._made.append(made.astype(np.uint16))
                else:
                    self._made.append(made)
            return self._made[0]


def _missing(disparity: float, count: int, centre: int) -> tuple[int, int]:
    """Pixels at the low and at the high end that some view does not reach.

    View k shows at x the scene point of its own pixel x - (k - centre) d.
    """
    moves = (np.arange(count) - centre) * disparity
    return int(np.ceil(max(moves.max(), 0) - 1e-9)), int(np.ceil(max(-moves.min(), 0) - 1e-9))

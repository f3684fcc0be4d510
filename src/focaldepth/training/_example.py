"""One stack as the arrays that training works on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import Unit
from focaldepth.core.errors import AxisError, StackError
from focaldepth.core.sample import Sample
from focaldepth.core.stack import Frame, white_of

Pictures = NDArray[np.float32]
Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Example:
    """Frames, focus positions and truth of one scene in memory; everything of one geometry and one unit.

    Attributes:
        frames: (N, H, W, 3) float32 RGB, 0 to 1.
        focus: (N,) float64 focus positions, finite.
        truth: (H, W) float32 in the unit of `focus`; 0 where `mask` is false, so that masked sums stay finite.
        mask: (H, W) bool, where the truth is known.
        all_in_focus: (H, W, 3) float32 RGB, 0 to 1; None = unknown.
        confidence: (H, W) float32, weight of the truth, 0 to 1; None = all the same.

    Raises:
        StackError: arrays whose sizes do not fit together.
    """

    frames: Pictures
    focus: NDArray[np.float64]
    truth: Plane
    mask: Mask
    all_in_focus: Pictures | None = None
    confidence: Plane | None = None

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.shape[3] != 3 or self.focus.shape != self.frames.shape[:1]:
            raise StackError(
                f"frames are {self.frames.shape}, focus positions {self.focus.shape}.",
                where="example",
                hint="Give (N, H, W, 3) and (N,).",
            )
        for name, array in self._pictures().items():
            if array.shape[:2] != self.size:
                raise StackError(
                    f"the {name} is {array.shape}, the frames are {self.size}.",
                    where="example",
                    hint="Give one value per pixel.",
                )

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        h, w = self.frames.shape[1:3]
        return h, w

    @classmethod
    def of(cls, sample: Sample, unit: Unit) -> Example:
        """Read a sample into memory.

        Args:
            sample: grey frames become RGB with three equal channels; a sample without truth gets an empty mask.
            unit: of focus positions and truth.

        Raises:
            UnitError: no law leads from the unit of the sample to `unit`.
            AxisError: a focus position is infinite in `unit`.
        """
        stack = sample.stack
        focus = stack.axis.to(unit, stack.optics).values.copy()
        if not np.isfinite(focus).all():
            raise AxisError("a focus position is infinite.", where=sample.name, hint="Train in dioptres.")
        shape = stack.shape[:2]
        truth, mask = np.zeros(shape, np.float32), np.zeros(shape, bool)
        if sample.truth is not None:
            known = sample.truth.to(unit, stack.optics)
            truth, mask = np.where(known.valid, known.values, np.float32(0)), known.valid.copy()
        frames = np.stack([_rgb(frame, stack.source.white) for frame in stack.frames()])
        sharp = sample.all_in_focus
        all_in_focus = None if sharp is None else _rgb(sharp, white_of(sharp.dtype))
        return cls(frames, focus, truth, mask, all_in_focus, sample.confidence)

    def take(self, frames: NDArray[np.intp]) -> Example:
        """Return the example of some frames only, in the given order."""
        return replace(self, frames=self.frames[frames], focus=self.focus[frames])

    def window(self, rows: slice, columns: slice) -> Example:
        """Return a part of the picture."""
        parts = {name: array[rows, columns] for name, array in self._pictures().items()}
        return replace(self, frames=self.frames[:, rows, columns], **parts)

    def flipped(self, axis: int) -> Example:
        """Return the example upside down (axis 0) or left to right (axis 1)."""
        parts = {name: np.flip(array, axis) for name, array in self._pictures().items()}
        return replace(self, frames=np.flip(self.frames, axis + 1), **parts)

    def turned(self, quarters: int) -> Example:
        """Return the example turned counter-clockwise by quarter turns."""
        parts = {name: np.rot90(array, quarters) for name, array in self._pictures().items()}
        return replace(self, frames=np.rot90(self.frames, quarters, axes=(1, 2)), **parts)

    def contiguous(self) -> Example:
        """Return the example with arrays that own their memory in C order, as tensors need it."""
        parts = {name: np.ascontiguousarray(array) for name, array in self._pictures().items()}
        return replace(self, frames=np.ascontiguousarray(self.frames), **parts)

    def _pictures(self) -> dict[str, NDArray[Any]]:
        """Everything that has one value per pixel, frames excepted."""
        named = {name: getattr(self, name) for name in ("truth", "mask", "all_in_focus", "confidence")}
        return {name: array for name, array in named.items() if array is not None}


def _rgb(frame: Frame, white: float) -> Pictures:
    """(H, W, 3) float32, 0 to 1."""
    scaled = np.clip(frame.astype(np.float32) / np.float32(white), 0, 1)
    return np.repeat(scaled, 3, axis=2) if scaled.shape[2] == 1 else scaled

"""Previews that alignment has read, kept small for what comes after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.align._exposure import exposure_factor
from focaldepth.core.stack import FocalStack, Frame, FrameSource, reduce_frame


@dataclass(frozen=True)
class RememberedPreviews:
    """A source that keeps small versions of previews, so that alignment and exposure decode each file once.

    Attributes:
        base: where frames come from.
        factor: reduction of the previews that are kept (at most 400 px on the long side).
        kept: frame index -> preview; filled on the way.
    """

    base: FrameSource
    factor: int
    kept: dict[int, Frame]

    @classmethod
    def of(cls, stack: FocalStack) -> FocalStack:
        """Return the stack with remembered previews."""
        return replace(stack, source=cls(stack.source, exposure_factor(stack), {}))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        return self.base.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of every frame."""
        return self.base.dtype

    @property
    def white(self) -> float:
        """Value of full scale."""
        return self.base.white

    def __len__(self) -> int:
        return len(self.base)

    def read(self, i: int) -> Frame:
        """Return frame i."""
        return self.base.read(i)

    def coverage(self, i: int) -> NDArray[np.bool_] | None:
        """Return where frame i shows the scene."""
        return self.base.coverage(i)

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced; from memory where a preview of this factor is kept."""
        if factor == self.factor and i in self.kept:
            return self.kept[i]
        out = self.base.preview(i, factor)
        if self.factor % factor == 0:
            self.kept[i] = reduce_frame(out, self.factor // factor)
        return out

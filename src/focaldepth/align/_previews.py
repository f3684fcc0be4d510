"""Previews that alignment has read, kept small for what comes after it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from focaldepth.align._exposure import exposure_factor
from focaldepth.core.stack import DerivedSource, FocalStack, Frame, reduce_frame


@dataclass(frozen=True)
class RememberedPreviews(DerivedSource):
    """A source that keeps small versions of previews, so that alignment and exposure decode each file once.

    Attributes:
        base: where frames come from.
        factor: reduction of the previews that are kept (at most 400 px on the long side).
        kept: frame index -> preview; filled on the way.
    """

    factor: int
    kept: dict[int, Frame]

    @classmethod
    def of(cls, stack: FocalStack) -> FocalStack:
        """Return the stack with remembered previews."""
        return replace(stack, source=cls(stack.source, exposure_factor(stack), {}))

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced; from memory where a preview of this factor is kept."""
        if factor == self.factor and i in self.kept:
            return self.kept[i]
        out = self.base.preview(i, factor)
        if self.factor % factor == 0:
            self.kept[i] = reduce_frame(out, self.factor // factor)
        return out

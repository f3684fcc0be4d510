"""No alignment: frames are taken as they are."""

from __future__ import annotations

from dataclasses import dataclass

from focaldepth.core.alignment import Alignment
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack


@dataclass(frozen=True)
class Nothing:
    """Leaves every frame where it is; for stacks that are known to be registered."""

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Alignment:
        """Return the identity for every frame; no frame is read."""
        return Alignment.untouched(len(stack), "none")


ALIGNER = Nothing

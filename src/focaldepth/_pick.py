"""The map of one run applied to other frames of the same scene: another channel, another light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.core.errors import StackError
from focaldepth.core.method import Access, MethodSpec, WorkingMemory
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap, DepthResult, Estimate, Plane
from focaldepth.core.stack import FocalStack


@dataclass(frozen=True, eq=False)
class PickFrames:
    """Takes every pixel from the frame that a known map names; no focus is measured.

    Attributes:
        index: (H, W) fractional frame index of best focus; the nearest frame is taken.
        map: the depth that goes with it, passed through.
    """

    spec: ClassVar[MethodSpec] = MethodSpec(
        title="Pixels of the frames that a known map names",
        access=Access.STREAM,
        summary="The picture of another channel or another light by the map of an earlier run.",
        gives=("index", "all_in_focus"),
    )

    index: Plane
    map: DepthMap

    def working_memory(self, stack: FocalStack, run: Run) -> WorkingMemory:
        """Map and picture."""
        h, w, c = stack.shape
        size = h * w * (20 + c * stack.dtype.itemsize)
        return WorkingMemory(size, size)

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Estimate:
        """Make the picture; values come unchanged from the frames."""
        picture = np.zeros(stack.shape, stack.dtype)
        nearest = np.rint(self.index).astype(np.int32)
        run.stage("fuse", len(stack))
        for i, frame in enumerate(stack.frames(threads=run.threads)):
            np.copyto(picture, frame, where=(nearest == i)[..., None])
            run.advance()
        return Estimate(self.map, self.index, picture)


def check_like(stack: FocalStack, like: DepthResult) -> None:
    """Raise StackError unless the frames can be those of an earlier result: as many, and as large."""
    known = like.alignment
    count = len(like.axis) if known is None else len(known.transforms)
    if len(stack) != count:
        raise StackError(
            f"{len(stack)} frames, but the map was made from {count}.",
            where=stack.info.name,
            hint="Give the same frames of another channel or light.",
        )
    size = like.map.shape if known is None else known.size
    if size is not None and tuple(size) != stack.shape[:2]:
        h, w, _ = stack.shape
        raise StackError(
            f"frames are {w} x {h} px, those of the map were {size[1]} x {size[0]} px.",
            where=stack.info.name,
            hint="Give frames of the same size.",
        )

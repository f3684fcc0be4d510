"""A focal stack with what is known of its scene: what data sets yield, and files that carry a truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import StackError
from focaldepth.core.result import DepthMap
from focaldepth.core.stack import FocalStack, Frame


@dataclass(frozen=True, eq=False)
class Sample:
    """A stack, its truth where there is one, and where it belongs.

    Attributes:
        stack: the frames.
        truth: depth of every pixel, NaN and not valid where unknown; None = no truth.
        all_in_focus: (H, W, C) the sharp picture; None = unknown.
        reference: index of the frame whose geometry truth and picture have; None = frames are registered.
        name: of the scene.
        split: of a data set ("train", "test" ...); empty = none.
        confidence: (H, W) float32, how far the truth of each pixel is to be trusted, 0 to 1; None = all the same.

    Raises:
        StackError: a truth or a confidence of another size than the frames, or a reference that is none of them.
    """

    stack: FocalStack
    truth: DepthMap | None = None
    all_in_focus: Frame | None = None
    reference: int | None = None
    name: str = ""
    split: str = ""
    confidence: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        for what, plane in (("truth", self.truth), ("confidence", self.confidence)):
            if plane is not None and plane.shape != self.stack.shape[:2]:
                raise StackError(
                    f"the {what} is {plane.shape}, the frames are {self.stack.shape[:2]}.",
                    where=self.name,
                    hint="Give one number per pixel.",
                )
        if self.reference is not None and not 0 <= self.reference < len(self.stack):
            raise StackError(
                f"the truth belongs to frame {self.reference}, there are {len(self.stack)}.",
                where=self.name,
                hint="Count frames from 0.",
            )


@dataclass(frozen=True)
class Item:
    """One stack of a data set, read when it is its turn.

    Attributes:
        name: unique in its data set.
        open: reads it.
        split: of its data set ("train", "test" ...); empty = none.
    """

    name: str
    open: Callable[[], Sample]
    split: str = ""

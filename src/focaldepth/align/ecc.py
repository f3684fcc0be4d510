"""Alignment by correlation of tiles on a pyramid, over pairs of near frames, solved for all frames at once."""

from __future__ import annotations

from dataclasses import dataclass

from focaldepth.align._alignment import MotionModel
from focaldepth.align._evidence import gather
from focaldepth.align._pair import match
from focaldepth.align._resolve import resolve
from focaldepth.core.alignment import Alignment
from focaldepth.core.progress import Run
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack


@dataclass(frozen=True)
class Ecc:
    """Enhanced correlation coefficient, tile by tile so that blur may differ over the picture.

    Always moves frames as measured; `auto` asks first whether that helps.
    """

    model: str = setting("similarity", "what a transform may do", choices=tuple(m.value for m in MotionModel))
    long_side: int = setting(1600, "frames are compared at this size at most", unit="px", low=128)

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Alignment:
        """Find where each frame lies; previews are read once."""
        evidence = gather(stack, run, match, self.long_side)
        return resolve(evidence, MotionModel(self.model), f"ecc, {self.model}", {})


ALIGNER = Ecc

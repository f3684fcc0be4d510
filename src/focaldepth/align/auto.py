"""Alignment only where it is needed and proven to help; an aligned stack stays untouched."""

from __future__ import annotations

from dataclasses import dataclass

from focaldepth.align._alignment import Alignment, MotionModel
from focaldepth.align._evidence import gather
from focaldepth.align._judge import judge
from focaldepth.align._pair import match
from focaldepth.align._resolve import resolve
from focaldepth.core.progress import Run
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack


@dataclass(frozen=True)
class Auto:
    """Measures the motion of all frames and chooses the simplest sufficient model.

    Moves nothing unless held-out windows of the picture confirm that it helps.
    """

    tolerance_px: float = setting(
        0.4, "a stack whose corners all move less than this is left untouched", unit="px", low=0.0
    )
    long_side: int = setting(1600, "frames are compared at this size at most", unit="px", low=128)

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Alignment:  # noqa: B008
        """Find where each frame lies; previews are read once."""
        evidence = gather(stack, run, match, self.long_side)
        if len(evidence.group) < 2:
            return resolve(evidence, None, "", {})
        verdict = judge(evidence, tuple(MotionModel), self.tolerance_px)
        rule = (
            f"ecc, {verdict.model}: held-out windows lie {verdict.after_px:.2f} px apart instead of "
            f"{verdict.before_px:.2f} px"
            if verdict.model
            else f"not needed: transforms explain {max(verdict.explained, 0):.0%} of {verdict.before_px:.2f} px "
            "between held-out windows"
        )
        return resolve(evidence, verdict.model, rule, verdict.numbers())


ALIGNER = Auto

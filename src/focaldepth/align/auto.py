"""Alignment only where it is needed and proven to help; an aligned stack stays untouched."""

from __future__ import annotations

from dataclasses import dataclass, field

from focaldepth.align._alignment import MotionModel
from focaldepth.align._evidence import LINKED, gather
from focaldepth.align._geometry import Matrix
from focaldepth.align._judge import Verdict, judge
from focaldepth.align._pair import Match, match
from focaldepth.align._pyramid import Pyramid
from focaldepth.align._resolve import resolve
from focaldepth.align.features import KeyPointMatcher
from focaldepth.core.alignment import Alignment
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

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Alignment:
        """Find where each frame lies; previews are read once."""
        evidence = gather(stack, run, _PairFinder(), self.long_side)
        if len(evidence.group) < 2:
            return resolve(evidence, None, "", {})
        verdict = judge(evidence, tuple(MotionModel), self.tolerance_px)
        return resolve(evidence, verdict.model, _rule(verdict), verdict.numbers())


@dataclass
class _PairFinder:
    """Compares frames by correlation; neighbours that do not correlate get a second chance by key points."""

    points: KeyPointMatcher = field(default_factory=KeyPointMatcher)

    def __call__(self, a: int, b: int, first: Pyramid, second: Pyramid, start: Matrix | None = None) -> Match | None:
        found = match(a, b, first, second, start)
        lost = found is None or found.correlation < LINKED
        if lost and start is None and b - a == 1:
            rough = self.points(a, b, first, second)
            if rough is not None:
                found = match(a, b, first, second, rough.transform) or rough
        return found


def _rule(verdict: Verdict) -> str:
    before = f"{verdict.before_px:.2f} px"
    if verdict.model:
        return f"ecc, {verdict.model}: held-out windows lie {verdict.after_px:.2f} px apart instead of {before}"
    share = max(verdict.explained, 0.0)
    return f"not needed: transforms explain {share:.0%} of the {before} between held-out windows"


ALIGNER = Auto

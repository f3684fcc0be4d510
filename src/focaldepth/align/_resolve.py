"""From matches to an alignment: which frames hold together, what becomes of the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from focaldepth.align._alignment import MotionModel
from focaldepth.align._evidence import Evidence
from focaldepth.align._geometry import Matrix, rescaled
from focaldepth.core.alignment import Alignment

_SAME_SCENE = 0.7
"""Layout correlation from which on a frame without matches counts as the same scene, only more blurred."""


def resolve(evidence: Evidence, model: MotionModel | None, rule: str, numbers: dict[str, float]) -> Alignment:
    """Return the alignment that matches give under a model.

    A frame without matches that is flat, or whose layout is that of its neighbours, is taken as too blurred: it is kept
    and its transform interpolated. Any other frame shows something else: `aligned` is false. Nothing is called foreign
    unless more than half of the stack holds together.

    Args:
        evidence: matches between frames.
        model: what transforms may do; None = leave all where they are.
        rule: for the result.
        numbers: for the result.
    """
    n, group = len(evidence), evidence.group
    linked = np.zeros(n, bool)
    linked[group] = True
    if 2 * len(group) <= n or len(group) < 2:
        reasons = tuple("" if ok and len(group) > 1 else _ALONE for ok in linked)
        return Alignment.untouched(n, "not possible: too few frames share detail", reasons=reasons, evidence=numbers)
    foreign, reasons = _classify(evidence, linked)
    small = np.tile(np.eye(3), (n, 1, 1))
    if model is not None:
        small = _fill(evidence.solve(evidence.places(), model), linked)
    transforms = rescaled(small, evidence.factor) if model is not None else small
    transforms[foreign] = np.eye(3)
    transforms[evidence.reference] = np.eye(3)
    score = _scores(evidence)
    return Alignment(transforms, evidence.reference, ~foreign, reasons, rule, score, numbers)


_ALONE = "shares no detail with any other frame; left as it is"
_BLURRED = "too blurred or flat to be compared; its place is taken from its neighbours"
_FOREIGN = "shows something else than the other frames"


def _classify(evidence: Evidence, linked: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Return which frames are foreign, and a sentence for each frame that is not linked."""
    n = len(linked)
    foreign = np.zeros(n, bool)
    reasons = [""] * n
    good = np.flatnonzero(linked)
    typical = float(np.median(evidence.detail[good]))
    for i in np.flatnonzero(~linked):
        near = good[np.argsort(np.abs(good - i))[:3]]
        layout = max(float((evidence.thumbs[i] * evidence.thumbs[k]).sum()) for k in near)
        flat = not evidence.thumbs[i].any() and evidence.detail[i] <= typical
        foreign[i] = not flat and layout < _SAME_SCENE
        reasons[i] = _FOREIGN if foreign[i] else _BLURRED
    return foreign, tuple(reasons)


def _fill(transforms: Matrix, linked: NDArray[np.bool_]) -> Matrix:
    """Give frames that are not linked a transform between those of their neighbours; at the ends the nearest."""
    good = np.flatnonzero(linked)
    out = transforms.copy()
    for i in np.flatnonzero(~linked):
        for r in range(3):
            for c in range(3):
                out[i, r, c] = np.interp(i, good, transforms[good, r, c])
    return out


def _scores(evidence: Evidence) -> NDArray[np.float64]:
    """Return the best agreement of each frame with another; NaN without matches."""
    score = np.full(len(evidence), np.nan)
    for m in evidence.matches:
        for i in (m.a, m.b):
            score[i] = np.nanmax([score[i], m.correlation])
    return score

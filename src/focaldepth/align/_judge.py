"""Whether aligning helps, and with which model: what one half of the picture says must come true in the other half.

The criterion is displacement, not sharpness: transforms are found from every second window of the picture and judged by
how far apart they leave the contents of the windows in between (two-fold cross-validation). Blur moves windows at
depth edges about, but in no common way, so for an aligned stack no transform predicts the held-out windows better than
leaving the frames alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focaldepth.align._alignment import MotionModel
from focaldepth.align._evidence import Evidence
from focaldepth.align._fit import weights
from focaldepth.align._geometry import Matrix, corner_motion
from focaldepth.align._graph import residuals
from focaldepth.align._pair import Match

_COLUMNS, _ROWS = 8, 6
_RICH = (MotionModel.AFFINE, MotionModel.HOMOGRAPHY)
_HOPE = 0.1
"""Rich models are tried only where simple ones explain at least this share."""
NEEDED = 0.35
"""Share of the held-out displacement (mean square) that a model has to explain; aligned stacks stay below 0.1,
misaligned ones lie above 0.43 (docs/notes/alignment.md)."""
_WORTH = {
    MotionModel.TRANSLATION: 1.0,
    MotionModel.SIMILARITY: 0.97,
    MotionModel.AFFINE: 0.6,
    MotionModel.HOMOGRAPHY: 0.6,
}
"""A richer model has to bring the held-out mean square below this share of the simpler one's. Focusing scales
pictures, so a similarity is expected; anything beyond it is more often parallax than motion."""


@dataclass(frozen=True)
class Verdict:
    """What held-out windows say.

    Attributes:
        model: the model to use; None = leave the frames as they are.
        before_px: RMS displacement of held-out windows as the frames are, in frame pixels.
        after_px: the same under `model` (or under the best model when none is used).
        explained: 1 - (after / before)^2.
        motion_px: largest RMS motion of the picture corners over frames.
    """

    model: MotionModel | None
    before_px: float
    after_px: float
    explained: float
    motion_px: float

    def numbers(self) -> dict[str, float]:
        """Return the figures by name."""
        return {
            "heldout_before_px": self.before_px,
            "heldout_after_px": self.after_px,
            "explained": self.explained,
            "largest_corner_motion_px": self.motion_px,
        }


def judge(evidence: Evidence, models: Sequence[MotionModel], tolerance_px: float) -> Verdict:
    """Choose among models, from simple to rich, and leaving the frames as they are."""
    matches = evidence.of_group()
    halves = _halves(matches, evidence.shape)
    still = np.tile(np.eye(3), (len(evidence), 1, 1))
    caps = [float(np.quantile(_squares(h, still)[0], 0.9)) + 1e-12 for h in halves]
    before = float(np.mean([_mean_square(h, still, c) for h, c in zip(halves, caps, strict=True)]))
    best, best_after = None, before
    for model in models:
        if model in _RICH and best_after > (1 - _HOPE) * before:
            break
        found = [evidence.solve(h, model) for h in halves]
        after = float(np.mean([_mean_square(halves[k], found[1 - k], caps[k]) for k in (0, 1)]))
        if best is None or after < _WORTH[model] * best_after:
            best, best_after = model, after
    explained = 1 - best_after / before
    motion = 0.0
    if best is not None:
        found_all = evidence.solve(matches, best)
        motion = evidence.factor * max(corner_motion(t, evidence.shape) for t in found_all[evidence.group])
    use = best if explained >= NEEDED and motion > tolerance_px else None
    scale = evidence.factor
    return Verdict(use, scale * before**0.5, scale * best_after**0.5, explained, motion)


def _halves(matches: Sequence[Match], shape: tuple[int, int]) -> tuple[list[Match], list[Match]]:
    """Split the places of matches by a chequerboard of windows."""
    h, w = shape
    out: tuple[list[Match], list[Match]] = ([], [])
    for m in matches:
        odd = ((m.p[:, 0] * _COLUMNS / w).astype(int) + (m.p[:, 1] * _ROWS / h).astype(int)) % 2 == 1
        for half, chosen in zip(out, (~odd, odd), strict=True):
            if chosen.any():
                half.append(m.take(chosen))
    return out


def _squares(matches: Sequence[Match], transforms: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return squared distances of the ends of all places, and their weights."""
    square = [(r**2).sum(1) for r in residuals(matches, transforms)]
    weight = [np.trace(weights(m.information), axis1=1, axis2=2) / 2 for m in matches]
    return np.concatenate(square), np.concatenate(weight)


def _mean_square(matches: Sequence[Match], transforms: Matrix, cap: float) -> float:
    """Return the weighted mean square; the largest tenth counts at most `cap`, so that a few windows decide nothing."""
    square, weight = _squares(matches, transforms)
    return float((weight * np.minimum(square, cap)).sum() / weight.sum())

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

from focaldepth.align._alignment import MotionModel
from focaldepth.align._evidence import Evidence
from focaldepth.align._geometry import Matrix, corner_motion
from focaldepth.align._graph import Places

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
    places = evidence.places()
    halves = _halves(places, evidence.shape)
    still = np.tile(np.eye(3), (len(evidence), 1, 1))
    if not all(map(len, halves)):
        # all detail lies in windows of one colour: nothing can be held out
        apart = evidence.factor * _mean_square(places, still, np.inf) ** 0.5
        return Verdict(None, apart, apart, 0.0, 0.0)
    caps = [float(np.quantile((h.residuals(still) ** 2).sum(1), 0.9)) + 1e-12 for h in halves]
    before = float(np.mean([_mean_square(h, still, c) for h, c in zip(halves, caps, strict=True)]))
    best, best_after = None, before
    for model in models:
        if model in _RICH and best_after > (1 - _HOPE) * before:
            break
        found = [evidence.solve(h, model) for h in halves]
        after = float(np.mean([_mean_square(halves[k], found[1 - k], caps[k]) for k in (0, 1)]))
        if best is None or after < _WORTH[model] * best_after:
            best, best_after = model, after
    explained = 1 - best_after / before if before > 0 else 0.0
    motion = 0.0
    if best is not None:
        found_all = evidence.solve(places, best)
        motion = evidence.factor * max(corner_motion(t, evidence.shape) for t in found_all[evidence.group])
    use = best if explained >= NEEDED and motion > tolerance_px else None
    scale = evidence.factor
    return Verdict(use, scale * before**0.5, scale * best_after**0.5, explained, motion)


def _halves(places: Places, shape: tuple[int, int]) -> tuple[Places, Places]:
    """Split places by a chequerboard of windows."""
    h, w = shape
    x, y = places.p.T
    odd = ((x * _COLUMNS / w).astype(int) + (y * _ROWS / h).astype(int)) % 2 == 1
    return places.take(~odd), places.take(odd)


def _mean_square(places: Places, transforms: Matrix, cap: float) -> float:
    """Return the weighted mean square distance of the two ends of places, in px^2.

    The largest tenth counts at most `cap`, so that a few windows decide nothing.
    """
    square = (places.residuals(transforms) ** 2).sum(1)
    weight = np.trace(places.weight, axis1=1, axis2=2)
    return float((weight * np.minimum(square, cap)).sum() / weight.sum())

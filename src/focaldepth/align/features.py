"""Alignment by key points: for motion too large for correlation, where the scene has corners."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.align._alignment import MotionModel
from focaldepth.align._evidence import gather
from focaldepth.align._geometry import Matrix, is_sane
from focaldepth.align._pair import Match, measure_match
from focaldepth.align._pyramid import Pyramid
from focaldepth.align._resolve import resolve
from focaldepth.core.alignment import Alignment
from focaldepth.core.progress import Run
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack

_MOST_POINTS = 2000
_LEAST_INLIERS = 12
_INLIER_PX = 3.0
_SIGMA_PX = 0.7


@dataclass(frozen=True)
class Features:
    """SIFT key points, matched between near frames, MAGSAC; then one solve over all frames as for `ecc`.

    Finds any rotation and shift, but key points wander with blur: less precise than `ecc`.
    """

    model: str = setting("similarity", "what a transform may do", choices=tuple(m.value for m in MotionModel))
    long_side: int = setting(1600, "frames are compared at this size at most", unit="px", low=128)

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Alignment:
        """Find where each frame lies; previews are read once."""
        evidence = gather(stack, run, KeyPointMatcher(), self.long_side)
        return resolve(evidence, MotionModel(self.model), f"features, {self.model}", {})


@dataclass
class KeyPointMatcher:
    """Finds places of one frame in another by key points; remembers those of the last frames."""

    _points: dict[int, tuple[NDArray[np.float64], NDArray[np.float32]]] = field(default_factory=dict)

    def __call__(self, a: int, b: int, first: Pyramid, second: Pyramid, start: Matrix | None = None) -> Match | None:
        """Return the match of two frames, or None when too few points agree."""
        pa, da = self._of(a, first)
        pb, db = self._of(b, second)
        if min(len(pa), len(pb)) < _LEAST_INLIERS:
            return None
        pairs = _mutual(da, db)
        if len(pairs) < _LEAST_INLIERS:
            return None
        p, q = pa[pairs[:, 0]], pb[pairs[:, 1]]
        affine, inlier = cv2.estimateAffinePartial2D(
            p, q, method=cv2.RANSAC, ransacReprojThreshold=_INLIER_PX, maxIters=4000, confidence=0.999
        )
        if affine is None:
            return None
        transform = np.vstack([affine, [0, 0, 1.0]])
        good = inlier.ravel().astype(bool)
        if good.sum() < max(_LEAST_INLIERS, 0.25 * len(pairs)) or not is_sane(transform, first.shape):
            return None
        information = np.tile(np.eye(2) / _SIGMA_PX**2, (int(good.sum()), 1, 1))
        agreement = measure_match(first, second, transform)
        return Match(a, b, p[good], q[good], information, transform, agreement)

    def _of(self, i: int, pyramid: Pyramid) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        if i not in self._points:
            while len(self._points) > 12:
                del self._points[min(self._points)]
            self._points[i] = key_points(pyramid)
        return self._points[i]


def key_points(pyramid: Pyramid) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return positions (K, 2) in preview pixels and descriptors (K, 128) of the band-passed finest level."""
    level = pyramid.levels[0]
    spread = 4 * float(level.std()) + 1e-9
    grey = np.clip(level / spread * 127 + 128, 0, 255).astype(np.uint8)
    sift: Any = cv2.SIFT.create(nfeatures=_MOST_POINTS)
    found, descriptors = sift.detectAndCompute(grey, None)
    if descriptors is None:
        return np.zeros((0, 2)), np.zeros((0, 128), np.float32)
    return np.array([k.pt for k in found], np.float64), descriptors


def _mutual(da: NDArray[np.float32], db: NDArray[np.float32], ratio: float = 0.85) -> NDArray[np.int64]:
    """Return index pairs that are nearest to each other and clearly nearer than the second best."""
    matcher: Any = cv2.BFMatcher(cv2.NORM_L2)
    forth = {
        m.queryIdx: m.trainIdx
        for m, *second in matcher.knnMatch(da, db, k=2)
        if not second or m.distance < ratio * second[0].distance
    }
    back = {m.queryIdx: m.trainIdx for m in matcher.match(db, da)}
    return np.array([(a, b) for a, b in forth.items() if back.get(b) == a], np.int64).reshape(-1, 2)


ALIGNER = Features

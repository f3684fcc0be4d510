"""Where the content of one frame lies in another: coarse to fine, tile by tile, whatever the blur."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.align._alignment import MotionModel
from focaldepth.align._fit import fit
from focaldepth.align._geometry import Matrix, apply_to, corner_motion, inverse, is_sane, rescaled
from focaldepth.align._pyramid import TILE, Pyramid
from focaldepth.align._tiles import Tiles, measure

_MOST_TILES = 320
"""Tiles per level."""
_GOOD = 0.95
"""Tiles that agree less are set aside while enough better ones exist: where blur differs much, the disc of confusion
inverts the contrast of fine detail, and such tiles agree on wrong places."""
_ENOUGH = 24
_FAR_PX = 1.5
_SETTLED_PX = 0.1
"""A level is left once a step moves the corners by less: a tile measured from so near is exact, and further steps gave
the same error on stacks of known motion (docs/notes/alignment.md)."""
_SIGMA_PX = 1.0
"""Displacement error of a tile at correlation 0.8, in pixels of its level; it falls with the square of the disagreement
(chosen among powers 1 to 6 on stacks of known motion, docs/notes/alignment.md)."""


@dataclass(frozen=True)
class Match:
    """Places of one frame found again in another; pixels of the finest preview level.

    Attributes:
        a, b: indices of the two frames.
        p, q: (K, 2) x and y in frame a and in frame b.
        information: (K, 2, 2) inverse covariance of q, in pixels of frame a.
        transform: pixels of a to pixels of b.
        correlation: median correlation of all textured tiles, at the level that tells most.
    """

    a: int
    b: int
    p: NDArray[np.float64]
    q: NDArray[np.float64]
    information: NDArray[np.float64]
    transform: Matrix
    correlation: float


@dataclass(frozen=True)
class Sightings:
    """Tiles of one frame and where they were seen in another; pixels of the finest preview level.

    Attributes:
        p, q: (K, 2) x and y in the first and in the second frame.
        information: (K, 2, 2) inverse covariance of q, in pixels of the first frame.
        correlation: (K,) agreement of each.
    """

    p: NDArray[np.float64]
    q: NDArray[np.float64]
    information: NDArray[np.float64]
    correlation: NDArray[np.float64]

    def take(self, chosen: NDArray[np.bool_]) -> Sightings:
        """Return some of the sightings."""
        return Sightings(self.p[chosen], self.q[chosen], self.information[chosen], self.correlation[chosen])

    def __len__(self) -> int:
        return len(self.p)


def match(a: int, b: int, first: Pyramid, second: Pyramid, start: Matrix | None = None) -> Match | None:
    """Find places of frame a in frame b; None when the two have nothing in common.

    Args:
        a, b: frame indices, kept in the result.
        first, second: their pyramids.
        start: pixels of a to pixels of b, as known so far; None = unknown, then the coarsest level is searched.
    """
    if min(first.shape) < 3 * TILE:
        return None
    transform = np.eye(3) if start is None else start
    found: list[Sightings] = []
    agreement = 0.0
    top = len(first.levels) - 1
    for level in range(top, -1, -1):
        if level == top and start is None:
            transform, agreement = _search(first, second, level)
        refined = _refine(first, second, level, transform, found, 5 if start is None else 2)
        if refined is None:
            continue
        transform, seen, typical = refined
        found.append(seen)
        agreement = max(agreement, typical)
    if not found or not is_sane(transform, first.shape):
        return None
    best = _best(found)
    if len(best) < 6:
        return None
    return Match(a, b, best.p, best.q, best.information, transform, agreement)


def measure_match(first: Pyramid, second: Pyramid, transform: Matrix) -> float:
    """Return how well two frames agree under a transform: median correlation of tiles at the level that tells most."""
    best = -1.0
    for level in range(len(first.levels)):
        local = rescaled(transform, 0.5**level)
        a, b = first.levels[level], second.levels[level]
        best = max(best, _agreement(a, b, local, first, second, level))
    return best


def _refine(
    first: Pyramid, second: Pyramid, level: int, transform: Matrix, coarser: list[Sightings], rounds: int
) -> tuple[Matrix, Sightings, float] | None:
    """Improve a transform at one level with the help of what coarser ones saw.

    Returns:
        The transform, what this level saw, and its typical correlation; None where too few tiles can be compared.
    """
    scale = 2.0**level
    for _ in range(rounds):
        local = rescaled(transform, 1 / scale)
        measured = measure(first.levels[level], second.levels[level], local, _corners(first, second, level, local))
        if len(measured) < 4:
            return None
        typical = float(np.median(measured.correlation))
        seen = _sighted(_again(first, second, level, local, measured), transform, scale)
        best = _best([*coarser, seen])
        if len(best) < 4:
            return None
        shift = apply_to(inverse(transform), best.q) - best.p
        model = MotionModel.SIMILARITY if len(best) >= 8 else MotionModel.TRANSLATION
        step = fit(best.p, shift, best.information, first.shape, model)
        transform = transform @ step
        transform = transform / transform[2, 2]
        if corner_motion(step, first.shape) < _SETTLED_PX * scale:
            break
    return transform, seen, typical


def _again(first: Pyramid, second: Pyramid, level: int, local: Matrix, tiles: Tiles) -> Tiles:
    """Measure tiles that moved far once more, each from where it was found: one step is exact for small shifts only."""
    far = np.flatnonzero((np.hypot(*tiles.shift.T) > _FAR_PX) & (tiles.correlation > 0.6))
    if not far.size:
        return tiles
    some = tiles.take(far)
    corner = np.round(some.centre - (TILE - 1) / 2).astype(np.int64)
    better = measure(first.levels[level], second.levels[level], local, corner, some.shift)
    won = better.correlation > some.correlation
    return tiles.replaced(far[won], better.take(won))


def _sighted(tiles: Tiles, transform: Matrix, scale: float) -> Sightings:
    """Move tiles of a level to pixels of the finest one and give them an honest precision.

    The direction of the covariance comes from the texture, its size from the agreement: the textbook covariance is too
    small by far, since what disagrees is not noise but another blur.
    """
    off = np.maximum(1 - tiles.correlation, 0.003) / 0.2
    variance = (_SIGMA_PX * scale * off**2) ** 2
    shape = tiles.information / np.sqrt(np.maximum(np.linalg.det(tiles.information), 1e-12))[:, None, None]
    p = tiles.centre * scale + (scale - 1) / 2
    return Sightings(
        p, apply_to(transform, p + tiles.shift * scale), shape / variance[:, None, None], tiles.correlation
    )


def _best(parts: list[Sightings]) -> Sightings:
    """Keep sightings that agree well; fewer demands when few do."""
    every = Sightings(
        np.concatenate([s.p for s in parts]),
        np.concatenate([s.q for s in parts]),
        np.concatenate([s.information for s in parts]),
        np.concatenate([s.correlation for s in parts]),
    )
    for least in (_GOOD, 0.9, 0.8, 0.6):
        good = every.take(every.correlation > least)
        if len(good) >= _ENOUGH:
            return good
    return good


def _corners(first: Pyramid, second: Pyramid, level: int, transform: Matrix) -> NDArray[np.int64]:
    """Choose tiles on a grid that have texture in both frames: the best of every block of grid cells."""
    grid = rescaled(transform, 1 / TILE)
    mine = first.textures[level]
    rows, cols = mine.shape
    if rows == 0 or cols == 0:
        return np.zeros((0, 2), np.int64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    other = cv2.warpPerspective(second.textures[level], grid, (cols, rows), flags=flags)
    both = mine * other
    block = 1
    while rows * cols > _MOST_TILES * block**2:
        block += 1
    r, c = -(-rows // block), -(-cols // block)
    padded = np.zeros((r * block, c * block), np.float32)
    padded[:rows, :cols] = both
    cells = padded.reshape(r, block, c, block).swapaxes(1, 2).reshape(r * c, block * block)
    best, top = cells.argmax(1), cells.max(1)
    y = (np.arange(r * c) // c) * block + best // block
    x = (np.arange(r * c) % c) * block + best % block
    chosen: NDArray[np.int64] = np.stack([x, y], 1)[top > 0].astype(np.int64) * TILE
    return chosen


def _search(first: Pyramid, second: Pyramid, level: int) -> tuple[Matrix, float]:
    """Return the start at the coarsest level: no motion, or the shift of the whole picture where that agrees better."""
    a, b = first.levels[level], second.levels[level]
    window = cv2.createHanningWindow((a.shape[1], a.shape[0]), cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(a, b, window)
    shifted = np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1.0]])
    scores = [_agreement(a, b, t, first, second, level) for t in (np.eye(3), shifted)]
    start = shifted if scores[1] > scores[0] + 0.05 else np.eye(3)
    return rescaled(start, 2.0**level), max(scores)


def _agreement(
    a: NDArray[np.float32], b: NDArray[np.float32], transform: Matrix, first: Pyramid, second: Pyramid, level: int
) -> float:
    tiles = measure(a, b, transform, _corners(first, second, level, transform))
    return float(np.median(tiles.correlation)) if len(tiles) >= 4 else -1.0

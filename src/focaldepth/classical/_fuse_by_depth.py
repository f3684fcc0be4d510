"""The all-in-focus picture beside depth edges, once depth is known: from the frames that are sharp at a pixel's depth.

A score sees a window. Beside a depth edge the blurred foreground of one frame can score more than the background's own
best frame, and leaves a halo; depth knows better where it is precise. Frames that hardly differ in blur differ in
noise: where the own frame has no more detail than their mean, the mean is taken.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane, enlarge_part
from focaldepth.classical._fuse import as_dtype
from focaldepth.classical._stream import own_threads_only
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack, Frame

_ALIKE_PX = 0.7
"""Frames whose blur at a pixel differs by this radius have 1/sqrt(e) of the weight of the sharpest."""
_REACH = 2.5
_TRUSTED_PX = 0.5
"""Error of depth, as blur radius, at which the picture by score counts as much as the one by depth."""
_WINDOW_PX = 1.5
_NOISE_SHARE, _NOISE_RISE = 0.2, 3.0
"""This share of the places shows nothing but noise where frames differ; detail is what differs so much more."""
_LEVELLED_PX = 8.0
_EDGE_PX = 17
"""Window of the depth grid in which a jump of depth makes an edge."""
_TILE = (64, 128)
_SAMPLED = 400
_ACTIVE = 0.01
_TINY = np.float32(1e-9)


@dataclass(frozen=True)
class KnownDepth:
    """What is known of every pixel.

    Attributes:
        position: (H, W) depth in the unit of the blur axis.
        sigma: (H, W) one standard deviation of it.
        edges: (h, w) on the depth grid, 0..1: beside a depth edge that every frame shows; see `beside_edges`.
        light: (h, w, C) factors that bring the picture by score to the common brightness of the frames.
        factor: pixels per pixel of that grid.
        px_per_unit: blur radius in px per unit of the axis.
    """

    position: Plane
    sigma: Plane
    edges: Plane
    light: Plane
    factor: int
    px_per_unit: float


def beside_edges(position: Plane, covered: Plane, px_per_unit: float) -> Plane:
    """Return where depth jumps nearby by more than frames that are alike differ: (h, w), 0..1, soft.

    Args:
        position: (h, w) depth on its grid.
        covered: (h, w) 1 where every frame shows the scene.
        px_per_unit: blur radius in px of the full picture per unit of depth.
    """
    window = np.ones((_EDGE_PX, _EDGE_PX), np.uint8)
    jump = (cv2.dilate(position, window) - cv2.erode(position, window)) * np.float32(px_per_unit)
    there = np.clip(jump - np.float32(_ALIKE_PX), 0, 1) * (covered > 0.99)
    return np.asarray(cv2.GaussianBlur(there.astype(np.float32), (0, 0), 1.5), np.float32)


def light_of(best: NDArray[np.int16], gains: NDArray[np.float32] | None, channels: int) -> Plane:
    """Return the factors of the sharpest frames, (h, w, C), spread as a blend by bands spreads their brightness.

    Args:
        best: (h, w) the sharpest frame.
        gains: (N, C) factors that bring frames to the common brightness; None: they are equally bright.
        channels: C.
    """
    if gains is None:
        return np.ones((*best.shape, channels), np.float32)
    spread = cv2.GaussianBlur(gains.astype(np.float32)[best], (0, 0), _LEVELLED_PX)
    return np.asarray(spread.reshape(*best.shape, channels), np.float32)


def fuse_by_depth(stack: FocalStack, by_score: Frame, known: KnownDepth, run: Run) -> Frame:
    """Read the frames once more and return the picture (H, W, C), in the dtype of `by_score`.

    Args:
        stack: the frames.
        by_score: the picture that was blended by focus scores; it stays away from edges and where depth is not precise.
        known: depth of every pixel.
        run: threads, progress, cancellation.
    """
    second = _Second(stack, known)
    if not second.tiles:
        return by_score
    run.stage("all in focus", len(stack))
    with own_threads_only(), ThreadPoolExecutor(run.threads, thread_name_prefix="focaldepth-by-depth") as pool:
        list(pool.map(second.prepare, second.tiles))
        for i, frame in enumerate(stack.frames(prefetch=2, threads=run.threads)):
            list(pool.map(partial(second.take, i, frame), second.tiles))
            run.advance()
        noise = _NOISE_RISE * second.noise()
        out = by_score.copy()
        list(pool.map(partial(second.join, out, noise), second.tiles))
    return out


Tile = tuple[slice, slice]


class _Second:
    """The second reading of all frames.

    `own` is the frame nearest to each pixel's depth, `alike` the mean of those that are about as sharp there; both are
    made in tiles that hold edges only, and memory is taken for these only.
    """

    def __init__(self, stack: FocalStack, known: KnownDepth) -> None:
        self._known, self._shape = known, stack.shape
        self._focus = stack.blur_axis.values.astype(np.float32)
        self._order = np.argsort(self._focus)
        self._between = (self._focus[self._order][1:] + self._focus[self._order][:-1]) / 2
        self._gains = stack.gains
        self._own = np.zeros(stack.shape, np.float32)
        self._alike = np.zeros(stack.shape, np.float32)
        self._weights = np.zeros(stack.shape[:2], np.float32)
        self._nearest = np.zeros(stack.shape[:2], np.int16)
        self._least = np.zeros(stack.shape[:2], np.float32)
        self.tiles = [tile for tile in self._all_tiles() if self._edges(tile).max() > _ACTIVE]

    def prepare(self, tile: Tile) -> None:
        """Find the nearest frame of every pixel, and how far away it is."""
        position = self._known.position[tile]
        own = self._order[np.searchsorted(self._between, position)]
        self._nearest[tile] = own
        self._least[tile] = np.abs(position - self._focus[own])

    def _all_tiles(self) -> list[Tile]:
        h, w, _ = self._shape
        rows, columns = (range(0, n, size) for n, size in zip((h, w), _TILE, strict=True))
        return [(slice(y, min(y + _TILE[0], h)), slice(x, min(x + _TILE[1], w))) for y in rows for x in columns]

    def _edges(self, tile: Tile) -> Plane:
        return enlarge_part(self._known.edges, *tile, self._known.factor)

    def take(self, i: int, frame: Frame, tile: Tile) -> None:
        """Add frame i to a tile, if it is sharp anywhere there."""
        more = cv2.absdiff(self._known.position[tile], float(self._focus[i]))
        more -= self._least[tile]
        more *= np.float32(self._known.px_per_unit / _ALIKE_PX)
        if float(more.min()) > _REACH:
            return
        more *= more
        more *= np.float32(-0.5)
        weight = cv2.exp(more)
        total = self._weights[tile]
        total += weight
        share = cv2.divide(weight, total + _TINY)
        target, piece = self._alike[tile], self._levelled(i, frame, tile)
        cv2.blendLinear(target, piece, 1 - share, share, dst=target)
        nearest = cv2.compare(self._nearest[tile], i, cv2.CMP_EQ)
        cv2.copyTo(piece, nearest, self._own[tile])

    def _levelled(self, i: int, frame: Frame, tile: Tile) -> Plane:
        """Return a tile of a frame, as bright as the picture by score is there."""
        piece = frame[tile].astype(np.float32)
        if self._gains is not None:
            light = enlarge_part(self._known.light, *tile, self._known.factor).reshape(piece.shape)
            for c, gain in enumerate(self._gains[i]):
                piece[..., c] *= gain
            piece = cv2.divide(piece, light).reshape(piece.shape)
        return piece

    def noise(self) -> float:
        """Return what own and alike frames differ by where there is nothing but noise: a mean square."""
        some = self.tiles[:: -(-len(self.tiles) // _SAMPLED)]
        values = np.concatenate([self._difference(tile).ravel() for tile in some])
        values = values[values > 0]
        return float(np.quantile(values, _NOISE_SHARE)) if len(values) else 0.0

    def _difference(self, tile: Tile) -> Plane:
        """Return the local mean square of own - alike, over channels."""
        away = self._own[tile] - self._alike[tile]
        return np.asarray(cv2.GaussianBlur((away * away).mean(-1), (0, 0), _WINDOW_PX), np.float32)

    def join(self, out: Frame, noise: float, tile: Tile) -> None:
        """Write a tile of the picture."""
        detail = np.maximum(1 - np.float32(noise) / np.maximum(self._difference(tile), _TINY), 0)[..., None]
        alike = self._alike[tile]
        by_depth = alike + detail * (self._own[tile] - alike)
        error = self._known.sigma[tile] * np.float32(self._known.px_per_unit / _TRUSTED_PX)
        share = (self._edges(tile) / (1 + error * error))[..., None]
        mixed = np.asarray(share * by_depth + (1 - share) * out[tile], np.float32)
        out[tile] = as_dtype(mixed, out.dtype)

"""The driver of volume methods: every frame is read once, what depth needs of it is kept at reduced resolution.

Kept are the luminance of all frames (16 bit) for methods that fit a model of blur, or their focus measure (half
precision) for methods that take focus curves as they are. At 24 megapixels x 30 frames that is 360 MB of luminance at
half resolution, or 90 MB of scores at a quarter; with more frames the grid becomes coarser before memory does not fit.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane, Pyramid, Window, aggregate, grid_shape, shrink
from focaldepth.classical._curves import CurveSampler
from focaldepth.classical._fuse import Fuser
from focaldepth.classical._luminance import ChannelSum, brightness_gains
from focaldepth.classical._stream import FrameScorer, base_factor, frame_coverage, own_threads_only
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack, Frame, Transfer

LIGHT = Window(((2.0, 1.0), (5.0, 0.5), (12.0, 0.2), (25.0, 0.05)), 1)
"""What selects frames for the all-in-focus picture and the guide."""
WHITE = 32768.0
"""Luminance of full scale; twice as much fits, for frames that are brightened."""
_COARSE_PIXELS = 2_000_000
_LUMINANCE_BYTES = 1_500_000_000
_STRIP = 64
_TINY = np.float32(1e-6)
_RISE = 4.0
"""Rise of the score over what noise is expected to make that counts as texture."""
_NOISE_PERCENTILE = 2
_SPAN_PERCENTILES = (1, 99)
_LEAST_SPAN = 1e-3


@dataclass
class Gathered:
    """What one pass over the frames leaves behind; the coarse grid is that of depth.

    Attributes:
        fine, coarse: full-resolution pixels per pixel of luminance and per pixel of everything else.
        luminance: (N, h, w) uint16, WHITE is full scale; no frames unless asked for.
        scores: (N, a, b) float16 focus measure, noise not subtracted; no frames unless asked for.
        guide: (a, b, C) float32, the sharpest frames blended; 1 is the span between their darkest and brightest parts.
        span: that span, full scale of the frames is 1.
        best: (a, b) int16, the frame with the highest score.
        saturated: (a, b) share of saturated pixels in that frame.
        textured: (a, b) bool, the score rises out of the noise in some frame.
        frames: how many went by.
        covered: (a, b) 1 where every frame shows the scene.
        fuser: ends with the all-in-focus picture; None if none was asked for.
        curves: focus curves of a grid of pixels.
    """

    fine: int
    coarse: int
    luminance: NDArray[np.uint16]
    scores: NDArray[np.float16]
    guide: Plane
    best: NDArray[np.int16]
    saturated: Plane
    covered: Plane
    textured: NDArray[np.bool_]
    frames: int
    fuser: Fuser | None
    curves: CurveSampler
    span: float = 1.0


def factors(height: int, width: int, frames: int) -> tuple[int, int]:
    """Full-resolution pixels per pixel of luminance and per pixel of the depth grid.

    Luminance: 1 up to 2 megapixels, 2 above, and twice as much again until all frames fit 1.5 GB. Depth grid: the
    smallest power of two that leaves 2 megapixels.

    >>> factors(4000, 6000, 30), factors(480, 640, 100)
    ((2, 4), (1, 1))
    """
    fine = base_factor(height, width)
    while frames * 2 * height * width / fine**2 > _LUMINANCE_BYTES:
        fine *= 2
    coarse = fine
    while height * width / coarse**2 > _COARSE_PIXELS:
        coarse *= 2
    return fine, coarse


def gather(
    stack: FocalStack,
    run: Run,
    fuser: Fuser | None,
    *,
    luminance: bool = False,
    scores: bool = False,
    dense_curves: bool = False,
) -> Gathered:
    """Read every frame once.

    Args:
        stack: the frames; its gains are applied, what a frame does not show is taken from the frame before it.
        run: threads, progress, cancellation.
        fuser: makes the all-in-focus picture; None: nobody wants one.
        luminance, scores: what to keep of every frame.
        dense_curves: keep the focus curves of many pixels, not of a few.
    """
    h, w, channels = stack.shape
    n = len(stack)
    fine, coarse = factors(h, w, n)
    grid = grid_shape(h, w, coarse)
    state = Gathered(
        fine,
        coarse,
        np.empty((n if luminance else 0, *grid_shape(h, w, fine)), np.uint16),
        np.empty((n if scores else 0, *grid), np.float16),
        np.zeros((*grid, channels), np.float32),
        np.zeros(grid, np.int16),
        np.zeros(grid, np.float32),
        np.ones(grid, np.float32),
        np.zeros(grid, bool),
        n,
        fuser,
        CurveSampler((h, w), n, base_factor(h, w), dense_curves),
    )
    _Pass(stack, state).run(run)
    return state


def claimed(state: Gathered) -> NDArray[np.bool_]:
    """Return where a method without an error bar may claim depth.

    Every frame shows it, it is not saturated, its score rises out of the noise, and not at the first or last frame.
    """
    inner = (state.best > 0) & (state.best < state.frames - 1)
    return (state.covered > 0.99) & (state.saturated < 0.5) & state.textured & inner


class _Pass:
    """One reading of all frames."""

    def __init__(self, stack: FocalStack, state: Gathered) -> None:
        h, w, _ = stack.shape
        self._stack, self._state = stack, state
        self._base = base_factor(h, w)
        self._gains = brightness_gains(stack.gains, len(stack))
        self._score_of = FrameScorer(stack.shape, stack.dtype, self._base)
        self._sum = ChannelSum(min(_STRIP, h), w, stack.shape[2], stack.dtype)
        self._top = np.full(grid_shape(h, w, self._base), -1, np.float32)
        self._blend = np.zeros(state.best.shape, np.float32)
        self._highest = np.full(state.best.shape, _TINY, np.float32)
        self._lowest = np.full(state.best.shape, np.inf, np.float32)
        self._floors: list[float] = []
        self._unseen: dict[int, NDArray[np.bool_]] = {}

    def run(self, run: Run) -> None:
        """Read the frames; the next ones are decoded and the last one is fused meanwhile."""
        run.stage("depth", len(self._stack))
        with own_threads_only(), ThreadPoolExecutor(1, thread_name_prefix="focaldepth-fuse") as side:
            fusing: Future[None] | None = None
            for i, frame in enumerate(self._stack.frames(prefetch=2, threads=run.threads)):
                score, higher = self._take(i, frame)
                if fusing is not None:
                    fusing.result()
                if self._state.fuser is not None:
                    fusing = side.submit(self._state.fuser.update, frame, score, higher)
                run.advance()
            if fusing is not None:
                fusing.result()
        state = self._state
        state.guide /= self._blend[..., None] * np.float32(self._stack.source.white)
        low, high = np.percentile(state.guide[::2, ::2].mean(-1), _SPAN_PERCENTILES)
        state.span = max(float(high - low), _LEAST_SPAN)
        state.guide /= np.float32(state.span)
        # Averaging over a window of this width lowers noise in proportion.
        noise = float(np.median(self._floors)) / LIGHT.sigma
        state.textured = self._highest - self._lowest > max(_RISE * noise, 1e-3)
        self._fill_unseen()

    def _take(self, i: int, frame: Frame) -> tuple[Plane, NDArray[np.uint8]]:
        """Keep what is needed of one frame; return its score and where it is the highest so far."""
        state = self._state
        raw, clipped = self._score_of(frame, self._stack.source.white)
        raw *= self._gains[i]
        seen = frame_coverage(self._stack, i, self._base)
        if seen is not None:
            raw[seen < 1] = 0
        score = aggregate(Pyramid(raw), LIGHT, self._base)
        higher = cv2.compare(score, self._top, cv2.CMP_GT)
        cv2.max(score, self._top, dst=self._top)
        state.curves.take(score)
        further = state.coarse // self._base
        small = shrink(score, further)
        if seen is not None:
            np.minimum(state.covered, shrink(seen, further), out=state.covered)
        if len(state.scores):
            state.scores[i] = np.minimum(shrink(cv2.GaussianBlur(raw, (0, 0), 1.5), further), 6e4)
        if len(state.luminance):
            state.luminance[i] = self._luminance(frame, float(self._gains[i]))
            if seen is not None:
                self._unseen[i] = _full(seen, self._base, state.fine, state.luminance.shape[1:]) < 1
        self._guide(i, frame, small, shrink(clipped, further))
        return score, higher

    def _guide(self, i: int, frame: Frame, score: Plane, clipped: Plane) -> None:
        """Blend one frame into the guide, weighed by score^8, and keep its number where it is the sharpest."""
        state = self._state
        higher = score > self._highest if i else np.ones(score.shape, bool)
        top = np.maximum(self._highest, score)
        fade, weight = (self._highest / top) ** 8, (np.maximum(score, _TINY) / top) ** 8
        levelled = weight * self._gains[i]
        channels = frame.shape[2]
        small = np.stack([shrink(frame[..., c], state.coarse) for c in range(channels)], -1)
        state.guide *= fade[..., None]
        state.guide += small * levelled[..., None]
        self._blend *= fade
        self._blend += weight
        np.copyto(self._highest, top)
        np.minimum(self._lowest, score, out=self._lowest)
        self._floors.append(float(np.percentile(score[::2, ::2], _NOISE_PERCENTILE)))
        state.best[higher] = i
        state.saturated[higher] = clipped[higher]

    def _luminance(self, frame: Frame, gain: float) -> NDArray[np.uint16]:
        """Mean of the channels on the fine grid, brought to the common brightness, WHITE at full scale.

        Linear light is coded by its square root, which makes shot noise even, as display curves nearly do.
        """
        h, w, channels = frame.shape
        fine = self._state.fine
        out = np.empty(grid_shape(h, w, fine), np.float32)
        strip = _STRIP // fine * fine
        for y in range(0, h, strip):
            total = self._sum(frame[y : y + strip])
            out[y // fine : y // fine + -(-len(total) // fine)] = shrink(total, fine)
        scale = gain / self._stack.source.white / channels
        if self._stack.transfer is Transfer.LINEAR:
            out = np.sqrt(np.maximum(out * np.float32(scale), 0)) * np.float32(WHITE)
        else:
            out *= np.float32(scale * WHITE)
        coded: NDArray[np.uint16] = np.clip(np.rint(out), 0, 65535).astype(np.uint16)
        return coded

    def _fill_unseen(self) -> None:
        """Where a frame shows nothing, its neighbour stands in, so that no border looks like an edge."""
        frames = self._state.luminance
        for order in (range(1, len(frames)), range(len(frames) - 2, -1, -1)):
            for i in order:
                if i in self._unseen:
                    other = i - order.step
                    there = self._unseen[i] & ~self._unseen.get(other, np.zeros_like(self._unseen[i]))
                    frames[i][there] = frames[other][there]
                    self._unseen[i] &= ~there


def _full(plane: Plane, factor: int, wanted: int, shape: tuple[int, ...]) -> Plane:
    """Bring a plane from one grid to a coarser one."""
    small: Plane = shrink(plane, wanted // factor)[: shape[0], : shape[1]]
    return small

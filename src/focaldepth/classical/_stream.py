"""The driver of streaming methods: every frame is read once, and memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane, Pyramid, Window, aggregate, grid_shape, shrink
from focaldepth.classical._curves import CurveSampler
from focaldepth.classical._fuse import Fuser
from focaldepth.classical._luminance import ChannelSum, brightness_gains
from focaldepth.classical._peak import PeakTracker
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack, Frame
from focaldepth.measures.smoothed_modified_laplacian import SmoothedModifiedLaplacian

_STRIP = 32
_SATURATED = 0.985
_CURVE_GRID = (24, 32)
_NOISE_PERCENTILE = 2


@dataclass
class Streamed:
    """What one pass over the frames leaves behind.

    Attributes:
        factor: full-resolution pixels per grid pixel.
        trackers: one peak tracker per window, each on its own grid.
        noise: score of a plain area, median over frames (scores count full scale as 255).
        saturated: (h, w) share of saturated pixels in the sharpest frame, on the grid.
        covered: (h, w) 1 where every frame shows the scene, on the grid.
        fuser: ends with the all-in-focus picture; None if none was asked for.
        curves: focus curves of a grid of pixels.
    """

    factor: int
    trackers: list[PeakTracker]
    curves: CurveSampler
    noise: float = 0.0
    saturated: Plane = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    covered: Plane = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    fuser: Fuser | None = None


def base_factor(height: int, width: int) -> int:
    """Full-resolution pixels per grid pixel: 1 up to 1 megapixel, 2 above.

    Aggregated scores are smooth (sigma at least 2 px), so a grid of half the resolution loses nothing that matters.
    """
    return 1 if height * width <= 1_000_000 else 2


def stream(
    stack: FocalStack, run: Run, windows: tuple[Window, ...], fuser: Fuser | None, dense_curves: bool = False
) -> Streamed:
    """Read every frame once: scores, peaks, all-in-focus picture.

    Args:
        stack: the frames.
        run: threads, progress, cancellation.
        windows: one peak tracker is kept for each; the first drives fusion.
        fuser: makes the all-in-focus picture; None: nobody wants one.
        dense_curves: keep the focus curves of many pixels, not of a few.
    """
    h, w, _ = stack.shape
    factor = base_factor(h, w)
    base = grid_shape(h, w, factor)
    trackers = [PeakTracker(grid_shape(*base, window.coarse)) for window in windows]
    curves = CurveSampler((h, w), len(stack), factor, dense_curves)
    state = Streamed(factor, trackers, curves, saturated=np.zeros(base, np.float32), covered=np.ones(base, np.float32))
    gains = brightness_gains(stack.gains, len(stack))
    score_of = FrameScorer(stack.shape, stack.dtype, factor)
    floors = []
    run.stage("depth", len(stack))
    with own_threads_only(), ThreadPoolExecutor(1, thread_name_prefix="focaldepth-fuse") as side:
        fusing: Future[None] | None = None
        for i, frame in enumerate(stack.frames(prefetch=2, threads=run.threads)):
            score, clipped = score_of(frame, stack.source.white)
            score *= gains[i]
            covered = frame_coverage(stack, i, factor)
            if covered is not None:
                score[covered < 1] = 0
                np.minimum(state.covered, covered, out=state.covered)
            fine, higher, floor = _track(state, score, windows)
            cv2.copyTo(clipped, higher, state.saturated)
            floors.append(floor)
            state.curves.take(fine)
            if fusing is not None:
                fusing.result()
            if fuser is not None:
                fusing = side.submit(_fuse, fuser, frame, fine, higher)
            run.advance()
        if fusing is not None:
            fusing.result()
    state.noise = float(np.median(floors))
    state.fuser = fuser
    return state


@contextmanager
def own_threads_only() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own beside ours: they would share the same cores (10 % slower)."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _fuse(fuser: Fuser, frame: Frame, score: Plane, higher: NDArray[np.uint8]) -> None:
    fuser.update(frame, score, higher)


class FrameScorer:
    """Focus measure and saturation of frames of one shape, block means on the base grid.

    Works in strips that stay in the cache, in buffers that are kept; each strip sees the rows beside it, so strips
    leave no trace.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: np.dtype[Any], factor: int) -> None:
        self._measure = SmoothedModifiedLaplacian()
        self._factor = factor
        rows, width = min(_STRIP + 2 * self._measure.reach, shape[0]), shape[1]
        self._sum = ChannelSum(rows, width, shape[2], dtype)
        work = np.int16 if dtype == np.uint8 else np.float32
        self._across, self._down = (np.empty((rows, width), work) for _ in range(2))

    def __call__(self, frame: Frame, white: float) -> tuple[Plane, Plane]:
        """Return score (full scale counts as 255) and share of saturated pixels, each (h, w) on the grid."""
        h, w, channels = frame.shape
        reach, factor = self._measure.reach, self._factor
        score, clipped = (np.empty(grid_shape(h, w, factor), np.float32) for _ in range(2))
        for y in range(0, h, _STRIP):
            first, last = max(y - reach, 0), min(y + _STRIP + reach, h)
            grey = self._sum(frame[first:last])
            inner = slice(y - first, y - first + min(_STRIP, h - y))
            target = slice(y // factor, y // factor + -(-(inner.stop - inner.start) // factor))
            raw = self._measure.raw(grey, self._across[: last - first], self._down[: last - first])
            score[target] = shrink(raw[inner], factor)
            bright = cv2.compare(grey[inner], float(_SATURATED * white * channels), cv2.CMP_GE)
            clipped[target] = shrink(bright, factor)
        score *= np.float32(255 / white / 4 / channels)
        clipped /= 255
        return score, clipped


def _track(state: Streamed, score: Plane, windows: tuple[Window, ...]) -> tuple[Plane, NDArray[np.uint8], float]:
    """Feed every tracker; return the finest score, where it is the highest so far, and the frame's noise floor."""
    pyramid = Pyramid(score)
    fine, higher = None, None
    for window, tracker in zip(windows, state.trackers, strict=True):
        weighted = aggregate(pyramid, window, state.factor)
        risen = tracker.update(weighted)
        if fine is None:
            fine, higher = weighted, risen
    assert fine is not None  # windows is never empty
    assert higher is not None
    return fine, higher, _noise_floor(pyramid, state)


def _noise_floor(pyramid: Pyramid, state: Streamed) -> float:
    """Score of the plainest 2 % of a frame: noise alone, where a frame has any plain or defocused area."""
    window = Window(((4.0, 1.0),), 4 // state.factor)
    smooth = aggregate(pyramid, window, state.factor)
    seen = shrink(state.covered, 4 // state.factor) > 0.99
    values = (smooth[seen] if seen.any() else smooth.ravel())[:: max(1, smooth.size // 100_000)]
    return float(np.percentile(values, _NOISE_PERCENTILE))


def frame_coverage(stack: FocalStack, i: int, factor: int) -> Plane | None:
    covered = stack.source.coverage(i)
    return None if covered is None else shrink(covered.astype(np.uint8) * 255, factor) / np.float32(255)


def full_size(plane: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Bilinear enlargement of any grid to (H, W), for planes that lie on coarser grids of the same picture."""
    if plane.shape[:2] == shape:
        return plane
    factor = -(-shape[0] // plane.shape[0])
    big = cv2.resize(plane, (plane.shape[1] * factor, plane.shape[0] * factor), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(big[: shape[0], : shape[1]])

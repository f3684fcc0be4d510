"""What can be measured about the motion in a stack: matches between frames, each preview read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.align._alignment import MotionModel
from focaldepth.align._geometry import Matrix, nearest
from focaldepth.align._graph import Places, solve
from focaldepth.align._links import Links
from focaldepth.align._pair import Match
from focaldepth.align._pyramid import Pyramid, brightness, preview_factor
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack

SPANS = (1, 3, 9)
"""Frames this far apart are compared: neighbours for certainty, farther ones against drift."""
LINKED = 0.5
"""Frames of one scene agree by 0.94 and more, frames of different scenes by 0.15 and less."""

Matcher = Callable[[int, int, Pyramid, Pyramid, Matrix | None], Match | None]


@dataclass(frozen=True)
class Evidence:
    """Matches of a stack, in pixels of its previews.

    Attributes:
        matches: between pairs of frames that show the same thing.
        links: groups of frames that they connect.
        shape: (h, w) of previews.
        factor: by which previews are reduced.
        thumbs: (N, t, t) standardised pictures of the layout of each frame, for frames without matches.
        detail: (N,) energy of the finest detail of each frame.
    """

    matches: tuple[Match, ...]
    links: Links
    shape: tuple[int, int]
    factor: int
    thumbs: NDArray[np.float32]
    detail: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.thumbs)

    @property
    def group(self) -> list[int]:
        """Frames of the largest linked group."""
        return self.links.largest()

    @property
    def reference(self) -> int:
        """Frame nearest to the middle of the stack among the largest linked group."""
        return min(self.group, key=lambda i: abs(i - len(self) // 2))

    def places(self) -> Places:
        """Return all places of matches inside the largest group, which holds two frames at least."""
        inside = set(self.group)
        return Places.of([m for m in self.matches if m.a in inside])

    def solve(self, places: Places, model: MotionModel) -> Matrix:
        """Return transforms (N, 3, 3) from the reference to each frame, in preview pixels."""
        start = np.stack([nearest(t, self.shape, model) for t in self.links.start(self.reference)])
        return solve(len(self), places, self.reference, model, self.shape, start)


def gather(stack: FocalStack, run: Run, matcher: Matcher, long_side: int) -> Evidence:
    """Compare frames of a stack that are 1, 3 and 9 apart.

    Args:
        stack: the frames; each preview is read once and dropped when no later frame needs it.
        run: threads and progress.
        matcher: finds places of one frame in another.
        long_side: previews are reduced to at most this many pixels.
    """
    n, factor = len(stack), preview_factor(stack.shape, long_side)
    links, matches = Links(n), []
    held: dict[int, Pyramid] = {}
    thumbs, detail = [], []
    run.stage("align", n)
    for j, pyramid in enumerate(_pyramids(stack, run, factor)):
        held[j] = pyramid
        thumbs.append(thumb(pyramid))
        detail.append(float(pyramid.textures[0].mean()) if pyramid.textures[0].size else 0.0)
        for span in SPANS:
            i = j - span
            if i not in held:
                continue
            found = matcher(i, j, held[i], pyramid, links.between(i, j))
            if found is not None and found.correlation >= LINKED:
                matches.append(found)
                links.add(found)
        held.pop(j - SPANS[-1], None)
        run.advance()
    return Evidence(tuple(matches), links, pyramid.shape, factor, np.stack(thumbs), np.array(detail))


def _pyramids(stack: FocalStack, run: Run, factor: int) -> Iterator[Pyramid]:
    """Yield the pyramid of every frame; the next ones are made meanwhile in other threads."""

    def make(i: int) -> Pyramid:
        return Pyramid.of(brightness(stack, i, factor))

    with ThreadPoolExecutor(run.threads, thread_name_prefix="focaldepth-align") as pool:
        ahead = [pool.submit(make, i) for i in range(min(run.threads + 1, len(stack)))]
        for i in range(len(stack)):
            pyramid = ahead.pop(0).result()
            if i + run.threads + 1 < len(stack):
                ahead.append(pool.submit(make, i + run.threads + 1))
            yield pyramid


def thumb(pyramid: Pyramid, side: int = 12) -> NDArray[np.float32]:
    """Return the layout of a frame at a scale that no blur removes, mean 0 and norm 1 (0 for a flat frame)."""
    small = cv2.resize(pyramid.coarse, (side, side), interpolation=cv2.INTER_AREA)
    small = small - small.mean()
    norm = float(np.linalg.norm(small))
    flat = norm < 1e-3 * side * (float(pyramid.coarse.mean()) + 1e-6)
    out: NDArray[np.float32] = np.zeros_like(small) if flat else small / norm
    return out

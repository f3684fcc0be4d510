"""The frames of a stack in memory, as they were read, each filled where it does not show the scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack


@dataclass(frozen=True, eq=False)
class Held:
    """Frames and where they show the scene.

    Attributes:
        frames: (N, H, W, C) in the type of the stack.
        covered: (H, W) true where every frame shows the scene.
    """

    frames: NDArray[Any]
    covered: NDArray[np.bool_]


def hold(stack: FocalStack, run: Run) -> Held:
    """Read every frame once.

    A network that sees borders of frames takes them for edges of things. So pixels at which a frame does not show the
    scene are those of the nearest frame that does; `covered` says where.
    """
    n, shape = len(stack), stack.shape
    frames = np.empty((n, *shape), stack.dtype)
    seen: list[NDArray[np.bool_] | None] = []
    run.stage("read", n)
    for i, frame in enumerate(stack.frames(threads=run.threads)):
        frames[i] = frame
        seen.append(stack.source.coverage(i))
        run.advance()
    covered = np.ones(shape[:2], bool)
    for i, own in enumerate(seen):
        if own is not None:
            covered &= own
            _fill(frames, seen, i, ~own)
    return Held(frames, covered)


def _fill(frames: NDArray[Any], seen: list[NDArray[np.bool_] | None], i: int, missing: NDArray[np.bool_]) -> None:
    for j in sorted(range(len(seen)), key=lambda j: abs(j - i)):
        if j == i:
            continue
        if not missing.any():
            return
        other = seen[j]
        take = missing if other is None else missing & other
        frames[i][take] = frames[j][take]
        missing = missing & ~take

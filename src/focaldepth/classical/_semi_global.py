"""Semi-global minimisation over a volume of costs, eight paths, all lines of a path at once.

Source: Hirschmueller, Stereo Processing by Semiglobal Matching and Mutual Information, IEEE PAMI 30(2), 2008, eq. 13.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane
from focaldepth.core.progress import Run

Volume = NDArray[np.float32]
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
"""(rows, columns) from one pixel of a path to the next."""
_EDGE = 0.15
"""Sum of absolute changes of the guide over its channels at which a jump costs 1/e."""


def sum_paths(cost: Volume, guide: Plane, step: float, jump: float, run: Run) -> Volume:
    """Return the summed path costs, (h, w, D) float32; the lowest along D is the depth.

    Args:
        cost: (h, w, D).
        guide: (h, w, C) picture, 1 is its span: jumps cost less where it changes.
        step: penalty for a change by one hypothesis.
        jump: penalty for any larger change where the guide is flat.
        run: progress, cancellation.
    """
    total = np.zeros_like(cost)
    picture = guide if guide.shape[2] == 3 else guide[..., :1] * np.float32(3)
    run.stage("paths", len(DIRECTIONS))
    for rows, columns in DIRECTIONS:
        # Along the first axis the path moves one line a time; a diagonal one shifts sideways as it goes.
        if rows == 0:
            costs, sums, colours = (a.transpose(1, 0, 2)[::columns] for a in (cost, total, picture))
        else:
            costs, sums, colours = (a[::rows] for a in (cost, total, picture))
        _walk(costs, sums, colours, columns if rows else 0, step, jump)
        run.advance()
    return total


def _walk(cost: Volume, total: Volume, picture: Plane, shift: int, step: float, jump: float) -> None:
    """Add the costs of the paths that run along the first axis; pixels that enter sideways begin a path."""
    before = cost[0].copy()
    total[0] += before
    for i in range(1, len(cost)):
        change = np.abs(picture[i] - _moved(picture[i - 1], shift, picture[i])).sum(-1)
        dearest = np.float32(step) + np.float32(jump) * np.exp(change * np.float32(-1 / _EDGE))
        came = _moved(before, shift, np.zeros_like(before))
        lowest = came.min(1, keepdims=True)
        best = np.minimum(came, lowest + dearest[:, None])
        np.minimum(best[:, 1:], came[:, :-1] + np.float32(step), out=best[:, 1:])
        np.minimum(best[:, :-1], came[:, 1:] + np.float32(step), out=best[:, :-1])
        best -= lowest
        best += cost[i]
        total[i] += best
        before = best


def _moved(line: NDArray[np.float32], shift: int, entering: NDArray[np.float32]) -> NDArray[np.float32]:
    """The line shifted sideways by -1, 0 or 1 pixels; what enters is taken from `entering`."""
    if shift == 0:
        return line
    out = entering.copy()
    if shift > 0:
        out[1:] = line[:-1]
    else:
        out[:-1] = line[1:]
    return out

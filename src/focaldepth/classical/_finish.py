"""The end of every volume method: planes on the grid of depth become an estimate at full resolution."""

from __future__ import annotations

import numpy as np

from focaldepth.classical._aggregate import Plane
from focaldepth.classical._assemble import enlarge_along_edges, enlarge_blocks
from focaldepth.classical._volume import Gathered
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap, Estimate, Mask
from focaldepth.core.stack import FocalStack


def finish(state: Gathered, position: Plane, sigma: Plane | None, valid: Mask, stack: FocalStack, run: Run) -> Estimate:
    """Bring the maps to full resolution along the edges of the all-in-focus picture.

    Args:
        state: what the frames left behind; its fuser ends here.
        position: (a, b) depth everywhere, blur-linear.
        sigma: (a, b) one standard deviation, > 0; None = not estimated.
        valid: (a, b) bool.
        stack: the frames.
        run: threads, progress.
    """
    axis, shape = stack.blur_axis, stack.shape[:2]
    picture = state.fuser.finish() if state.fuser is not None else None
    liked = state.fuser.picked if state.fuser is not None else None
    source = state.best if liked is None else liked
    run.stage("full resolution", 1)
    planes = [position] if sigma is None else [position, np.log(sigma)]
    planes = enlarge_along_edges(
        planes, state.guide, picture, float(stack.source.white) * state.span, state.coarse, run.threads
    )
    depth, *others = (np.ascontiguousarray(p[: shape[0], : shape[1]]) for p in planes)
    spread = np.exp(others[0]) if others else None
    run.advance()
    return Estimate(
        DepthMap(depth, axis.unit, enlarge_blocks(valid, state.coarse, shape), spread),
        axis.index_of(depth).astype(np.float32),
        picture,
        filled=DepthMap(depth, axis.unit, np.ones(shape, bool), spread),
        source_frame=enlarge_blocks(source, -(-shape[0] // source.shape[0]), shape),
        extras=state.curves.extras(),
    )

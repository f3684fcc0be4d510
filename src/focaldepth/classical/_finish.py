"""The end of every volume method: planes on the grid of depth become an estimate at full resolution."""

from __future__ import annotations

import numpy as np

from focaldepth.classical._aggregate import Plane
from focaldepth.classical._assemble import enlarge_along_edges, enlarge_blocks
from focaldepth.classical._fuse import MultibandFuser
from focaldepth.classical._fuse_by_depth import KnownDepth, beside_edges, fuse_by_depth, light_of
from focaldepth.classical._volume import Gathered
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap, Estimate, Mask
from focaldepth.core.stack import FocalStack


def finish(
    state: Gathered,
    position: Plane,
    sigma: Plane | None,
    valid: Mask,
    stack: FocalStack,
    run: Run,
    px_per_unit: float = 0.0,
) -> Estimate:
    """Bring the maps to full resolution along the edges of the all-in-focus picture.

    Args:
        state: what the frames left behind; its fuser ends here.
        position: (a, b) depth everywhere, blur-linear.
        sigma: (a, b) one standard deviation, > 0; None = not estimated.
        valid: (a, b) bool.
        stack: the frames.
        run: threads, progress.
        px_per_unit: blur radius per unit of the axis in pixels of the luminance; where it is known, and sigma, a
            picture blended by bands is made anew beside depth edges, from the frames that are sharp at a pixel's depth.
    """
    axis, shape = stack.blur_axis, stack.shape[:2]
    fuser, state.fuser = state.fuser, None
    picture = fuser.finish() if fuser is not None else None
    liked = fuser.picked if fuser is not None else None
    by_bands = isinstance(fuser, MultibandFuser)
    del fuser
    source = state.best if liked is None else liked
    run.stage("full resolution", 1)
    planes = [position] if sigma is None else [position, np.log(sigma)]
    planes = enlarge_along_edges(
        planes, state.guide, picture, float(stack.source.white) * state.span, state.coarse, run.threads
    )
    depth, *others = (np.ascontiguousarray(p[: shape[0], : shape[1]]) for p in planes)
    spread = np.exp(others[0]) if others else None
    run.advance()
    if px_per_unit and spread is not None and picture is not None and by_bands:
        px = px_per_unit * state.fine
        edges = beside_edges(position, state.covered, px)
        light = light_of(state.best, stack.gains, stack.shape[2])
        picture = fuse_by_depth(stack, picture, KnownDepth(depth, spread, edges, light, state.coarse, px), run)
    return Estimate(
        DepthMap(depth, axis.unit, enlarge_blocks(valid, state.coarse, shape), spread),
        axis.index_of(depth).astype(np.float32),
        picture,
        filled=DepthMap(depth, axis.unit, np.ones(shape, bool), spread),
        source_frame=enlarge_blocks(source, -(-shape[0] // source.shape[0]), shape),
        extras=state.curves.extras(),
    )

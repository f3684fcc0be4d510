"""Streaming depth from focus: each frame is read once, and memory does not grow with their number."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from focaldepth.classical._aggregate import Plane, Window, enlarge
from focaldepth.classical._assemble import enlarge_blocks
from focaldepth.classical._confidence import band_bytes, judge
from focaldepth.classical._fill import complete
from focaldepth.classical._prefer import PREFERENCES, make_fuser
from focaldepth.classical._stream import Streamed, base_factor, stream
from focaldepth.classical.naive import NAYAR
from focaldepth.core.method import Access, Citation, MethodSpec, WorkingMemory
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap, Estimate
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack

WINDOWS = (
    Window(((2.0, 1.0), (5.0, 0.5), (12.0, 0.2), (25.0, 0.05)), 1),
    Window(((7.0, 1.0), (16.0, 0.2)), 2),
    Window(((14.0, 1.0), (28.0, 0.1)), 4),
)
"""Fine, middle and wide window; heavy tails let an untextured pixel follow texture farther away."""

BURT = Citation(
    "burt1983multiresolution",
    "P. J. Burt, E. H. Adelson: A multiresolution spline with application to image mosaics. ACM TOG 2(4), 1983.",
    "https://doi.org/10.1145/245.247",
    "@article{burt1983multiresolution,\n  author = {Burt, Peter J. and Adelson, Edward H.},\n"
    "  title = {A Multiresolution Spline with Application to Image Mosaics},\n"
    "  journal = {ACM Transactions on Graphics},\n  volume = {2},\n  number = {4},\n  pages = {217--236},\n"
    "  year = {1983}\n}",
)


@dataclass(frozen=True)
class ClassicalFast:
    """Focus curves in three windows at once; measured noise decides at every pixel which window is believed."""

    spec: ClassVar[MethodSpec] = MethodSpec(
        title="Streaming classical: three windows, chosen by measured noise",
        access=Access.STREAM,
        summary="Any number of frames at any size on a laptop: each frame is read once and a fixed number of planes is "
        "kept. Sub-frame depth, error bar and validity from the shape of the focus curve.",
        gives=("sigma", "index", "all_in_focus", "filled"),
        citations=(NAYAR, BURT),
        invariances=("frame order", "gain"),
        bytes_per_pixel=260,
    )

    fusion: str = setting(
        "multiband", "all-in-focus picture: multiband, colour or none", choices=("multiband", "colour", "none")
    )
    max_sigma: float = setting(
        0.1, "a pixel is valid up to this sigma, as a share of the focus range", low=0.001, high=1.0
    )
    prefer: str = setting(
        "none", "which of two sharp depths the picture shows: none, near, far, first, last", choices=PREFERENCES
    )
    curves: bool = setting(False, "keep the focus curve of every pixel, at reduced resolution")

    def __post_init__(self) -> None:
        check(self)

    def working_memory(self, stack: FocalStack, run: Run) -> WorkingMemory:
        """Planes lie on a grid that is coarser for large frames; measured, see `benchmarks/memory.py`."""
        h, w, c = stack.shape
        pixels, grid = h * w, h * w // base_factor(h, w) ** 2
        bands = self.fusion == "multiband"
        blending = 4 * c * pixels + 20 * grid if bands else 0
        picture = 0 if self.fusion == "none" else c * stack.dtype.itemsize * pixels
        frame = pixels * c * stack.dtype.itemsize  # the picture is built beside the measure, one frame behind it
        reading = 96 * grid + blending + (frame if self.fusion != "none" else 0) + (0 if bands else picture)
        finishing = 110 * grid + (4 * c * pixels + 10 * grid if bands else 0) + 2 * picture
        return WorkingMemory(reading, finishing + band_bytes(w // base_factor(h, w)))

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Estimate:
        """Estimate depth; see the class."""
        self.spec.check(stack, "classical-fast")
        fuser = make_fuser(stack, self.fusion, self.prefer, base_factor(*stack.shape[:2]))
        state = stream(stack, run, WINDOWS, fuser, dense_curves=self.curves)
        run.stage("confidence", 1)
        with ThreadPoolExecutor(1, thread_name_prefix="focaldepth-fuse") as side:
            picture = side.submit(state.fuser.finish) if state.fuser is not None else None
            estimate = _estimate(state, stack, self.max_sigma, run.threads)
            estimate = replace(estimate, all_in_focus=picture.result() if picture is not None else None)
        run.advance()
        return estimate


def _estimate(state: Streamed, stack: FocalStack, max_sigma: float, threads: int) -> Estimate:
    """Turn the planes of one pass into full-resolution maps."""
    axis, shape = stack.blur_axis, stack.shape[:2]
    judged = judge(state, WINDOWS, axis.values, max_sigma, threads)
    position, sigma = judged.position, judged.trust.sigma
    filled, wide = complete(position, sigma, judged.trust.measured)
    index = axis.index_of(filled).astype(np.float32)
    full_valid = enlarge(judged.trust.valid.astype(np.uint8), state.factor, *shape) > 0
    liked = state.fuser.picked if state.fuser is not None else None
    source = enlarge_blocks(state.trackers[0].index if liked is None else liked, state.factor, shape)
    state.trackers.clear()

    def big(plane: Plane) -> Plane:
        full: Plane = enlarge(plane, state.factor, *shape)
        return full

    everywhere = np.ones(shape, bool)
    return Estimate(
        DepthMap(big(position), axis.unit, full_valid, big(sigma)),
        big(index),
        filled=DepthMap(big(filled), axis.unit, everywhere, big(wide)),
        source_frame=source,
        extras=state.curves.extras(),
    )


METHOD = ClassicalFast

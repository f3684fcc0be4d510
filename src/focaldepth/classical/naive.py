"""The baseline: the simplest depth from focus that is done properly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from focaldepth.classical._fuse import ColourFuser
from focaldepth.classical._peak import three_point_peak
from focaldepth.classical._scores import scored_frames
from focaldepth.core.method import Access, Citation, MethodSpec, WorkingMemory
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap, Estimate
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack
from focaldepth.measures._measure import MEASURES

NAYAR = Citation(
    "nayar1994shape",
    "S. K. Nayar, Y. Nakagawa: Shape from focus. IEEE PAMI 16(8), 1994.",
    "https://doi.org/10.1109/34.308479",
    "@article{nayar1994shape,\n  author = {Nayar, Shree K. and Nakagawa, Yasuo},\n  title = {Shape from Focus},\n"
    "  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},\n  volume = {16},\n  number = {8},\n"
    "  pages = {824--831},\n  year = {1994}\n}",
)

_STRIP = 128


@dataclass(frozen=True)
class Naive:
    """Sum-modified Laplacian (or another measure), Gaussian window, highest frame, 3-point Gaussian fit."""

    spec: ClassVar[MethodSpec] = MethodSpec(
        title="Baseline: sum-modified Laplacian, Gaussian window, 3-point peak",
        access=Access.STREAM,
        summary="The yardstick of every comparison. No error bar, and every pixel that all frames show counts as "
        "valid: it does not know what it does not know.",
        gives=("index", "all_in_focus"),
        citations=(NAYAR,),
        invariances=("frame order", "gain"),
        bytes_per_pixel=58,
    )

    sigma: float = setting(7.0, "width of the Gaussian window", unit="px", low=0.5, high=100)
    measure: str = setting("sum-modified-laplacian", "focus measure; see `focaldepth methods --measures`")

    def __post_init__(self) -> None:
        check(self)
        MEASURES.resolve(self.measure)

    def working_memory(self, stack: FocalStack, run: Run) -> WorkingMemory:
        """Planes, picture, and the grey frame with what becomes of it; measured, see `benchmarks/memory.py`."""
        h, w, c = stack.shape
        wide = 4 if stack.dtype.kind == "f" else 4 * c
        reading = h * w * (34 + wide + c * stack.dtype.itemsize)
        return WorkingMemory(reading, reading)

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Estimate:
        """Estimate depth; see the class."""
        self.spec.check(stack, "naive")
        axis = stack.blur_axis
        h, w, _ = stack.shape
        best = np.full((h, w), -1, np.float32)
        left, right, before = (np.zeros((h, w), np.float32) for _ in range(3))
        index = np.zeros((h, w), np.int16)
        fresh = np.zeros((h, w), np.uint8)
        shown = np.ones((h, w), bool)
        fuser = ColourFuser(stack.shape, stack.dtype, 1)
        run.stage("depth", len(stack))
        for i, (frame, score) in enumerate(scored_frames(stack, MEASURES.get(self.measure), run)):
            score = cv2.GaussianBlur(score, (0, 0), self.sigma)
            seen = stack.source.coverage(i)
            if seen is not None:
                score[~seen] = 0
                shown &= seen
            cv2.copyTo(score, fresh, right)
            fresh = cv2.compare(score, best, cv2.CMP_GT)
            cv2.copyTo(before, fresh, left)
            cv2.copyTo(score, fresh, best)
            np.copyto(index, np.int16(i), where=fresh.view(bool))
            fuser.update(frame, score, fresh)
            before = score
            run.advance()
        position = np.empty((h, w), np.float32)
        for y in range(0, h, _STRIP):  # the fit works in float64: all at once it would be most of the memory
            rows = slice(y, y + _STRIP)
            position[rows] = three_point_peak(left[rows], best[rows], right[rows], index[rows], axis.values)
        del left, right, best, before
        everywhere = DepthMap(position, axis.unit, np.ones((h, w), bool))
        fractional = axis.index_of(position).astype(np.float32)
        sure = DepthMap(position, axis.unit, shown)
        return Estimate(sure, fractional, fuser.finish(), filled=everywhere, source_frame=index)


METHOD = Naive

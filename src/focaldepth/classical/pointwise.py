"""Depth from focus out of parts: any focus measure, any window, any peak fit, every pixel for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.classical._fits import FITS
from focaldepth.classical._luminance import grey_mean
from focaldepth.classical._peak import PeakTracker, Plane
from focaldepth.classical._prefer import make_fuser
from focaldepth.classical._scores import scored_frames
from focaldepth.classical._windows import WINDOWS, averages_of
from focaldepth.classical.naive import NAYAR
from focaldepth.core.method import Access, MethodSpec, WorkingMemory
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap, Estimate, Mask
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack
from focaldepth.measures._measure import MEASURES

_STRIP = 64
_NOISE_PERCENTILE = 2
_RISE = 4.0
"""Rise over the noise that a window is believed from, as in classical-fast."""


@dataclass(frozen=True)
class Pointwise:
    """Measure, window, peak: what Pertuz et al. 2013 compare, with choices for each."""

    spec: ClassVar[MethodSpec] = MethodSpec(
        title="Pointwise: any measure, window and peak fit",
        access=Access.STREAM,
        summary="For comparisons and for those who know which measure fits their pictures. No error bar; a pixel "
        "counts as valid where its score rises out of the noise, not at an end of the stack.",
        gives=("index", "all_in_focus", "filled"),
        citations=(NAYAR,),
        invariances=("frame order", "gain"),
    )

    measure: str = setting("sum-modified-laplacian", "focus measure; see `focaldepth methods --measures`")
    window: str = setting("gaussian", "what a score is averaged over: " + ", ".join(WINDOWS), choices=WINDOWS)
    sigma: float = setting(5.0, "standard deviation of the window", unit="px", low=0.5, high=100)
    fit: str = setting("least-squares", "peak between frames: " + ", ".join(FITS), choices=tuple(FITS))
    subtract_noise: bool = setting(False, "take from every score what the plainest parts of its frame have")
    fusion: str = setting(
        "multiband", "all-in-focus picture: multiband, colour or none", choices=("multiband", "colour", "none")
    )

    def __post_init__(self) -> None:
        check(self)
        MEASURES.resolve(self.measure)

    def working_memory(self, stack: FocalStack, run: Run) -> WorkingMemory:
        """Eleven planes per tracker, the grey frame with what a window makes of it, and the picture."""
        h, w, c = stack.shape
        trackers = len(averages_of(self.window, self.sigma))
        wide = 0 if stack.dtype.kind == "f" else 4 * c
        picture = 0 if self.fusion == "none" else (4 * c + c * stack.dtype.itemsize + 8) * h * w
        held = h * w * (48 * trackers + 60 + wide) + picture
        return WorkingMemory(held, held + 16 * h * w)

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Estimate:
        """Estimate depth; see the class."""
        self.spec.check(stack, "pointwise")
        axis, shape = stack.blur_axis, stack.shape[:2]
        averages = averages_of(self.window, self.sigma)
        trackers = [PeakTracker(shape) for _ in averages]
        fuser = make_fuser(stack, self.fusion, "none", 1)
        noise: list[list[float]] = [[] for _ in averages]
        shown = np.ones(shape, bool)
        run.stage("depth", len(stack))
        for i, (frame, score) in enumerate(scored_frames(stack, MEASURES.get(self.measure), run)):
            seen = stack.source.coverage(i)
            if seen is not None:
                score[~seen] = 0
                shown &= seen
            grey = grey_mean(frame) * np.float32(1 / stack.source.white)
            for number, (average, sigma) in enumerate(averages):
                smooth = average(score, grey, sigma)
                floor = float(np.percentile(smooth[::2, ::2], _NOISE_PERCENTILE))
                noise[number].append(floor)
                if self.subtract_noise:
                    smooth = np.maximum(smooth - np.float32(floor), 0)
                higher = trackers[number].update(np.ascontiguousarray(smooth, np.float32))
                if number == 0 and fuser is not None:
                    fuser.update(frame, smooth, higher)
            run.advance()
        levels = [float(np.median(floors)) / sigma for floors, (_, sigma) in zip(noise, averages, strict=True)]
        position, heard, inner = self._decide(trackers, levels, axis.values)
        everywhere = DepthMap(position, axis.unit, np.ones(shape, bool))
        return Estimate(
            DepthMap(position, axis.unit, shown & heard & inner),
            axis.index_of(position).astype(np.float32),
            fuser.finish() if fuser is not None else None,
            filled=everywhere,
            source_frame=trackers[0].index,
        )

    def _decide(
        self, trackers: list[PeakTracker], levels: list[float], focus: np.ndarray[tuple[int], np.dtype[np.float64]]
    ) -> tuple[Plane, Mask, Mask]:
        """Fit every tracker; take the finest that rises out of its noise, the widest where none does.

        Returns:
            Position, where any was heard, and where the believed one has its peak inside the stack.
        """
        fit, h = FITS[self.fit], len(trackers[0].best)
        last = len(focus) - 1
        position = np.empty(trackers[0].best.shape, np.float32)
        heard, inner = np.zeros(position.shape, bool), np.zeros(position.shape, bool)
        for y in range(0, h, _STRIP):
            rows = slice(y, y + _STRIP)
            for number in reversed(range(len(trackers))):
                tracker = trackers[number]
                rises = tracker.best[rows] - tracker.low[rows] > max(_RISE * levels[number], 1e-6)
                believed = rises if number < len(trackers) - 1 else np.ones_like(rises)
                np.copyto(position[rows], fit(tracker, focus, rows), where=believed)
                index = tracker.index[rows]
                np.copyto(inner[rows], (index > 0) & (index < last), where=believed)
                heard[rows] |= rises
        return position, heard, inner


METHOD = Pointwise

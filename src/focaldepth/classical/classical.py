"""The most accurate classical method: a model of blur tested on all frames, smoothed along the edges of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.classical._aggregate import grid_shape
from focaldepth.classical._blur_model import most_hypotheses
from focaldepth.classical._certainty import Clues, judge, unknown
from focaldepth.classical._confidence import nowhere_in_focus
from focaldepth.classical._edge_aware import EdgeAware
from focaldepth.classical._evidence import Evidence, weigh
from focaldepth.classical._finish import finish
from focaldepth.classical._prefer import PREFERENCES, make_fuser
from focaldepth.classical._regularise import find_peaks, own_weight, smooth, smooth_position
from focaldepth.classical._stream import base_factor
from focaldepth.classical._volume import Gathered, factors, gather
from focaldepth.classical.classical_fast import BURT
from focaldepth.core.method import Access, Citation, MethodSpec, WorkingMemory
from focaldepth.core.progress import Run
from focaldepth.core.result import Estimate
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack

FAVARO = Citation(
    "favaro2005geometric",
    "P. Favaro, S. Soatto: A geometric approach to shape from defocus. IEEE PAMI 27(3), 2005.",
    "https://doi.org/10.1109/TPAMI.2005.43",
    "@article{favaro2005geometric,\n  author = {Favaro, Paolo and Soatto, Stefano},\n"
    "  title = {A Geometric Approach to Shape from Defocus},\n"
    "  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},\n  volume = {27},\n"
    "  number = {3},\n  pages = {406--417},\n  year = {2005}\n}",
)
GASTAL = Citation(
    "gastal2011domain",
    "E. S. L. Gastal, M. M. Oliveira: Domain transform for edge-aware image and video processing. ACM TOG 30(4), 2011.",
    "https://doi.org/10.1145/2010324.1964964",
    "@article{gastal2011domain,\n  author = {Gastal, Eduardo S. L. and Oliveira, Manuel M.},\n"
    "  title = {Domain Transform for Edge-Aware Image and Video Processing},\n"
    "  journal = {ACM Transactions on Graphics},\n  volume = {30},\n  number = {4},\n  pages = {69:1--69:12},\n"
    "  year = {2011}\n}",
)
_CONTRAST, _NOISE = 0.45, 40.0
_ISLAND = 0.5
"""Valid areas smaller than this share of the square of the reach are what noise alone can make."""
_NARROW = 1 / 3


@dataclass(frozen=True)
class Classical:
    """Every depth is a hypothesis about how all frames are blurred; the best one after smoothing is taken."""

    spec: ClassVar[MethodSpec] = MethodSpec(
        title="Classical: blur model on all frames, smoothed along edges",
        access=Access.VOLUME,
        summary="The most accurate method without learning. It measures from the stack how blur grows with distance, "
        "tests every depth on all frames at once, and smooths the evidence along the edges of the picture.",
        gives=("sigma", "index", "all_in_focus", "filled"),
        citations=(FAVARO, GASTAL, BURT),
        invariances=("frame order", "gain"),
    )

    fusion: str = setting(
        "multiband", "all-in-focus picture: multiband, colour or none", choices=("multiband", "colour", "none")
    )
    max_sigma: float = setting(
        0.1, "a pixel is valid up to this sigma, as a share of the focus range", low=0.001, high=1.0
    )
    reach: float = setting(
        25.0, "how far depth is smoothed where the picture is plain", unit="px of the depth grid", low=1.0, high=500.0
    )
    prefer: str = setting(
        "none", "which of two sharp depths the picture shows: none, near, far, first, last", choices=PREFERENCES
    )
    curves: bool = setting(False, "keep the focus curve of every pixel, at reduced resolution")

    def __post_init__(self) -> None:
        check(self)

    def working_memory(self, stack: FocalStack, run: Run) -> WorkingMemory:
        """Luminance of all frames on its grid, then the evidence on the coarser grid of depth."""
        told = volume_memory(stack, self.fusion, volumes=6)
        return told if self.fusion != "multiband" or self.prefer != "none" else with_second_reading(told, stack)

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Estimate:
        """Estimate depth; see the class."""
        self.spec.check(stack, "classical")
        fuser = make_fuser(stack, self.fusion, self.prefer, base_factor(*stack.shape[:2]))
        state = gather(stack, run, fuser, luminance=True, dense_curves=self.curves)
        axis = stack.blur_axis
        evidence = weigh(state.luminance, axis.values, state.coarse // state.fine, run)
        state.luminance = state.luminance[:0].copy()
        clues = clues_of(state, evidence, self.reach, run)
        usable = (state.saturated < 0.5) & (state.covered > 0.99)
        judged = judge(evidence, clues, axis.values, usable, self.max_sigma, _ISLAND * self.reach**2)
        if nowhere_in_focus(state.best, state.frames, state.textured):
            judged = unknown(judged, axis.values)
        known = evidence.px_per_unit if evidence.explained else 0.0
        del evidence, clues
        return finish(state, judged.position, judged.sigma, judged.valid, stack, run, known)


def clues_of(state: Gathered, evidence: Evidence, reach: float, run: Run) -> Clues:
    """Smooth the evidence along the edges of the guide, far and narrowly, and find its peaks.

    Args:
        state: what the frames left behind.
        evidence: what they say of every depth.
        reach: of the smoothing, pixels of the depth grid.
        run: threads, progress.
    """
    weight = own_weight(evidence)
    contrast = edge_contrast(state, evidence)
    wide = EdgeAware(state.guide, reach, contrast)
    narrow = smooth_position(evidence, weight, EdgeAware(state.guide, reach * _NARROW, contrast), run)
    peaks = find_peaks(evidence, smooth(evidence, weight, wide, run), run.threads)
    return Clues(peaks, wide(weight[..., None])[..., 0], narrow, state.guide)


def edge_contrast(state: Gathered, evidence: Evidence) -> float:
    """Return the change of the guide that stops smoothing: a share of its span, more where noise makes such changes.

    Summed over three channels; smoothing loses as much across it as over its whole reach.
    """
    return float(np.hypot(_CONTRAST, _NOISE * np.sqrt(evidence.noise) / state.span))


def volume_memory(stack: FocalStack, fusion: str, volumes: int) -> WorkingMemory:
    """Tell what a method takes that holds so many bytes per pixel and hypothesis at its peak; measured.

    How many hypotheses there are depends on the blur, which is not known before: this is the most.
    """
    h, w, c = stack.shape
    fine, coarse = factors(h, w, len(stack))
    pixels, grid = h * w, int(np.prod(grid_shape(h, w, coarse)))
    picture = 0 if fusion == "none" else (4 * c + c * stack.dtype.itemsize) * pixels
    luminance = 2 * len(stack) * int(np.prod(grid_shape(h, w, fine)))
    reading = luminance + picture + 40 * pixels // (1 if coarse == 1 else 4)
    volume = grid * most_hypotheses(len(stack))
    return WorkingMemory(reading, max(luminance + 2 * volume, volumes * volume) + picture + 300_000_000)


def with_second_reading(told: WorkingMemory, stack: FocalStack) -> WorkingMemory:
    """Add what the picture beside depth edges takes where they are everywhere: six planes, and two in colours."""
    h, w, c = stack.shape
    frames = 5 * c * stack.dtype.itemsize
    return WorkingMemory(told.reading, max(told.finishing, h * w * (24 + 8 * c + frames) + 300_000_000))


METHOD = Classical

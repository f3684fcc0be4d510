"""Semi-global depth from focus: the evidence of `classical`, decided by paths over the picture instead of smoothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.classical._edge_aware import EdgeAware
from focaldepth.classical._evidence import weigh
from focaldepth.classical._finish import finish
from focaldepth.classical._prefer import PREFERENCES, make_fuser
from focaldepth.classical._regularise import find_peaks, own_weight, smooth
from focaldepth.classical._semi_global import sum_paths
from focaldepth.classical._stream import base_factor
from focaldepth.classical._volume import claimed, gather
from focaldepth.classical.classical import FAVARO, edge_contrast, volume_memory
from focaldepth.core.method import Access, Citation, MethodSpec, WorkingMemory
from focaldepth.core.progress import Run
from focaldepth.core.result import Estimate
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack

HIRSCHMUELLER = Citation(
    "hirschmueller2008stereo",
    "H. Hirschmüller: Stereo Processing by Semiglobal Matching and Mutual Information. IEEE PAMI 30(2), 2008.",
    "https://doi.org/10.1109/TPAMI.2007.1166",
    '@article{hirschmueller2008stereo,\n  author = {Hirschm{\\"u}ller, Heiko},\n'
    "  title = {Stereo Processing by Semiglobal Matching and Mutual Information},\n"
    "  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},\n  volume = {30},\n"
    "  number = {2},\n  pages = {328--341},\n  year = {2008}\n}",
)
_REACH_PX = 12.0


@dataclass(frozen=True)
class SemiGlobal:
    """Evidence of the blur model, slightly smoothed; eight paths; parabola through the summed costs."""

    spec: ClassVar[MethodSpec] = MethodSpec(
        title="Semi-global: blur model on all frames, decided along eight paths",
        access=Access.VOLUME,
        summary="Piecewise smooth depth with firm edges, as in stereo; about as accurate as `classical` and slower. It "
        "gives no error bar; a pixel counts as valid where its focus measure rises out of the noise, not at an end.",
        gives=("index", "all_in_focus", "filled"),
        citations=(HIRSCHMUELLER, FAVARO),
        invariances=("frame order", "gain"),
    )

    step: float = setting(0.03, "cost of a change by one hypothesis (a quarter of a pixel of blur)", low=0.0, high=10.0)
    jump: float = setting(0.1, "cost of any larger change where the picture is plain", low=0.0, high=100.0)
    fusion: str = setting(
        "multiband", "all-in-focus picture: multiband, colour or none", choices=("multiband", "colour", "none")
    )
    prefer: str = setting(
        "none", "which of two sharp depths the picture shows: none, near, far, first, last", choices=PREFERENCES
    )
    curves: bool = setting(False, "keep the focus curve of every pixel, at reduced resolution")

    def __post_init__(self) -> None:
        check(self)

    def working_memory(self, stack: FocalStack, run: Run) -> WorkingMemory:
        """As `classical`, with costs and their sum beside the evidence."""
        return volume_memory(stack, self.fusion, volumes=10)

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Estimate:
        """Estimate depth; see the class."""
        self.spec.check(stack, "semi-global")
        fuser = make_fuser(stack, self.fusion, self.prefer, base_factor(*stack.shape[:2]))
        state = gather(stack, run, fuser, luminance=True, dense_curves=self.curves)
        focus = stack.blur_axis.values
        evidence = weigh(state.luminance, focus, state.coarse // state.fine, run)
        state.luminance = state.luminance[:0].copy()
        cost = smooth(
            evidence, own_weight(evidence), EdgeAware(state.guide, _REACH_PX, edge_contrast(state, evidence)), run
        )
        np.negative(cost, out=cost)
        total = sum_paths(cost, state.guide, self.step, self.jump, run)
        position = find_peaks(evidence, np.negative(total, out=total), run.threads).position
        position = np.clip(position, np.float32(focus.min()), np.float32(focus.max()))
        return finish(state, position, None, claimed(state), stack, run)


METHOD = SemiGlobal

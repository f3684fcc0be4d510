"""Variational depth from focus: total variation against the non-convex focus curves of all pixels at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from focaldepth.classical._aggregate import grid_shape
from focaldepth.classical._finish import finish
from focaldepth.classical._prefer import PREFERENCES, make_fuser
from focaldepth.classical._stream import base_factor
from focaldepth.classical._variational import FocusCurves, minimise, steady_degree
from focaldepth.classical._volume import Gathered, claimed, factors, gather
from focaldepth.core.method import Access, Citation, MethodSpec, WorkingMemory
from focaldepth.core.progress import Run
from focaldepth.core.result import Estimate
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack

MOELLER = Citation(
    "moeller2015variational",
    "M. Moeller, M. Benning, C. Schönlieb, D. Cremers: Variational depth from focus reconstruction. IEEE TIP 24(12), "
    "2015.",
    "https://doi.org/10.1109/TIP.2015.2479469",
    '@article{moeller2015variational,\n  author = {Moeller, Michael and Benning, Martin and Sch{\\"o}nlieb, Carola '
    "and Cremers, Daniel},\n  title = {Variational Depth From Focus Reconstruction},\n  journal = {IEEE Transactions "
    "on Image Processing},\n  volume = {24},\n  number = {12},\n  pages = {5369--5378},\n  year = {2015}\n}",
)
_PENALTY = 4.0
_FLOOR_PERCENTILE = 2
_WEAK = 0.3
"""Rise, as a share of the mean, that counts half."""


@dataclass(frozen=True)
class Vdff:
    """Modified Laplacian, a polynomial through each focus curve, total variation by linearised ADMM."""

    spec: ClassVar[MethodSpec] = MethodSpec(
        title="Variational depth from focus (VDFF)",
        access=Access.VOLUME,
        summary="The regularised baseline of the literature: piecewise constant depth. It gives no error bar; a pixel "
        "counts as valid where its focus measure rises out of the noise, not at an end of the stack.",
        gives=("index", "all_in_focus", "filled"),
        citations=(MOELLER,),
        invariances=("frame order", "gain"),
    )

    weight: float = setting(3.0, "weight of the total variation", low=0.001, high=1000)
    degree: int = setting(8, "degree of the polynomial through a focus curve, lower with few frames", low=2, high=20)
    rounds: int = setting(100, "rounds of the solver", low=1, high=10000)
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
        """Scores of all frames as they are kept and as they are fitted, then polynomials and planes; measured."""
        h, w, c = stack.shape
        _, coarse = factors(h, w, len(stack))
        pixels, grid = h * w, int(np.prod(grid_shape(h, w, coarse)))
        picture = 0 if self.fusion == "none" else (4 * c + c * stack.dtype.itemsize) * pixels
        powers = steady_degree(self.degree, len(stack)) + 1
        reading = 2 * len(stack) * grid + picture + 110 * grid
        return WorkingMemory(reading, grid * (10 * len(stack) + 8 * powers + 90) + picture + 20 * pixels)

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Estimate:
        """Estimate depth; see the class."""
        self.spec.check(stack, "vdff")
        fuser = make_fuser(stack, self.fusion, self.prefer, base_factor(*stack.shape[:2]))
        state = gather(stack, run, fuser, scores=True, dense_curves=self.curves)
        axis = stack.blur_axis
        curves = FocusCurves.fit(_unit_height(state), axis.values, self.degree)
        depth = minimise(curves, self.weight, _PENALTY, self.rounds, run)
        return finish(state, depth, None, claimed(state), stack, run)


def _unit_height(state: Gathered) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Scores without the part that is noise, scaled so that focus curves rise by one; less where they rise little."""
    scores = state.scores.astype(np.float32)
    lowest = scores.min(0)
    scores -= np.float32(np.percentile(lowest, _FLOOR_PERCENTILE))
    rise = scores.max(0) - scores.min(0)
    scores /= rise + np.float32(max(_WEAK * float(rise.mean()), 1e-6))
    return scores


METHOD = Vdff

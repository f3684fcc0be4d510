"""Defocus with occlusion: slices of one blur each, laid over each other from far to near.

Follows the composition of Ikoma, Nguyen, Metzler, Peng, Wetzstein 2021, Depth from Defocus with Learned Optics for
Imaging and Occlusion-aware Depth Estimation, eqs. 5-6: a blurred slice is divided by the blurred coverage of all that
lies at its depth or farther, so that continuous surfaces stay whole and surfaces end where they end. What a blurred
foreground lets through, and what a lens sees behind a sharp one, is hidden in the sharp picture; it is continued from
beside the edge (`_surfaces.with_hidden`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ClassVar

import cv2
import numpy as np

from focaldepth.core.progress import Run
from focaldepth.core.settings import check, setting
from focaldepth.optics.aperture import Aperture
from focaldepth.optics.render._renderer import Numbers, Picture, Plane, check_scene
from focaldepth.optics.render._surfaces import Slice, Surface, slices_of, with_hidden

_NOTHING = 1e-3
_FIELD = (-1.0, 0.0, 1.0)


@dataclass(frozen=True)
class Layered:
    """Slices with occlusion; see the module."""

    title: ClassVar[str] = "Layers with occlusion, right at depth edges (after Ikoma et al. 2021)"

    step: float = setting(0.5, "blur between two slices", unit="px", low=0.05, high=8)
    edge: float = setting(1.0, "smallest jump of blur between neighbours that counts as a depth edge", unit="px", low=0)
    hidden: bool = setting(True, "continue what is farther behind depth edges")
    aperture: Aperture = field(default_factory=Aperture)

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, picture: Picture, nearness: Plane, focus: Numbers, scale: Numbers, run: Run = Run()) -> Picture:
        """Render frames from a sharp picture and its depth; see `Renderer`."""
        focus, scale = check_scene(picture, nearness, focus, scale)
        most = float(scale.max())
        surface = Surface(picture, np.ones_like(nearness), nearness)
        if self.hidden and most > 0:
            ends = np.array([nearness.min(), nearness.max()])
            reach = int(np.ceil((scale[:, None] * np.abs(ends - focus[:, None])).max()))
            surface = with_hidden(picture, nearness, self.edge / most, reach)
        return self.surfaces([surface], focus, scale, run)

    def surfaces(self, surfaces: Sequence[Surface], focus: Numbers, scale: Numbers, run: Run = Run()) -> Picture:
        """Render frames from layers, (N, H, W, C); each has its colour, coverage and depth, in any order."""
        focus, scale = check_scene(surfaces[0].colour, surfaces[0].nearness, focus, scale)
        most = float(scale.max())
        step = self.step / most if most > 0 else np.inf
        slices = slices_of(surfaces, step)
        run.stage("render", len(focus))

        def frame(i: int) -> Picture:
            made = self._frame(surfaces, slices, float(focus[i]), float(scale[i]))
            run.advance()
            return made

        with ThreadPoolExecutor(run.threads) as pool:
            return np.stack(list(pool.map(frame, range(len(focus)))))

    def _frame(self, surfaces: Sequence[Surface], slices: Iterable[Slice], focus: float, scale: float) -> Picture:
        h, w, c = surfaces[0].colour.shape
        out = np.zeros((h, w, c + 1), np.float32)
        # Where a surface has no nearer part of its own: its slices end there only where the surface does.
        covered = [1 - s.alpha for s in surfaces]
        for one in slices:
            radius = scale * (one.nearness - focus)
            margin = int(np.ceil(abs(radius))) + 2
            rows = slice(max(one.rows.start - margin, 0), min(one.rows.stop + margin, h))
            columns = slice(max(one.columns.start - margin, 0), min(one.columns.stop + margin, w))
            inside = (
                slice(one.rows.start - rows.start, one.rows.stop - rows.start),
                slice(one.columns.start - columns.start, one.columns.stop - columns.start),
            )
            own = covered[one.surface]
            own[one.rows, one.columns] += one.seen
            content = np.zeros((rows.stop - rows.start, columns.stop - columns.start, c + 2), np.float32)
            content[inside][..., : c + 1] = one.content
            content[..., c + 1] = own[rows, columns]
            content[inside][..., c + 1] += one.content[..., c] - one.seen
            np.minimum(content[..., c + 1], 1, out=content[..., c + 1])
            blurred = self._blurred(content, radius, (rows, columns), (h, w))
            whole = blurred[..., c + 1 :]
            there = whole > _NOTHING
            share = np.where(there, blurred[..., : c + 1] / np.where(there, whole, 1), 0)
            part = out[rows, columns]
            part *= 1 - np.clip(share[..., c:], 0, 1)
            part += share
        total = out[..., c:]
        return np.where(total > _NOTHING, out[..., :c] / np.maximum(total, _NOTHING), 0).astype(np.float32)

    def _blurred(self, content: Picture, radius: float, part: tuple[slice, slice], size: tuple[int, int]) -> Picture:
        """Convolve with the aperture; a cat's eye is blended between nine places of the field."""
        if not self.aperture.varies:
            return _convolved(content, self.aperture.kernel(radius))
        out = np.zeros_like(content)
        at = [
            (np.arange(p.start, p.stop, dtype=np.float32) / max(n - 1, 1)) * 2 - 1
            for p, n in zip(part, size, strict=True)
        ]
        for y in _FIELD:
            for x in _FIELD:
                weight = np.maximum(1 - np.abs(at[0] - y), 0)[:, None] * np.maximum(1 - np.abs(at[1] - x), 0)[None]
                if weight.any():
                    out += weight[..., None] * _convolved(content, self.aperture.kernel(radius, (y, x)))
        return out


def _convolved(content: Picture, kernel: Plane) -> Picture:
    """Convolve all channels; beyond the border the picture goes on mirrored."""
    if kernel.size == 1:
        return content
    turned = np.ascontiguousarray(kernel[::-1, ::-1])
    planes = [
        cv2.filter2D(content[..., k : k + 4], -1, turned, borderType=cv2.BORDER_REFLECT)
        for k in range(0, content.shape[2], 4)
    ]
    return np.dstack(planes)


RENDERER = Layered()

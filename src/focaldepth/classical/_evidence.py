"""Evidence for every depth at every pixel, from all frames together; see `_blur_model` for the idea."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane, grid_shape, shrink
from focaldepth.classical._blur_model import (
    WIDTHS,
    combinations,
    hypotheses,
    kernel,
    reading_scale,
    single_frame,
    widths,
)
from focaldepth.classical._measure_blur import measure_blur
from focaldepth.classical._volume import WHITE
from focaldepth.core.progress import Run

_SMOOTH_PX = 0.7
_BLOCK = 8
_STRIP_BYTES = 80_000_000
_HALO = 16
_HYPOTHESES_AT_ONCE = 16
_NEGLIGIBLE = 1e-3
_NOTHING = np.float32(1e-20)
_NOISE_PERCENTILE = 20
_LEAST_NOISE = (0.05 / 255) ** 2
"""Variance that no 8-bit picture goes below."""


@dataclass
class Evidence:
    """What the frames say of every hypothesis of depth, on the coarse grid.

    Attributes:
        depths: (D,) ascending, evenly spaced, blur-linear.
        share: (h, w, D) float16, energy explained by each hypothesis over that of the best one, 0..1.
        energy: (h, w) energy explained by the best hypothesis (luminance 0..1, squared).
        still: (h, w) energy explained by frames that are all alike, over that of the best hypothesis.
        misfit: (h, w) energy per frame that the best hypothesis leaves unexplained in the pixel's block.
        noise: misfit of plain or well explained areas.
        px_per_unit: blur radius in pixels of the fine grid per unit of the axis.
        scale: at which detail was read, 1 unless frames lie far apart.
        frames: how many took part.
        explained: share of the texture's energy that the blur model explains; 0 where it could not be measured.
    """

    depths: NDArray[np.float64]
    share: NDArray[np.float16]
    energy: Plane
    still: Plane
    misfit: Plane
    noise: float
    px_per_unit: float
    frames: int
    explained: float
    scale: float

    @property
    def reading_px(self) -> float:
        """Blur radius per unit of the axis, in pixels of the scale at which detail was read."""
        return self.px_per_unit / self.scale


def weigh(
    luminance: NDArray[np.uint16], focus: NDArray[np.float64], further: int, run: Run, px_per_unit: float | None = None
) -> Evidence:
    """Test every hypothesis at every pixel.

    Args:
        luminance: (N, h, w) frames on the fine grid, WHITE at full scale.
        focus: (N,) blur-linear positions.
        further: pixels of the fine grid per pixel of the result.
        run: threads, progress, cancellation.
        px_per_unit: blur radius per unit of the axis in pixels of the fine grid; measured from the frames when None.
    """
    explained = 1.0
    if px_per_unit is None:
        px_per_unit, explained = measure_blur(luminance, focus)
    scale = reading_scale(focus, px_per_unit)
    depths = hypotheses(focus, px_per_unit)
    n, h, w = luminance.shape
    grid = grid_shape(h, w, further)
    energy, still, misfit = (np.empty(grid, np.float32) for _ in range(3))
    share = np.empty((*grid, len(depths)), np.float16)
    found = Evidence(depths, share, energy, still, misfit, 0.0, px_per_unit, len(focus), explained, scale)
    blocks = _Blocks(combinations(focus, depths, px_per_unit, scale), scale)
    rows = int(np.clip(_STRIP_BYTES / (4 * n * len(WIDTHS) * w) - 4, 8 * further, 64 * further))
    rows -= rows % (_BLOCK * further) if rows >= _BLOCK * further else 0
    strips = range(0, h, rows)
    run.stage("evidence", len(strips))
    with ThreadPoolExecutor(run.threads, thread_name_prefix="focaldepth-evidence") as pool:
        for _ in _in_order(pool, lambda y: _strip(luminance, y, min(y + rows, h), further, blocks, found), strips):
            run.advance()
    misfit = found.misfit[:: _BLOCK // 2, :: _BLOCK // 2]
    found.noise = max(float(np.percentile(misfit, _NOISE_PERCENTILE)), _LEAST_NOISE)
    return found


def _in_order(pool: ThreadPoolExecutor, work: object, items: range) -> Iterator[object]:
    yield from pool.map(work, items)  # type: ignore[arg-type]


class _Blocks:
    """Groups of neighbouring hypotheses with the frames that matter to them: far frames hold no detail."""

    def __init__(self, weights: NDArray[np.float32], scale: float) -> None:
        self.depths, self.scale = len(weights), scale
        self.halo = int(np.ceil(_HALO * scale))
        self.parts: list[tuple[slice, slice, NDArray[np.float32]]] = []
        least = _NEGLIGIBLE * np.abs(weights).max()
        for start in range(0, len(weights), _HYPOTHESES_AT_ONCE):
            rows = slice(start, min(start + _HYPOTHESES_AT_ONCE, len(weights)))
            used = np.flatnonzero(np.abs(weights[rows]).max((0, 2)) > least)
            frames = slice(int(used[0]), int(used[-1]) + 1)
            self.parts.append((rows, frames, weights[rows, frames].reshape(rows.stop - rows.start, -1).copy()))


def _strip(luminance: NDArray[np.uint16], y: int, stop: int, further: int, blocks: _Blocks, found: Evidence) -> None:
    """Fill some rows of the evidence."""
    h = luminance.shape[1]
    first, last = max(y - blocks.halo, 0), min(stop + blocks.halo, h)
    # Two more rows on each side for the smoothing of energies.
    inner = slice(max(y - 2, 0) - first, min(stop + 2, h) - first)
    bands = _bands(luminance[:, first:last], inner, blocks.scale)
    n, _, rows, width = bands.shape
    keep = slice(y - max(y - 2, 0), y - max(y - 2, 0) + stop - y)
    frames_sharp = np.tensordot(single_frame(blocks.scale), bands, (0, 1))
    still = _energy(frames_sharp.sum(0) / np.float32(np.sqrt(n)), keep, further)
    total = np.square(frames_sharp).sum(0)
    total = shrink(np.ascontiguousarray(total[keep]), further)
    energy = np.empty((blocks.depths, *total.shape), np.float32)
    for part, frames, weights in blocks.parts:
        mixed = (weights @ bands[frames].reshape(-1, rows * width)).reshape(-1, rows, width)
        for target, plane in zip(energy[part], mixed, strict=True):
            target[:] = _energy(plane, keep, further)
    target_rows = slice(y // further, y // further + total.shape[0])
    best = energy.max(0)
    found.energy[target_rows] = best
    found.misfit[target_rows] = _misfit(total, energy) / max(n - 1, 1)
    np.divide(still, np.maximum(best, _NOTHING), out=found.still[target_rows])
    np.divide(energy, np.maximum(best, _NOTHING), out=energy)
    found.share[target_rows] = energy.transpose(1, 2, 0)


def _bands(frames: NDArray[np.uint16], inner: slice, scale: float) -> NDArray[np.float32]:
    """Differences of Gaussians of every frame, (N, J, inner rows, W) float32, luminance 0..1."""
    out = np.empty((len(frames), len(WIDTHS), inner.stop - inner.start, frames.shape[2]), np.float32)
    kernels = [kernel(sigma) for sigma in widths(scale)]
    for frame, bands in zip(frames, out, strict=True):
        picture = frame.astype(np.float32)
        picture *= np.float32(1 / WHITE)
        before = picture
        for taps, band in zip(kernels, bands, strict=True):
            smooth = cv2.sepFilter2D(picture, cv2.CV_32F, taps, taps, borderType=cv2.BORDER_REFLECT_101)
            np.subtract(before[inner], smooth[inner], out=band)
            before = smooth
    return out


def _energy(plane: Plane, keep: slice, further: int) -> Plane:
    """Squares over a small neighbourhood, on the coarse grid."""
    squared = plane * plane
    if further > 1:
        return shrink(np.ascontiguousarray(squared[keep]), further)
    smooth: Plane = cv2.GaussianBlur(squared, (5, 5), _SMOOTH_PX)[keep]
    return smooth


def _misfit(total: Plane, energy: NDArray[np.float32]) -> Plane:
    """Energy that no single hypothesis explains, over blocks so large that it does not fit the noise."""
    rest = shrink(total, _BLOCK) - np.max([shrink(np.ascontiguousarray(e), _BLOCK) for e in energy], axis=0)
    big = cv2.resize(np.maximum(rest, 0), None, fx=_BLOCK, fy=_BLOCK, interpolation=cv2.INTER_LINEAR)
    level: Plane = big[: total.shape[0], : total.shape[1]]
    return level

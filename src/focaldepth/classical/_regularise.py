"""From evidence at single pixels to one depth per pixel: smoothing along the edges of the picture, then the peak."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane
from focaldepth.classical._edge_aware import EdgeAware
from focaldepth.classical._evidence import Evidence
from focaldepth.core.progress import Run

NOISE_SHARE = 4.0
"""Energy that counts half, in multiples of the noise: below it a pixel listens to its neighbours."""
_AT_ONCE = 16
_STRIP = 64
Volume = NDArray[np.float32]


def own_weight(evidence: Evidence) -> Plane:
    """Return how much every pixel has to say, 0..1: its energy against that of noise."""
    weight: Plane = evidence.energy / (evidence.energy + np.float32(NOISE_SHARE * evidence.noise))
    return weight


def smooth(evidence: Evidence, weight: Plane, filtered: EdgeAware, run: Run) -> Volume:
    """Return the weighted evidence, smoothed along the edges of the guide, (h, w, D) float32.

    A textured pixel counts by its weight and not by its contrast, so that a strong edge does not drown the weak
    texture beside it.
    """
    depths = len(evidence.depths)
    out = np.empty((*weight.shape, depths), np.float32)
    starts = range(0, depths, _AT_ONCE)
    run.stage("smoothing", len(starts))

    def filter_some(start: int) -> None:
        part = slice(start, min(start + _AT_ONCE, depths))
        out[..., part] = filtered(evidence.share[..., part] * weight[..., None])

    with ThreadPoolExecutor(run.threads, thread_name_prefix="focaldepth-smooth") as pool:
        for _ in pool.map(filter_some, starts):
            run.advance()
    return out


def peak(depths: NDArray[np.float64], volume: Volume) -> tuple[Plane, NDArray[np.int16]]:
    """Return the depth of the highest value, (h, w), from the parabola through it and its neighbours, and its index."""
    h, w, count = volume.shape
    position, index = np.empty((h, w), np.float32), np.empty((h, w), np.int16)
    step = float(depths[1] - depths[0])
    for y in range(0, h, _STRIP):
        rows = slice(y, y + _STRIP)
        part = volume[rows]
        highest = part.argmax(2)
        inner = np.clip(highest, 1, count - 2)
        left, top, right = (np.take_along_axis(part, (inner + k)[..., None], 2)[..., 0] for k in (-1, 0, 1))
        bend = 2 * top - left - right
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = (right - left) / (2 * bend)
        shift = np.where((inner == highest) & (bend > 0), np.clip(shift, -1, 1), highest - inner)
        position[rows] = depths[0] + step * (inner + shift)
        index[rows] = highest
    return position, index

"""From evidence at single pixels to one depth per pixel: smoothing along the edges of the picture, then the peak."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane
from focaldepth.classical._edge_aware import EdgeAware
from focaldepth.classical._evidence import Evidence
from focaldepth.core.progress import Run

NOISE_SHARE = 4.0
"""Energy that counts half, in multiples of the noise: below it a pixel listens to its neighbours."""
_AT_ONCE = 8
_STRIP = 64
_APART_PX = 1.2
"""Another peak is another depth when blur differs by this much."""
Volume = NDArray[np.float32]


@dataclass(frozen=True)
class Peaks:
    """The highest value along the depths of every pixel, (h, w) float32 each.

    Attributes:
        position: of the parabola through it and its neighbours, blur-linear.
        height: the value.
        bend: second difference over the height, per px of blur squared, >= 0.
        second: highest value more than `_APART_PX` of blur away, over the height.
        mean: over all depths, over the height.
    """

    position: Plane
    height: Plane
    bend: Plane
    second: Plane
    mean: Plane


def own_weight(evidence: Evidence) -> Plane:
    """Return how much every pixel has to say, 0..1: its energy against that of noise."""
    weight: Plane = evidence.energy / (evidence.energy + np.float32(NOISE_SHARE * evidence.noise))
    return weight


def smooth(evidence: Evidence, weight: Plane, filtered: EdgeAware, run: Run) -> Volume:
    """Return the weighted evidence, smoothed along the edges of the guide, (h, w, D) float32.

    A textured pixel counts by its weight and not by its contrast, so that a strong edge does not drown the weak
    texture beside it.
    """
    out = np.empty((*weight.shape, len(evidence.depths)), np.float32)
    for part, volume in _smoothed_parts(evidence, weight, filtered, run):
        out[..., part] = volume
    return out


def smooth_position(evidence: Evidence, weight: Plane, filtered: EdgeAware, run: Run) -> Plane:
    """Return the depth of the highest smoothed evidence, (h, w) float32: `smooth` and `find_peaks` without a volume."""
    outside = np.full((*weight.shape, 1), -1, np.float32)
    before, highest = outside, np.full(weight.shape, -1, np.float32)
    place = np.zeros(weight.shape, np.float32)
    last = len(evidence.depths)
    for part, volume in _smoothed_parts(evidence, weight, filtered, run):
        window = np.concatenate([before, volume, *([outside] if part.stop == last else [])], 2)
        inner = window[..., 1:-1].argmax(2)[..., None] + 1
        left, top, right = (np.take_along_axis(window, inner + k, 2)[..., 0] for k in (-1, 0, 1))
        higher = top > highest
        found = inner[..., 0] + np.float32(part.start - before.shape[2])
        np.copyto(place, found + _vertex(left, top, right, (left >= 0) & (right >= 0)), where=higher)
        np.maximum(highest, top, out=highest)
        before = window[..., -2:]
    position: Plane = place * np.float32(evidence.depths[1] - evidence.depths[0]) + np.float32(evidence.depths[0])
    return position


def _vertex(left: Plane, top: Plane, right: Plane, inside: NDArray[np.bool_]) -> Plane:
    """Where the parabola through three neighbours has its top, -1..1; 0 where it bends upwards or not inside."""
    bend = 2 * top - left - right
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = (right - left) / (2 * bend)
    vertex: Plane = np.where(inside & (bend > 0), np.clip(shift, -1, 1), np.float32(0))
    return vertex


def _smoothed_parts(evidence: Evidence, weight: Plane, filtered: EdgeAware, run: Run) -> Iterator[tuple[slice, Volume]]:
    """Smooth a few hypotheses at a time, in order; as many at once as there are threads."""
    depths = len(evidence.depths)
    parts = [slice(start, min(start + _AT_ONCE, depths)) for start in range(0, depths, _AT_ONCE)]
    run.stage("smoothing", len(parts))
    with ThreadPoolExecutor(run.threads, thread_name_prefix="focaldepth-smooth") as pool:
        for first in range(0, len(parts), run.threads):
            some = parts[first : first + run.threads]
            done = pool.map(lambda part: filtered(evidence.share[..., part] * weight[..., None]), some)
            for part, volume in zip(some, done, strict=True):
                yield part, volume
                run.advance()


def find_peaks(evidence: Evidence, volume: Volume, threads: int) -> Peaks:
    """Find the peak of every pixel of a smoothed volume."""
    shape = volume.shape[:2]
    out = Peaks(*(np.empty(shape, np.float32) for _ in range(5)))

    def find(y: int) -> None:
        rows = slice(y, y + _STRIP)
        _find(evidence, volume[rows], Peaks(*(getattr(out, name)[rows] for name in out.__dataclass_fields__)))

    with ThreadPoolExecutor(threads, thread_name_prefix="focaldepth-peak") as pool:
        list(pool.map(find, range(0, shape[0], _STRIP)))
    return out


def _find(evidence: Evidence, part: Volume, out: Peaks) -> None:
    depths = evidence.depths
    count, step = len(depths), float(depths[1] - depths[0])
    step_px = step * evidence.reading_px
    highest = part.argmax(2)
    inner = np.clip(highest, 1, count - 2)
    left, top, right = (np.take_along_axis(part, (inner + k)[..., None], 2)[..., 0] for k in (-1, 0, 1))
    out.position[:] = depths[0] + step * (highest + _vertex(left, top, right, inner == highest))
    out.height[:] = np.take_along_axis(part, highest[..., None], 2)[..., 0]
    over = 1 / np.maximum(out.height, np.float32(1e-12))
    out.bend[:] = np.maximum(2 * top - left - right, 0) * over / np.float32(step_px**2)
    out.mean[:] = part.mean(2) * over
    apart = np.abs(np.arange(count) - highest[..., None]) > max(2, round(_APART_PX / step_px))
    out.second[:] = np.where(apart, part, 0).max(2) * over

"""What is known of a depth that was read from the smoothed evidence of all frames: one standard deviation, validity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane
from focaldepth.classical._evidence import Evidence
from focaldepth.classical._regularise import Peaks

Mask = NDArray[np.bool_]
TERMS = (
    ("log energy over noise", -0.088),
    ("weight of the neighbourhood", -0.475),
    ("log agreement", -4.139),
    ("log bend", -0.005),
    ("second peak", 0.773),
    ("mean over height", -0.190),
    ("log wide against narrow smoothing", 0.110),
    ("log spread in 9 px", 0.051),
    ("log spread of narrow smoothing in 9 px", 0.394),
    ("log spread in 25 px", 0.038),
    ("log jump within 9 px", -0.115),
    ("log edge of the picture", 0.099),
    ("at the end of the range", -0.364),
    ("log misfit over noise", 0.128),
    ("log misfit over energy", -0.223),
    ("log number of frames", -0.411),
    ("log scale of reading", 1.0),
)
"""Feature -> weight in the linear model of log(sigma), sigma in px of blur radius at the scale of reading.

The last one is fitted on its own, on scenes whose frames lie far apart, and is zero for all others.
"""
CONSTANT = -1.239
FLOOR_PX = 0.01
"""No depth is claimed to be better than this change of the blur radius."""
_FLOOR_STEPS = 0.01
_INSIDE = 0.02
"""Steps by which a valid depth lies inside the focus range."""
_STILL, _STILL_PX = 0.97, 3.0
"""Frames that explain a place this well by being all alike tell nothing about its depth."""
_PLAIN = 0.05
"""A neighbourhood with less weight than this holds nothing but noise."""


@dataclass(frozen=True)
class Clues:
    """Planes (h, w) on the depth grid that tell how good a depth is.

    Attributes:
        peaks: of the smoothed evidence.
        weight: smoothed own weight: how much texture the neighbourhood has, 0..1.
        narrow: depth from narrow smoothing.
        guide: (h, w, C) the picture, 1 is its span.
    """

    peaks: Peaks
    weight: Plane
    narrow: Plane
    guide: NDArray[np.float32]


@dataclass(frozen=True)
class Judged:
    """Depth and what is known of it, (h, w) each: position and sigma blur-linear, validity."""

    position: Plane
    sigma: Plane
    valid: Mask


def judge(
    evidence: Evidence, clues: Clues, focus: NDArray[np.float64], usable: Mask, max_sigma: float, least_area: float
) -> Judged:
    """Give every depth its sigma, and say which ones may be used.

    Not valid: unusable (saturated, not in every frame), too wide a sigma, best beyond the first or last frame, nothing
    but noise in the whole neighbourhood, no change from frame to frame, or an area too small to be no accident.
    """
    extent = float(np.ptp(focus))
    step = float(np.abs(np.diff(focus)).mean())
    spread = np.exp(log_sigma(features(evidence, clues))) / np.float32(evidence.reading_px)
    # Nothing is known: no worse than a guess in the middle of the range.
    sigma: Plane = np.clip(spread, _FLOOR_STEPS * step, extent / np.sqrt(3)).astype(np.float32)
    low, high = float(focus.min()), float(focus.max())
    position = clues.peaks.position
    valid = usable & (sigma <= max_sigma * extent) & (clues.weight > _PLAIN)
    # Within one sigma of an end, depth may as well lie beyond it.
    inside = np.maximum(sigma, np.float32(_INSIDE * step))
    valid &= (position > low + inside) & (position < high - inside)
    still, moving = (
        cv2.GaussianBlur(e, (0, 0), _STILL_PX) for e in (evidence.still * evidence.energy, evidence.energy)
    )
    valid &= still < _STILL * moving
    valid = _without_islands(valid, least_area)
    return Judged(np.clip(position, low, high).astype(np.float32), sigma, valid)


def unknown(judged: Judged, focus: NDArray[np.float64]) -> Judged:
    """Take every claim back: nothing is known but that depth may lie anywhere in the range."""
    sigma = np.full_like(judged.sigma, np.ptp(focus) / np.sqrt(3))
    return Judged(judged.position, sigma, np.zeros_like(judged.valid))


def _without_islands(valid: Mask, least_area: float) -> Mask:
    _, labels, facts, _ = cv2.connectedComponentsWithStats(valid.view(np.uint8), connectivity=4)
    large = facts[:, cv2.CC_STAT_AREA] >= least_area
    large[0] = False
    kept: Mask = large[labels]
    return kept


def features(evidence: Evidence, clues: Clues) -> list[Plane]:
    """Return what the sigma model reads, in the order of its terms; lengths in px of blur at the scale of reading."""
    peaks, px = clues.peaks, np.float32(evidence.reading_px)
    step = evidence.depths[1] - evidence.depths[0]
    position = (peaks.position - np.float32(evidence.depths[0])) * px
    narrow = (clues.narrow - np.float32(evidence.depths[0])) * px
    energy = cv2.GaussianBlur(evidence.energy, (0, 0), 4.0)
    jump = cv2.dilate(position, np.ones((9, 9))) - cv2.erode(position, np.ones((9, 9)))
    near_end = np.float32(1.7 * step) * px
    last = np.float32(evidence.depths[-1] - evidence.depths[0]) * px
    return [
        np.log(np.clip(energy / np.float32(evidence.noise), 0.3, 1e4)),
        np.log(clues.weight + np.float32(0.01)),
        np.log(np.minimum(peaks.height / np.maximum(clues.weight, np.float32(1e-6)), 1) + np.float32(0.02)),
        np.log(peaks.bend + np.float32(0.002)),
        peaks.second,
        peaks.mean,
        np.log(np.abs(position - narrow) + np.float32(0.02)),
        np.log(_spread(position, 9) + np.float32(0.02)),
        np.log(_spread(narrow, 9) + np.float32(0.02)),
        np.log(_spread(position, 25) + np.float32(0.03)),
        np.log(jump + np.float32(0.05)),
        np.log(_edges(clues.guide) + np.float32(0.02)),
        ((position < near_end) | (position > last - near_end)).astype(np.float32),
        np.log(evidence.misfit / np.float32(evidence.noise) + np.float32(0.01)),
        np.log(evidence.misfit / np.maximum(energy, np.float32(1e-12)) + np.float32(1e-3)),
        np.full(energy.shape, np.log(evidence.frames), np.float32),
        np.full(energy.shape, np.log(evidence.scale), np.float32),
    ]


def log_sigma(planes: Sequence[Plane]) -> Plane:
    """Return log(sigma in px of blur radius) from `features`."""
    total = np.full(planes[0].shape, CONSTANT, np.float32)
    for plane, (_, weight) in zip(planes, TERMS, strict=True):
        total += np.float32(weight) * plane
    return np.maximum(total, np.float32(np.log(FLOOR_PX)))


def _spread(plane: Plane, size: int) -> Plane:
    """Standard deviation in a box window."""
    centred = plane - np.float32(plane.mean(dtype=np.float64))
    mean = cv2.blur(centred, (size, size))
    square = cv2.sqrBoxFilter(centred, cv2.CV_32F, (size, size))
    spread: Plane = np.sqrt(np.maximum(square - mean * mean, 0))
    return spread


def _edges(guide: NDArray[np.float32]) -> Plane:
    """Steepest change of the picture within 2 px, summed over the channels as if there were three."""
    grey = guide.sum(-1) * np.float32(3 / guide.shape[2] / 4)
    slopes = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    edges: Plane = cv2.dilate(slopes, np.ones((5, 5)))
    return edges

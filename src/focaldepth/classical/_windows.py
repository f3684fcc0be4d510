"""Windows over which a focus score is averaged, by name; sigma is the standard deviation of each in pixels."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from focaldepth.classical._aggregate import Plane

_EDGE = 0.02
"""Variance of the frame (full scale 1) inside the guided window above which an edge is kept."""


def box(score: Plane, grey: Plane, sigma: float) -> Plane:
    """Plain mean over a square."""
    side = _odd(sigma * np.sqrt(12))
    averaged: Plane = cv2.blur(score, (side, side))
    return averaged


def gaussian(score: Plane, grey: Plane, sigma: float) -> Plane:
    """Gaussian weights."""
    averaged: Plane = cv2.GaussianBlur(score, (0, 0), sigma)
    return averaged


def multi_scale(score: Plane, grey: Plane, sigma: float) -> Plane:
    """Gaussians of half, one and two sigma, weighted 4 : 2 : 1: sharp in the middle, with far tails."""
    parts = (4 * gaussian(score, grey, sigma / 2), 2 * gaussian(score, grey, sigma), gaussian(score, grey, 2 * sigma))
    total: Plane = (parts[0] + parts[1] + parts[2]) / np.float32(7)
    return total


def guided(score: Plane, grey: Plane, sigma: float) -> Plane:
    """Mean that keeps to the edges of the frame (He et al., Guided Image Filtering, IEEE PAMI 35(6), 2013, eq. 8-11).

    Never negative: where the local line leads below zero, the score is nothing.
    """
    side = _odd(sigma * np.sqrt(12))

    def mean(plane: Plane) -> Plane:
        averaged: Plane = cv2.blur(plane, (side, side))
        return averaged

    centre, level = mean(grey), mean(score)
    variance = mean(grey * grey) - centre * centre + np.float32(_EDGE**2)
    slope: Plane = np.divide(mean(grey * score) - centre * level, variance, dtype=np.float32)
    line: Plane = mean(slope) * grey + mean(level - slope * centre)
    return np.maximum(line, 0)


def _odd(width: float) -> int:
    return max(1, 2 * round((width - 1) / 2) + 1)


Averaging = Callable[[Plane, Plane, float], Plane]
"""(score (H, W) float32 >= 0, grey frame (H, W) 0..1, sigma in px) -> averaged score."""
AVERAGES: dict[str, Averaging] = {"box": box, "gaussian": gaussian, "multi-scale": multi_scale, "guided": guided}
ADAPTIVE = "adaptive"
"""Three Gaussians of half, one and two sigma; every pixel takes the finest that rises out of the noise."""
WINDOWS = (*AVERAGES, ADAPTIVE)


def averages_of(window: str, sigma: float) -> list[tuple[Averaging, float]]:
    """Return the averages that a window keeps side by side, from fine to wide, each with its sigma."""
    if window == ADAPTIVE:
        return [(gaussian, sigma * factor) for factor in (0.5, 1.0, 2.0)]
    return [(AVERAGES[window], sigma)]

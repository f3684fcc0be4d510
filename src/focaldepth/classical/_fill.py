"""Numbers for pixels where depth cannot be measured: smooth completion from the trusted pixels around them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane


def complete(values: Plane, sigma: Plane, known: NDArray[np.bool_]) -> tuple[Plane, Plane]:
    """Fill unknown pixels by weighted means over windows that grow until they meet known ones (push-pull).

    Args:
        values: (h, w) numbers; read where known.
        sigma: (h, w) standard deviation, > 0 where known; weights are 1 / sigma^2.
        known: (h, w) bool.

    Returns:
        Values everywhere (known ones unchanged) and their standard deviation: the spread of the pixels that were
        averaged, and never less than their own.

    >>> v, s = complete(np.ones((4, 4), np.float32), np.ones((4, 4), np.float32), np.eye(4, dtype=bool))
    >>> bool((v == 1).all() and (s >= 1).all())
    True
    """
    if not known.any():
        finite = values[np.isfinite(values)]
        middle, extent = (float(np.median(finite)), float(np.ptp(finite))) if finite.size else (0.0, 1.0)
        return np.full_like(values, middle), np.full_like(values, max(extent, 1.0))
    if known.all():
        return values.copy(), sigma.copy()
    weight = np.where(known, 1 / np.maximum(sigma, np.float32(1e-12)) ** 2, 0).astype(np.float32)
    weight /= weight.max()
    safe = np.where(known, values, 0).astype(np.float32)
    spread = np.where(known, sigma, 0).astype(np.float32)
    planes = [safe * weight, (safe**2 + spread**2) * weight, weight]
    h, w = known.shape
    if min(h, w) > 1:
        # Nothing finer than the unknown area itself is needed: half the resolution does.
        mean, deviation, _ = _push_pull(*(cv2.pyrDown(p) for p in planes))
        mean, deviation = (cv2.pyrUp(p, dstsize=(w, h)) for p in (mean, deviation))
    else:
        mean, deviation, _ = _push_pull(*planes)
    filled = np.where(known, values, mean).astype(np.float32, copy=False)
    widened = np.where(known, sigma, np.maximum(deviation, np.float32(1e-9))).astype(np.float32, copy=False)
    return filled, widened


def _push_pull(first: Plane, second: Plane, weight: Plane) -> tuple[Plane, Plane, Plane]:
    """Means and deviations per pixel; where the weight is thin, those of the next coarser level take over."""
    h, w = weight.shape
    total = np.maximum(weight, np.float32(1e-20))
    mean, square = first / total, second / total
    if min(h, w) > 1:
        # Confidence saturates, so one good pixel is as good as many.
        below = [cv2.pyrDown(p) for p in (first, second, weight)]
        coarse = _push_pull(*below)
        up = [cv2.pyrUp(p, dstsize=(w, h)) for p in coarse]
        trust = np.clip(weight / (np.float32(0.05) * weight.max() + np.float32(1e-20)), 0, 1)
        mean = trust * mean + (1 - trust) * up[0]
        square = trust * square + (1 - trust) * (up[1] ** 2 + up[0] ** 2)
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    return mean.astype(np.float32, copy=False), deviation.astype(np.float32, copy=False), weight

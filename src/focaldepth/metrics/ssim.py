"""Structural similarity of the all-in-focus picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import MetricFacts, Sums, mean_of, ratio

_SIDE, _SIGMA, _K1, _K2 = 11, 1.5, 0.01, 0.03


@dataclass(frozen=True)
class Ssim:
    """Mean of the similarity map, channels alike; Gaussian window 11 x 11, sigma 1.5, only where it lies inside."""

    facts: ClassVar[MetricFacts] = MetricFacts(
        "Structural similarity of the all-in-focus picture",
        "SSIM",
        "mean of (2 m m' + C1)(2 cov + C2) / ((m^2 + m'^2 + C1)(var + var' + C2)), K1 = 0.01, K2 = 0.03",
        better="higher",
        scale="1",
        needs=("pictures",),
        source="Wang, Bovik, Sheikh, Simoncelli, Image Quality Assessment, IEEE TIP 13, 2004, eq. 13",
    )

    def sums(self, case: Case) -> Sums:
        """(sum of the map, its samples)."""
        if case.picture is None or case.sharp is None or min(case.sharp.shape[:2]) < _SIDE:
            return np.zeros(2)
        a, b = (np.asarray(p, np.float64) / case.white for p in (case.picture, case.sharp))
        ma, mb = _window(a), _window(b)
        va, vb, cov = _window(a * a) - ma**2, _window(b * b) - mb**2, _window(a * b) - ma * mb
        c1, c2 = _K1**2, _K2**2
        return mean_of((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))

    def value(self, sums: Sums) -> float:
        """Return the mean, 1 for equal pictures.

        >>> noise = np.random.default_rng(0).random((20, 20, 3)) * 255
        >>> METRIC.value(METRIC.sums(Case.of([[1.0]], [[1.0]], picture=noise, sharp=noise)))
        1.0
        """
        return ratio(sums)


def _window(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian mean where the window lies inside."""
    mean = cv2.GaussianBlur(picture, (_SIDE, _SIDE), _SIGMA)
    inner = slice(_SIDE // 2, -(_SIDE // 2))
    part: NDArray[np.float64] = mean[inner, inner]
    return part


METRIC = Ssim()

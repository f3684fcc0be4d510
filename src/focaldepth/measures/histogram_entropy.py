"""Entropy of the grey levels of a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips

_BINS, _LEVELS = 32, 4


@dataclass(frozen=True)
class HistogramEntropy:
    """Sum over bins k of -p(k) log2 p(k), p the share of the window's pixels in bin k of 4 levels; full scale is 255.

    There are 32 bins; levels 128 apart share one, which matters only where a window spans more than that.
    """

    title: ClassVar[str] = "Histogram entropy"
    source: ClassVar[str] = (
        "Firestone, Cook, Culp, Talsania, Preston, Comparison of autofocus methods, Cytometry 12, 1991"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("statistics", ("STA7", "HISE"), degree=None, offset=False)

    radius: int = setting(2, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=7)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """As far as the window."""
        return self.radius

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel in bit.

        >>> HistogramEntropy(radius=1)(np.float32([[0, 0, 0], [99, 99, 99], [200, 200, 200]]))[1, 1].round(4)
        np.float32(1.585)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        """Entropy = log2 n - sum of c log2 c / n over the counts c of the bins."""
        bins = (strip * np.float32(1 / _LEVELS)).astype(np.int32).astype(np.uint8) % _BINS
        side = 2 * self.radius + 1
        n = side * side
        counts = np.arange(256)
        surprise = (counts * np.log2(np.maximum(counts, 1)) / n).astype(np.float32)
        entropy = np.full(strip.shape, np.log2(n), np.float32)
        for one in np.unique(bins):
            inside = cv2.compare(bins, float(one), cv2.CMP_EQ) & 1
            entropy -= cv2.LUT(cv2.boxFilter(inside, -1, (side, side), normalize=False), surprise)
        return np.maximum(entropy, 0)


MEASURE = HistogramEntropy()

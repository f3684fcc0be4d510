"""Absolute difference to the next pixel, where it exceeds a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips

_NEXT = np.array([[0, -1, 1]], np.float32)


@dataclass(frozen=True)
class ThresholdedGradient:
    """max(abs(I(x+1,y) - I(x,y)), abs(I(x,y+1) - I(x,y))) where that is at least the threshold, else 0.

    Differences below the threshold are taken for noise. With threshold 0 it is the absolute gradient.
    """

    title: ClassVar[str] = "Thresholded absolute gradient"
    source: ClassVar[str] = "Santos et al., Evaluation of autofocus functions, J. Microscopy 188, 1997"
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("gradient", ("GRA3", "GRAT"), degree=None)

    threshold: float = setting(2.0, "smallest difference that counts", unit="levels of 255", low=0, high=255)

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel; full scale is 255.

        >>> ThresholdedGradient(threshold=3)(np.float32([[0, 2, 7, 7, 7]]))
        array([[0., 5., 0., 0., 0.]], dtype=float32)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        across = np.abs(cv2.filter2D(strip, -1, _NEXT))
        down = np.abs(cv2.filter2D(strip, -1, _NEXT.T))
        larger = cv2.max(across, down)
        # A hair below the threshold, so that whole levels count whatever the rounding of a gain.
        kept: NDArray[Any] = cv2.threshold(larger, self.threshold - 1e-3, 0, cv2.THRESH_TOZERO)[1]
        return kept


MEASURE = ThresholdedGradient()

"""How irregular the signs of the differences to the neighbours are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips, neighbours

_CIRCLE = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


@dataclass(frozen=True)
class LocalBinaryPatterns:
    """The rotation-invariant uniform pattern: 9 where signs change more than twice around the pixel, else their sum.

    The sign of a neighbour is 1 where it is brighter than the pixel by more than the threshold, else 0 (Ojala,
    Pietikainen, Maenpaa, PAMI 24, 2002, on the eight pixels around). Patterns as published have threshold 0: noise then
    scores as high as texture, and defocused frames win. The threshold is that of Yi, Eramian, IEEE Trans. Image
    Processing 25, 2016.
    """

    title: ClassVar[str] = "Local binary patterns"
    source: ClassVar[str] = (
        "Lorenzo, Castrillon, Mendez, Deniz, Exploring the use of local binary patterns as focus measure, CIMCA 2008"
    )
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("other", ("MIS6",), degree=None)

    threshold: float = setting(2.0, "difference that is still noise", unit="levels of 255", low=0, high=255)

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel, 0..9; full scale is 255.

        >>> LocalBinaryPatterns()(np.float32([[9, 9, 9], [0, 0, 0], [0, 0, 2]]))[1, 1]
        np.float32(3.0)
        >>> LocalBinaryPatterns()(np.float32([[9, 0, 9], [0, 0, 0], [9, 0, 9]]))[1, 1]
        np.float32(9.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        around = neighbours(strip)
        # A hair above the threshold, so that whole levels are told apart whatever the rounding of a gain.
        limit = around[0, 0] + np.float32(self.threshold + 1e-3)
        brighter = [cv2.compare(around[place], limit, cv2.CMP_GT) for place in _CIRCLE]
        ones, changes = np.zeros(limit.shape, np.uint8), np.zeros(limit.shape, np.uint8)
        for this, following in zip(brighter, [*brighter[1:], brighter[0]], strict=True):
            ones += this & 1
            changes += (this ^ following) & 1
        ones[changes > 2] = 9
        return ones


MEASURE = LocalBinaryPatterns()

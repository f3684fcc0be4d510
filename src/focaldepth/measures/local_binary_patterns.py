"""How irregular the signs of the differences to the neighbours are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips, neighbours

_CIRCLE = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


@dataclass(frozen=True)
class LocalBinaryPatterns:
    """The rotation-invariant uniform pattern: 9 where signs change more than twice around the pixel, else their sum.

    Neighbours count 1 when strictly brighter, so that a flat picture scores 0 (Ojala, Pietikainen, Maenpaa, PAMI 24,
    2002, on the eight pixels around). Contrast does not count: noise scores as high as texture.
    """

    title: ClassVar[str] = "Local binary patterns"
    source: ClassVar[str] = (
        "Lorenzo, Castrillon, Mendez, Deniz, Exploring the use of local binary patterns as focus measure, CIMCA 2008"
    )
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("other", ("MIS6",), degree=0)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> LocalBinaryPatterns()(np.float32([[1, 1, 1], [0, 0, 0], [0, 0, 0]]))[1, 1]
        np.float32(3.0)
        >>> LocalBinaryPatterns()(np.float32([[1, 0, 1], [0, 0, 0], [1, 0, 1]]))[1, 1]
        np.float32(9.0)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    around = neighbours(strip)
    centre = around[0, 0]
    brighter = [cv2.compare(around[place], centre, cv2.CMP_GT) for place in _CIRCLE]
    ones, changes = np.zeros(centre.shape, np.uint8), np.zeros(centre.shape, np.uint8)
    for this, following in zip(brighter, [*brighter[1:], brighter[0]], strict=True):
        ones += this & 1
        changes += (this ^ following) & 1
    ones[changes > 2] = 9
    return ones


MEASURE = LocalBinaryPatterns()

"""Sum of absolute differences to the eight neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips, neighbours


@dataclass(frozen=True)
class Contrast:
    """Sum over the 3 x 3 neighbourhood of abs(I(neighbour) - I(x,y))."""

    title: ClassVar[str] = "Image contrast"
    source: ClassVar[str] = (
        "Nanda, Cutler, "
        "Practical calibrations for a real-time digital omnidirectional camera, CVPR Technical Sketch, 2001"
    )
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("other", ("MIS3", "CONT"))

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> Contrast()(np.float32([[1, 0, 0], [0, 0, 0], [0, 0, 2]]))[1, 1]
        np.float32(3.0)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: NDArray[Any]) -> NDArray[Any]:
    around = neighbours(strip)
    centre = around.pop((0, 0))
    total = np.zeros_like(centre)
    for other in around.values():
        total += cv2.absdiff(other, centre)
    return total


MEASURE = Contrast()

"""Sum-modified Laplacian with step 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from focaldepth.measures._measure import Grey, MeasureFacts, Score

_KERNEL = np.array([[-1, 2, -1]], np.float32)


@dataclass(frozen=True)
class SumModifiedLaplacian:
    """abs(2 I(x,y) - I(x-1,y) - I(x+1,y)) + the same along y (Nayar & Nakagawa 1994, eq. 6, step 1).

    The sum over a window is left to the aggregation.
    """

    title: ClassVar[str] = "Sum-modified Laplacian"
    source: ClassVar[str] = "Nayar & Nakagawa, Shape from Focus, PAMI 1994, eq. 6"
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("laplacian", ("LAP2", "LAPM"))

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> SumModifiedLaplacian()(np.eye(3, dtype=np.float32))[1, 1]
        np.float32(4.0)
        """
        image = grey.astype(np.float32, copy=False)
        across = cv2.filter2D(image, cv2.CV_32F, _KERNEL)
        down = cv2.filter2D(image, cv2.CV_32F, _KERNEL.T)
        score: Score = np.abs(across) + np.abs(down)
        return score


MEASURE = SumModifiedLaplacian()

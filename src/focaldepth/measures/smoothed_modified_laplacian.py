"""Modified Laplacian whose second derivatives are smoothed across their direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np

from focaldepth.measures._measure import Grey, MeasureFacts, Score


@dataclass(frozen=True)
class SmoothedModifiedLaplacian:
    """(abs(Sobel xx) + abs(Sobel yy)) / 4: the modified Laplacian with [1 2 1] across each second derivative.

    The response to white noise relative to a fine texture is about 0.6 of that of the plain modified Laplacian, at the
    same cost: second-order 3x3 Sobel filters run in integers on 8-bit pictures.
    """

    title: ClassVar[str] = "Smoothed modified Laplacian"
    source: ClassVar[str] = "Nayar & Nakagawa, PAMI 1994, eq. 6, with the second-order Sobel operator"
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("laplacian")

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> SmoothedModifiedLaplacian()(np.full((4, 4), 7, np.uint8)).max()
        np.float32(0.0)
        """
        score: Score = self.raw(grey).astype(np.float32)
        return score * np.float32(0.25)

    def raw(self, grey: Grey, across: Any = None, down: Any = None) -> Any:
        """Return four times the score in the cheapest exact type: int16 for uint8 and int16, float32 otherwise.

        int16 values must stay within +-4095, so that no second difference overflows. `across` and `down` are buffers of
        the result's type to work in; the result lies in `across`.
        """
        depth = cv2.CV_16S if grey.dtype in (np.uint8, np.int16) else cv2.CV_32F
        across = cv2.Sobel(grey, depth, 2, 0, dst=across, ksize=3)
        down = cv2.Sobel(grey, depth, 0, 2, dst=down, ksize=3)
        np.abs(across, out=across)
        np.abs(down, out=down)
        return cv2.add(across, down, dst=across)


MEASURE = SmoothedModifiedLaplacian()

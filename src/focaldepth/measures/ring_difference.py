"""Ring difference filter: mean of a disc minus mean of a ring around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import SettingError
from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips


@dataclass(frozen=True)
class RingDifference:
    """abs(mean of I over r <= disc - mean of I over inner < r <= outer), r the distance from the pixel.

    The gap between disc and ring makes it answer to slower changes than a Laplacian, the many pixels average noise.
    """

    title: ClassVar[str] = "Ring difference filter"
    source: ClassVar[str] = (
        "Surh, Jeon, Park, Im, Ha, Kweon, CVPR 2017; Jeon, Surh, Im, Kweon, IEEE Trans. Image Processing 29, 2020"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("other", ("RDF",))

    disc: float = setting(1.0, "radius of the disc", unit="px", low=0, high=20)
    inner: float = setting(2.0, "radius up to which nothing counts; not less than disc", unit="px", low=0, high=20)
    outer: float = setting(3.0, "radius of the ring; at least one more than inner", unit="px", low=1, high=21)

    def __post_init__(self) -> None:
        check(self)
        if not self.disc <= self.inner <= self.outer - 1:
            found = f"disc, inner, outer are {self.disc:g}, {self.inner:g}, {self.outer:g}."
            raise SettingError(found, where="RingDifference", hint="Allowed: disc <= inner <= outer - 1.")

    @property
    def reach(self) -> int:
        """Radius of the ring."""
        return int(self.outer)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel: a point is diluted by the disc.

        >>> RingDifference()(np.pad(np.float32([[5]]), 4))[4, 3:5].round(4)
        array([1., 1.], dtype=float32)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        magnitude: NDArray[Any] = np.abs(cv2.filter2D(strip, -1, self._kernel()))
        return magnitude

    def _kernel(self) -> NDArray[np.float32]:
        x = np.arange(-self.reach, self.reach + 1)
        distance = np.hypot(x[:, None], x)
        disc, ring = distance <= self.disc, (distance > self.inner) & (distance <= self.outer)
        kernel: NDArray[np.float32] = (disc / disc.sum() - ring / ring.sum()).astype(np.float32)
        return kernel


MEASURE = RingDifference()

"""Energy of high over that of low Chebyshev moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._window import ratio, variance


@dataclass(frozen=True)
class ChebyshevMoments:
    """Sum of T(p,q)^2 over p + q > order, divided by the sum over p + q <= order.

    T(p,q) is the projection of the window on the product of discrete Chebyshev polynomials of degree p and q, which are
    orthonormal on its pixels. All moments together have the energy of the window, so only the low ones are computed.
    """

    title: ClassVar[str] = "Chebyshev moments"
    source: ClassVar[str] = (
        "Yap, Raveendran, Image focus measure based on Chebyshev moments, IEE Proc. Vision 151, 2004"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("statistics", ("STA1",), degree=0, offset=False)

    radius: int = setting(3, "the window has 2 radius + 1 rows and columns", unit="px", low=1, high=50)
    order: int = setting(2, "highest order of the low moments", low=0, high=2)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """As far as the window."""
        return self.radius

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel: a single pixel has 1/9 of its energy in its mean.

        >>> ChebyshevMoments(radius=1, order=0)(np.pad(np.float32([[3]]), 2))[2, 2].round(4)
        np.float32(8.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        side = 2 * self.radius + 1
        polynomials = self._polynomials()
        constant, slow = np.zeros_like(strip), np.zeros_like(strip)  # T(0,0)^2, and the other low moments
        for p, across in enumerate(polynomials):
            row = cv2.filter2D(strip, -1, across[None])
            for q, down in enumerate(polynomials[: self.order + 1 - p]):
                moment = cv2.filter2D(row, -1, down[:, None])
                energy = slow if p + q else constant
                energy += moment * moment
        # T(0,0) holds nearly all energy; only without it is the rest precise.
        varying = np.float32(side * side) * variance(strip.astype(np.float64), side).astype(np.float32)
        return ratio(np.maximum(varying - slow, 0), constant + slow)

    def _polynomials(self) -> NDArray[np.float64]:
        """Orthonormal polynomials of degree 0 to order, (order + 1, 2 radius + 1)."""
        x = np.arange(-self.radius, self.radius + 1)
        return np.linalg.qr(np.vander(x, self.order + 1, increasing=True).astype(float))[0].T


MEASURE = ChebyshevMoments()

"""Largest eigenvalue of the covariance of a patch, relative to its energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips, neighbours
from focaldepth.measures._window import mean, ratio

_PLACES = range(-1, 2)
Plane = NDArray[Any]


@dataclass(frozen=True)
class Eigenvalues:
    """Largest eigenvalue of G G^T / 8, G = (P - m) / sqrt(sum of P^2), P the 3 x 3 patch of a pixel, m its mean.

    The source sums the first few eigenvalues of a whole picture; of a matrix of three rows the first is what they are.
    """

    title: ClassVar[str] = "Eigenvalues of the covariance"
    source: ClassVar[str] = (
        "Wee, Paramesran, Measure of image sharpness using eigenvalues, Information Sciences 177, 2007"
    )
    reach: ClassVar[int] = 1
    facts: ClassVar[MeasureFacts] = MeasureFacts("statistics", ("STA2", "EIGV"), degree=0, offset=False)

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> Eigenvalues()(np.float32([[2, 2, 2], [0, 0, 0], [1, 1, 1]]))[1, 1].round(4)
        np.float32(0.05)
        """
        return in_strips(grey, self.reach, _score)


def _score(strip: Plane) -> Plane:
    around = neighbours(strip)
    middle, energy = (mean(plane, 3)[1:-1, 1:-1] for plane in (strip, strip * strip))
    patch = {place: pixel - middle for place, pixel in around.items()}
    c = {(a, b): _product(patch, a, b) for a in _PLACES for b in _PLACES if a <= b}
    # The sum of squares is nine times the mean energy.
    return ratio(_largest(c), 72 * energy)


def _product(patch: dict[tuple[int, int], Plane], a: int, b: int) -> Plane:
    """Rows a and b multiplied and summed."""
    total = patch[a, -1] * patch[b, -1]
    total += patch[a, 0] * patch[b, 0]
    total += patch[a, 1] * patch[b, 1]
    return total


def _largest(c: dict[tuple[int, int], Plane]) -> Plane:
    """Largest eigenvalue of symmetric 3 x 3 matrices: the largest root of their cubic, by cosines."""
    third = (c[-1, -1] + c[0, 0] + c[1, 1]) / 3
    x, y, z = (c[a, a] - third for a in _PLACES)
    above, corner, below = (c[place] for place in ((-1, 0), (-1, 1), (0, 1)))
    spread = (x * x + y * y + z * z + 2 * (above * above + corner * corner + below * below)) / 6
    determinant = x * (y * z - below * below) - y * corner * corner + above * (2 * below * corner - above * z)
    root = np.sqrt(spread)
    cube = spread * root
    cosine = np.divide(determinant / 2, cube, out=np.zeros_like(cube), where=cube > 0)
    angle = np.arccos(np.clip(cosine, -1, 1)) / 3
    largest: Plane = third + 2 * root * np.cos(angle)
    return largest


MEASURE = Eigenvalues()

"""Square windows: means, variances and ratios that never divide by nothing."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[Any]


def mean(plane: Plane, side: int) -> Plane:
    """Mean over side x side pixels; of an even window the pixel is the first one right of and below the middle.

    Summed anew for every pixel: running sums would carry the rounding of bright parts into dark ones.
    """
    kernel = np.full(side, 1 / side)
    result: Plane = cv2.sepFilter2D(plane, -1, kernel, kernel)
    return result


def variance(plane: Plane, side: int) -> Plane:
    """Variance over side x side pixels, in the precision of the plane; give float64 where the mean outweighs it."""
    centre = mean(plane, side)
    spread = mean(cv2.multiply(plane, plane), side)
    result: Plane = np.maximum(cv2.subtract(spread, cv2.multiply(centre, centre)), 0)
    return result


def ratio(above: Plane, below: Plane) -> Plane:
    """Quotient of planes >= 0; 0 where the lower one is 0."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)

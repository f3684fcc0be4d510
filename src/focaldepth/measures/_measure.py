"""What a focus measure offers; each is one file with a last line ``MEASURE = ...``."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.registry import Registry

Grey = NDArray[Any]
"""(H, W) uint8, uint16 or float32."""
Score = NDArray[np.float32]


class Measure(Protocol):
    """Local sharpness: 0 on a flat picture, proportional to contrast, lower the more a picture is defocused."""

    title: str
    source: str
    reach: int

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel, (H, W) float32 >= 0; pixels within `reach` of the border use reflection."""


MEASURES: Registry[Measure] = Registry("measure", ("measures",), "MEASURE")
"""All focus measures: files of ``focaldepth/measures`` and entry points ``focaldepth.measures``."""

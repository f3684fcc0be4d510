"""One standard deviation of a streaming depth from the shape of its focus curves.

A linear model of the logarithm, fitted as the 68.27 % quantile of the absolute error (quantile regression) on random
layered scenes (`focaldepth.scenes.layers`; frames 5 to 30, blur 0.5 to 5 px a frame, noise 0.05 to 1 %).
`benchmarks/calibrate_sigma.py` prints these numbers; `docs/notes/sigma.md` has its coverage on data never used for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

TERMS = (
    ("log signal over noise", 0.012),
    ("second peak", 0.713),
    ("log fine against middle window", 0.308),
    ("log middle against wide window", 0.039),
    ("log spread in 9 px", 0.368),
    ("log spread in 25 px", 0.133),
    ("peak at first or last frame", -0.118),
    ("middle window", 0.812),
    ("wide window", 1.362),
    ("log relative rise", -0.071),
    ("log curvature", -0.019),
)
"""Feature -> weight; distances in mean frame steps."""
CONSTANT = -0.436
FLOOR = 0.03
"""No depth is claimed to be better than this share of a frame step."""


def log_sigma(features: Sequence[Plane]) -> Plane:
    """Return log(sigma / step) from the features of `_confidence.features`, one plane per term."""
    total = np.full(features[0].shape, CONSTANT, np.float32)
    for plane, (_, weight) in zip(features, TERMS, strict=True):
        total += np.float32(weight) * plane
    return np.maximum(total, np.float32(np.log(FLOOR)))

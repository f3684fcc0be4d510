"""Measures over frames see each frame with the ones before and after it."""

from __future__ import annotations

import numpy as np

from focaldepth.core.errors import StackError
from focaldepth.measures._measure import Grey


def three_frames(grey: Grey) -> Grey:
    """Return (3, H, W); a single (H, W) counts as its own neighbours.

    >>> three_frames(np.zeros((4, 5))).shape
    (3, 4, 5)
    """
    if grey.ndim == 3 and len(grey) != 3:
        hint = "Give the frame before, the frame, and the frame after."
        raise StackError(f"{len(grey)} frames, a measure over frames takes 3.", where="grey", hint=hint)
    return np.broadcast_to(grey, (3, *grey.shape[-2:]))

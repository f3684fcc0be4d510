"""Contrast, brightness and gamma: one draw for all frames of a stack, so that sharpness stays comparable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from focaldepth.training._example import Example, Pictures


def change_tone(pictures: Pictures, contrast: float = 1.0, brightness: float = 0.0, gamma: float = 1.0) -> Pictures:
    """Return (0.5 + contrast (x - 0.5) + brightness) clipped to [0, 1], to the power gamma.

    Order and clipping are those of the training programs of Learning Depth from Focus in the Wild (Won and Jeon, ECCV
    2022).

    Args:
        pictures: (..., 3) float32, 0 to 1.
        contrast: factor of the distance from 0.5.
        brightness: what is added.
        gamma: exponent; above 1 darkens.

    >>> change_tone(np.array([0.25, 0.5, 1.0], np.float32), contrast=2, brightness=0.25, gamma=2).tolist()
    [0.0625, 0.5625, 1.0]
    """
    changed = (pictures - np.float32(0.5)) * np.float32(contrast) + np.float32(0.5 + brightness)
    toned: Pictures = np.clip(changed, 0, 1) ** np.float32(gamma)
    return toned


def random_tone(example: Example, rng: Generator, *, contrast: float, brightness: float, gamma: float) -> Example:
    """Draw one change for all frames and the all-in-focus picture; truth stays as it is.

    Args:
        example: what is changed.
        rng: draws contrast, brightness and gamma, in this order.
        contrast: c, factor from U(1 - c, 1 + c); 0.6 in the paper above.
        brightness: b, from U(-b, b); 0.1 there.
        gamma: g, from U(1/g, g); 2 there.
    """
    drawn = rng.uniform(1 - contrast, 1 + contrast), rng.uniform(-brightness, brightness), rng.uniform(1 / gamma, gamma)
    sharp = None if example.all_in_focus is None else change_tone(example.all_in_focus, *drawn)
    return replace(example, frames=change_tone(example.frames, *drawn), all_in_focus=sharp)

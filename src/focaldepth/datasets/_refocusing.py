"""Light fields as stacks of a data set: the settings that say at which disparities and how, and pictures of 8 bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import SettingError
from focaldepth.core.light_field import REFOCUSERS, LightField
from focaldepth.core.progress import Run
from focaldepth.io._focus import from_argument

REFOCUSERS_KNOWN = ("ddff", "phase", "interpolation")
REFOCUSER_HELP = "way of refocusing: ddff is bit for bit that of the published stacks (slow, borders wrap around)"
FOCUS_HELP = "disparities to focus at in px: numbers 0.28,0.15,0.02 or start:stop:count"


def disparity_axis(text: str) -> FocusAxis:
    """Return the axis that a setting `focus` asks for.

    Raises:
        SettingError: no list of at least two different numbers.

    >>> disparity_axis("-2:2:3").values.tolist()
    [-2.0, 0.0, 2.0]
    """
    found = from_argument(text) if text.strip() else None
    if found is None or len(found.values) < 2:
        raise SettingError(f"focus is {text!r}.", hint="Give at least two disparities: 0.28,0.02 or start:stop:count.")
    return FocusAxis(np.asarray(found.values, np.float64), Unit.DISPARITY_PX)


def pictures(views: LightField, axis: FocusAxis, refocuser: str, run: Run = Run()) -> NDArray[np.uint8]:
    """Return a light field focused at every position, (N, H, W, 3) uint8.

    `ddff` cuts values to 8 bits as the published stacks were cut; the others round.
    """
    made = REFOCUSERS.get(refocuser)(views, axis.values, Run(threads=run.threads))
    coloured = np.broadcast_to(made, (*made.shape[:3], 3))
    return np.rint(np.clip(coloured, 0, 1) * 255).astype(np.uint8)

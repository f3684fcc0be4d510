"""FoD500 by the first mask of AiFDepthNet."""

from __future__ import annotations

from dataclasses import replace

from focaldepth.benchmark.protocols.fod_aif import PROTOCOL as IN_FOCUS_RANGE
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = replace(
    IN_FOCUS_RANGE,
    title="FoD500, stacks 400 ... 499, every pixel with truth",
    rules=Rules(Unit.METRE),
    note="The first mask of the program, truth above 0; its tables are of the focus range.",
)

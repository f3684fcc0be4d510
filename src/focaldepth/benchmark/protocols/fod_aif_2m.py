"""FoD500 by the second mask of AiFDepthNet."""

from __future__ import annotations

from dataclasses import replace

from focaldepth.benchmark.protocols.fod_aif import PROTOCOL as IN_FOCUS_RANGE
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = replace(
    IN_FOCUS_RANGE,
    title="FoD500, stacks 400 ... 499, truth up to 2 m",
    rules=Rules(Unit.METRE, high=2.0),
    note="The second mask of the program, `_2` in what it prints; no table of the paper has it.",
)

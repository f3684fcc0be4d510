"""DDFF 12-Scene by the first mask of AiFDepthNet."""

from __future__ import annotations

from dataclasses import replace

from focaldepth.benchmark.protocols.ddff_aif_val import PROTOCOL as IN_FOCUS_RANGE
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = replace(
    IN_FOCUS_RANGE,
    title="DDFF 12-Scene, official validation patches, every pixel with truth",
    rules=Rules(Unit.DISPARITY_PX),
    note="The first mask of the program, truth above 0; the other one is the focus range.",
)

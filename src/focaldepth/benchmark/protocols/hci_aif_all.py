"""HCI by the first mask of AiFDepthNet."""

from __future__ import annotations

from dataclasses import replace

from focaldepth.benchmark.protocols.hci_aif import PROTOCOL as IN_FOCUS_RANGE
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = replace(
    IN_FOCUS_RANGE,
    title="HCI 4D light fields, 4 validation scenes, truth above -3.6 px",
    rules=Rules(Unit.DISPARITY_PX, low=-3.599999),
    note="The first mask of the program, -3.6 px marks the unknown; its tables are of the focus range.",
)

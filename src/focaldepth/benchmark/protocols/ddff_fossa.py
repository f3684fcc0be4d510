"""DDFF 12-Scene as FOSSA judges it."""

from __future__ import annotations

from focaldepth.benchmark._protocol import FOSSA, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="DDFF 12-Scene, validation stacks of DFV, disparity",
    source="FOSSA (arXiv 2603.26658), evaluation code",
    dataset="ddff12, validation stacks as repacked by DFV",
    columns=FOSSA,
    rules=Rules(Unit.DISPARITY_PX),
    frames=(0, 2, 4, 6, 9),
    of=10,
    split="val",
    note="Depth becomes disparity by 0.141237566 / depth: give it as disparity_scale of the optics. "
    "The thresholds of its boundary F1 are not known here; those of Depth Pro are taken.",
)

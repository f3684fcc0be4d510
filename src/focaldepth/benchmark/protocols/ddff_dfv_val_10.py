"""DDFF 12-Scene, validation stacks of DFV, all ten frames."""

from __future__ import annotations

from focaldepth.benchmark._protocol import CALMETRICS, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="DDFF 12-Scene, the 200 validation stacks of DFV, all frames",
    source="DFV supplement, Table S1, with calmetrics of ddff-pytorch",
    dataset="ddff12, validation stacks as repacked by DFV",
    columns=CALMETRICS,
    rules=Rules(Unit.DISPARITY_PX),
    empty=0.0,
    split="val",
    note="Table S1 runs N = 2 ... 10; give stacks of the N frames that are meant.",
)

"""DDFF 12-Scene, validation stacks of DFV, five frames."""

from __future__ import annotations

from focaldepth.benchmark._protocol import CALMETRICS, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="DDFF 12-Scene, the 200 validation stacks of DFV",
    source="DFV, eval_DDFF12.py with calmetrics of ddff-pytorch",
    dataset="ddff12, validation stacks as repacked by DFV",
    columns=CALMETRICS,
    rules=Rules(Unit.DISPARITY_PX),
    frames=(0, 2, 4, 6, 9),
    of=10,
    empty=0.0,
    split="val",
    note="DFV averages its uncertainty over the padded map of its network, which no depth map holds. "
    "Footnotes 12 and 16: 6.63e-4 was trained on DDFF-12 alone, 5.70e-4 with FoD500; RMS is the mean of images.",
)

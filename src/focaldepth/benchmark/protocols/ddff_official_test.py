"""DDFF 12-Scene, the hidden test set behind the tables of the papers."""

from __future__ import annotations

from focaldepth.benchmark._protocol import CALMETRICS, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="DDFF 12-Scene, 120 test stacks of 10 frames, truth on the server of the benchmark",
    source="DDFF, Table 1, with calmetrics of ddff-pytorch",
    dataset="ddff12, official test h5",
    columns=CALMETRICS,
    rules=Rules(Unit.DISPARITY_PX),
    empty=0.0,
    note="The truth is not published: the server printed the numbers, and that it computes them as calmetrics does is "
    "an assumption. This record judges stacks whose truth you have.",
)

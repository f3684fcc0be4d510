"""Middlebury stacks as DfFintheWild judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import IN_THE_WILD, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="Middlebury, 15 stacks of 15 frames, truth within 10 ... 60 px",
    source="DfFintheWild, metrics.py",
    dataset="middlebury",
    columns=IN_THE_WILD,
    rules=Rules(Unit.DISPARITY_PX, low=10.0, high=60.0),
)

"""Middlebury stacks as AiFDepthNet judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import AIFDEPTHNET, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="Middlebury, 15 stacks of 15 frames, truth within 10 ... 60 px",
    source="AiFDepthNet, test.py",
    dataset="middlebury",
    columns=AIFDEPTHNET,
    rules=Rules(Unit.DISPARITY_PX, low=10.0, high=60.0),
    note="The program sums relative errors over images; divide its numbers by 15 (footnote 1).",
)

"""FlyingThings3D stacks as AiFDepthNet judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import AIFDEPTHNET, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="FlyingThings3D, 100 validation stacks, truth within 10 ... 100 px",
    source="AiFDepthNet, test.py",
    dataset="flyingthings3d, validation",
    columns=AIFDEPTHNET,
    rules=Rules(Unit.DISPARITY_PX, low=10.0, high=100.0),
    split="val",
    note="The program sums relative errors over images; divide its numbers by 100 (footnote 1).",
)

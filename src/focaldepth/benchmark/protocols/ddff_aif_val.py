"""DDFF 12-Scene as AiFDepthNet judges it."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="DDFF 12-Scene, official validation patches, truth within the focus range",
    source="AiFDepthNet, test.py",
    dataset="ddff12, official trainval h5",
    columns=plain("mae", "mse", "rmse"),
    rules=Rules(Unit.DISPARITY_PX, low=0.020177, high=0.282475),
    split="val",
    note="The program prints no relative metrics for this set; they come from the server of the benchmark.",
)

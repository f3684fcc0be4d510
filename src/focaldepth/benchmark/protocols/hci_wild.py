"""HCI light fields as DfFintheWild judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="HCI 4D light fields, 4 validation scenes",
    source="DfFintheWild, metrics.py",
    dataset="hci, validation scenes, 10 frames",
    columns=plain("mae", "mse", "rmse", "bumpiness.aifdepthnet"),
    rules=Rules(Unit.DISPARITY_PX, low=-2.5, high=2.5),
    split="val",
    note="The program prints a relative error with a signed truth, which means nothing and is left out.",
)

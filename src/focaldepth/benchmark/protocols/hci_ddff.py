"""HCI light fields as DDFF judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="HCI 4D light fields, 4 validation scenes, all pixels",
    source="DDFF supplement, Table S2, with calmetrics",
    dataset="hci, validation scenes",
    columns=plain("mse", "rmse", "bumpiness.calmetrics"),
    rules=Rules(Unit.DISPARITY_PX),
    split="val",
    note="The mask is not stated. VDFF: RMS 1.15 above the root of its MSE cannot be the mean of images (footnote 10).",
)

"""HCI light fields as AiFDepthNet judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Column, Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="HCI 4D light fields, 4 validation scenes, truth within the focus range",
    source="AiFDepthNet, test.py and supplement",
    dataset="hci, validation scenes, 10 frames",
    columns=(*plain("mae", "mse", "rmse", "abs-rel", "sq-rel", "bad-pix.0-07"), Column("bumpiness.aifdepthnet")),
    rules=Rules(Unit.DISPARITY_PX, low=-2.5, high=2.5),
    split="val",
    note="Relative errors divide by the absolute truth. Footnote 8: whether frames count from 0 or 1 is unclear.",
)

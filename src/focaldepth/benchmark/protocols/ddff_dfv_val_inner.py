"""DDFF 12-Scene as DFV chooses its checkpoints."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="DDFF 12-Scene, validation stacks of DFV, upper left 256 x 256 px",
    source="DFV, train.py",
    dataset="ddff12, validation stacks as repacked by DFV",
    columns=plain("mse"),
    rules=Rules(Unit.DISPARITY_PX, window=(256, 256)),
    frames=(0, 2, 4, 6, 9),
    of=10,
    split="val",
    note="The program averages over the pixels of a batch: its number is that of all pixels, not the mean of images. "
    "It validates every fifth epoch.",
)

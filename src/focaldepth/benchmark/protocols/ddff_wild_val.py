"""DDFF 12-Scene as DfFintheWild judges it."""

from __future__ import annotations

from focaldepth.benchmark._protocol import IN_THE_WILD, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="DDFF 12-Scene, official validation patches, disparity normalised to 0 ... 1",
    source="DfFintheWild, metrics.py",
    dataset="ddff12, official trainval h5",
    columns=IN_THE_WILD,
    rules=Rules(Unit.DISPARITY_PX, origin=0.020177, span=0.262298),
    split="val",
    note="Squared errors are those of disparities divided by 0.262298^2. Table 1 of the paper calls its MSE MAE "
    "(footnote 3).",
)

"""DDFF 12-Scene, official validation patches."""

from __future__ import annotations

from focaldepth.benchmark._protocol import CALMETRICS, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="DDFF 12-Scene, official validation patches of 224 px",
    source="ddff-pytorch, calmetrics",
    dataset="ddff12, official trainval h5",
    columns=CALMETRICS,
    rules=Rules(Unit.DISPARITY_PX),
    empty=0.0,
    split="val",
    note="Training and validation share scenes (README of DFV): not comparable with ddff-dfv-val.",
)

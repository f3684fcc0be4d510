"""Rendered stacks of NYUv2 as DDFS judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="NYUv2, rendered stacks of 3 frames, depth times 0.3, all pixels",
    source="DDFS (Fujimura et al., IJCV 2024)",
    dataset="nyuv2, recipe of DDFS",
    columns=plain("rmse", "mae", "abs-rel", "silog.full"),
    rules=Rules(Unit.METRE),
    note="Its baseline DefocusNet is scaled by the median first: --fit median.",
)

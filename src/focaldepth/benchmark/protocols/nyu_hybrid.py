"""Rendered stacks of NYUv2 as HybridDepth judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import DELTAS, Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="NYUv2, 654 rendered test stacks, truth within 1 mm ... 10 m",
    source="HybridDepth (Ganj, Su, Guo, WACV 2025)",
    dataset="nyuv2, recipe of HybridDepth",
    columns=plain("rmse", "abs-rel", *DELTAS),
    rules=Rules(Unit.METRE, low=1e-3, high=10.0),
    note="Its focus distances run from the smallest to the largest truth of each image: the method is told the range.",
)

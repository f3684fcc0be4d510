"""Rendered stacks of ARKitScenes as HybridDepth judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="ARKitScenes, rendered stacks of 5 frames",
    source="HybridDepth (Ganj, Su, Guo, WACV 2025)",
    dataset="arkitscenes, recipe of HybridDepth",
    columns=plain("rmse", "abs-rel"),
    rules=Rules(Unit.METRE),
    split="val",
    note="Its focus distances run from the smallest to the largest truth of each image: the method is told the range.",
)

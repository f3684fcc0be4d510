"""Rendered stacks of NYUv2 as DEReD judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import DELTAS, Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="NYUv2, 654 rendered test stacks of 5 frames, truth within 0.1 ... 10 m",
    source="DEReD (Si et al., CVPR 2023)",
    dataset="nyuv2, recipe of DEReD",
    columns=plain("rmse", "abs-rel", *DELTAS),
    rules=Rules(Unit.METRE, low=0.1, high=10.0),
    note="Its table gives FV and DFV an AbsRel of 0.47 beside a delta 1 of 0.96, which is not believable.",
)

"""FoD500 as DfFintheWild judges it."""

from __future__ import annotations

from focaldepth.benchmark._protocol import IN_THE_WILD, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="FoD500, stacks 400 ... 499, truth within 0.1 ... 1.5 m",
    source="DfFintheWild, metrics.py",
    dataset="fod500, fs_6 400..499",
    columns=IN_THE_WILD,
    rules=Rules(Unit.METRE, low=0.1, high=1.5),
    note="Also the protocol of its ablations (Table 5) and of networks trained on FlyingThings3D (Table 3).",
)

"""ZEDD as FOSSA judges it."""

from __future__ import annotations

from focaldepth.benchmark._protocol import FOSSA, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="ZEDD, F2.8, truth within 0.01 ... 1000 m",
    source="FOSSA (arXiv 2603.26658), evaluation code",
    dataset="zedd, runs 1 3 5 7 9 at F2.8",
    columns=FOSSA,
    rules=Rules(Unit.METRE, low=0.01, high=1000.0),
    frames=(0, 2, 4, 6, 8),
    of=9,
    split="val",
    note="The thresholds of its boundary F1 are not known here; those of Depth Pro are taken.",
)

"""Mobile depth from focus as DDFF judges it."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="mDFF, 21 test stacks, depth in metres",
    source="DDFF supplement, Table S3, with calmetrics",
    dataset="mdff, test",
    columns=plain("mse", "rmse", "bumpiness.calmetrics"),
    rules=Rules(Unit.METRE),
    empty=0.0,
    note="The mask is not stated; every pixel with truth counts.",
)

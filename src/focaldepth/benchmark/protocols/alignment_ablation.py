"""Stacks whose frames do not lie on one another, as DfFintheWild compares alignments."""

from __future__ import annotations

from focaldepth.benchmark._protocol import IN_THE_WILD, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="Rendered stacks of a moving, breathing camera, depth in metres",
    source="DfFintheWild, Table 4, with metrics.py",
    dataset="wild-simulator, test",
    columns=tuple(c for c in IN_THE_WILD if c.metric != "rmse"),
    rules=Rules(Unit.METRE),
    note="Footnote 2: the AbsRel without alignment, 0.0067, is a misprint and takes no part in rankings.",
)

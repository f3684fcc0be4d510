"""Phone pictures with truth of unequal trust, as DfFintheWild judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="Smartphone, 47 test stacks, weighted by the confidence of the truth",
    source="DfFintheWild, metrics.py and Table 2",
    dataset="smartphone, test",
    columns=plain("confident-mae", "confident-mse"),
    rules=Rules(Unit.DIOPTRE, low=0.2557, high=9.803),
    frames=(0, 5, 11, 16, 21, 27, 32, 37, 43, 48),
    of=49,
    note="The paper says metre, the program works in 1/m (footnote 4). Needs data with a confidence of the truth.",
)

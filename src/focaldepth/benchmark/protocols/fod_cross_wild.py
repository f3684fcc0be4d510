"""FoD500 for networks trained on FlyingThings3D, as DfFintheWild judges them."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="FoD500 by a network trained on FlyingThings3D, truth within 0.1 ... 1.5 m",
    source="DfFintheWild, Table 3",
    dataset="fod500, fs_6 400..499",
    columns=plain("mae", "mse", "rmse", "abs-rel", "sq-rel"),
    rules=Rules(Unit.METRE, low=0.1, high=1.5),
    note="The network sees the focus distances of FoD500.",
)

"""FoD500 as AiFDepthNet judges it."""

from __future__ import annotations

from focaldepth.benchmark._protocol import AIFDEPTHNET, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="FoD500, stacks 400 ... 499, truth within the focus range",
    source="AiFDepthNet, test.py",
    dataset="fod500, fs_6 400..499",
    columns=AIFDEPTHNET,
    rules=Rules(Unit.METRE, low=0.1, high=1.5),
    note="The program sums relative errors over the 100 images: its 11.1528 is 0.111528 here (footnote 1).",
)

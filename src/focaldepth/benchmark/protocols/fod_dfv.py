"""FoD500 as DFV judges it."""

from __future__ import annotations

from focaldepth.benchmark._protocol import CALMETRICS, Protocol
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="FoD500, stacks 400 ... 499, depth in 0.1 mm clipped to 1.5 m",
    source="DFV, FoD_test.py and eval_FoD500.py",
    dataset="fod500, fs_6 400..499",
    columns=CALMETRICS,
    rules=Rules(Unit.METRE, quantum=1e-4, clip=(0.0, 1.5), clip_truth=True),
    empty=0.0,
    note="Truth and estimate are stored as whole tenths of a millimetre and clipped before they are compared.",
)

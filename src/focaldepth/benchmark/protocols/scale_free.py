"""Estimates up to scale and offset, such as frames without positions."""

from __future__ import annotations

from focaldepth.benchmark._protocol import DELTAS, Protocol, plain
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="Every pixel with truth, after the best scale and offset",
    source="affine fit by least squares; DDFF eq. 6 fits a scale alone",
    dataset="any",
    columns=plain("mae", "rmse", "abs-rel", *DELTAS, "pearson"),
    rules=Rules(fit="affine"),
    note="The fit of every image stands in the table of images.",
)

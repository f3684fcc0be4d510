"""FoD500 as DefocusNet judges it."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Protocol, plain
from focaldepth.core.axis import Unit
from focaldepth.metrics._case import Rules

PROTOCOL = Protocol(
    title="FoD500, stacks 400 ... 499, depth over 3 m",
    source="DefocusNet (Maximov et al., CVPR 2020)",
    dataset="fod500, fs_6 400..499",
    columns=plain("mse", "pearson"),
    rules=Rules(Unit.METRE, clip=(0.0, 3.0), clip_truth=True, span=3.0),
    note="The program also prints PSNR and SSIM of the depth map; they are left out, it lacks an import to run.",
)

"""Our own: in the coordinate of blur, in the focus range; every pixel a number, and what is claimed."""

from __future__ import annotations

from focaldepth.benchmark._protocol import Column, Protocol, plain

PROTOCOL = Protocol(
    title="Every pixel in the focus range, errors where blur is linear",
    source="focaldepth",
    dataset="any",
    columns=(
        *plain("mae", "rmse", "median-error", "bias", "edge-error", "edge-error.away", "ause"),
        *(Column(name, claimed=True) for name in ("valid-share", "mae", "coverage.1", "coverage.2", "nll")),
        *plain("psnr", "ssim"),
    ),
    blur_linear=True,
    in_focus_range=True,
    note="Columns marked (valid) compare only what the method claims; the others its filled map.",
)

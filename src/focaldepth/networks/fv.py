"""FV: the network of DFV on the plain focus volume."""

from __future__ import annotations

from dataclasses import replace

from focaldepth.networks.dfv import NETWORK as DFV
from focaldepth.networks.dfv import DfvOptions, read_options

DEFAULT = DfvOptions(differential=False)

NETWORK = replace(
    DFV,
    title="Focus volume (FV)",
    summary="The baseline of DFV: same layers, frames instead of differences of frames. A little less exact than DFV.",
    default=DEFAULT,
    read_options=lambda shapes, stated: read_options(shapes, stated, DEFAULT),
)

"""The first stage of DefocusNet alone: circles of confusion, and the depth that they speak for."""

from __future__ import annotations

from dataclasses import replace

from focaldepth.core.axis import Unit
from focaldepth.networks._spec import Convention
from focaldepth.networks.defocusnet import NETWORK as DEFOCUSNET
from focaldepth.networks.defocusnet import DefocusNetOptions, read_options

DEFAULT = DefocusNetOptions(depth=False)

NETWORK = replace(
    DEFOCUSNET,
    title="Circles of confusion (DefocusNet, first stage)",
    summary="The blur of every frame, without a network for depth. Depth is the mean of the focus positions, weighted "
    "by how sharp the network finds each frame; this read-out is ours.",
    default=DEFAULT,
    read_options=lambda shapes, stated: read_options(shapes, stated, DEFAULT),
    signature=DEFOCUSNET.signature[:-1],
    # A circle of confusion grows in proportion to the distance from focus in dioptres, not in metres.
    convention=Convention(Unit.DIOPTRE),
    gives=("probability", "spread", "circle_of_confusion"),
)

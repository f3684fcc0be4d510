"""DFLF: the network of DDFFNet on eleven sub-aperture views of a light field instead of frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from focaldepth.core.errors import WeightsError
from focaldepth.networks._spec import FrameOrder, Shapes
from focaldepth.networks.ddffnet import CONVENTION as DDFF_CONVENTION
from focaldepth.networks.ddffnet import NETWORK as DDFFNET
from focaldepth.networks.ddffnet import DdffNetOptions
from focaldepth.networks.ddffnet import read_options as read_ddffnet

VIEWS = (*((0, column) for column in range(-4, 5)), (-4, 0), (4, 0))
"""Eleven of the 9 x 9 views. The paper shows them in a figure that cannot be read (supplement, figure 3); this is our
reading: the middle row, and the two ends of the middle column, so that both directions have their longest baseline."""
CONVENTION = replace(DDFF_CONVENTION, order=FrameOrder.ANY)


def read_options(shapes: Shapes, stated: Mapping[str, Any]) -> DdffNetOptions:
    """As for DDFFNet; refuses another number of inputs than there are views."""
    found = read_ddffnet(shapes, stated)
    if found.frames != len(VIEWS):
        raise WeightsError(
            f"takes {found.frames} pictures, not {len(VIEWS)} views.", hint="Import weights for frames as ddffnet."
        )
    return found


NETWORK = replace(
    DDFFNET,
    title="Depth from a light field (DFLF)",
    summary="The baseline of DDFFNet's paper: the same layers see views of a light field, not a focal stack. It was "
    "the least exact network there.",
    default=DdffNetOptions(frames=len(VIEWS)),
    read_options=read_options,
    convention=CONVENTION,
    official="",
    translate=None,
    views=VIEWS,
)

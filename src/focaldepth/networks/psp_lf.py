"""PSP-LF: the network of PSPNet on eleven sub-aperture views of a light field instead of frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from focaldepth.core.errors import WeightsError
from focaldepth.networks._spec import FrameOrder, Shapes
from focaldepth.networks.dflf import VIEWS
from focaldepth.networks.pspnet_dff import NETWORK as PSPNET
from focaldepth.networks.pspnet_dff import PspNetOptions
from focaldepth.networks.pspnet_dff import read_options as read_pspnet


def read_options(shapes: Shapes, stated: Mapping[str, Any]) -> PspNetOptions:
    """As for PSPNet; refuses another number of inputs than there are views."""
    found = read_pspnet(shapes, stated)
    if found.frames != len(VIEWS):
        raise WeightsError(
            f"takes {found.frames} pictures, not {len(VIEWS)} views.", hint="Import weights for frames as pspnet-dff."
        )
    return found


NETWORK = replace(
    PSPNET,
    title="Pyramid pooling over light field views (PSP-LF)",
    summary="The second light field baseline of DDFFNet's paper: the layers of pspnet-dff see views, not a focal "
    "stack. More exact than dflf there, less than networks on frames.",
    default=PspNetOptions(frames=len(VIEWS)),
    read_options=read_options,
    convention=replace(PSPNET.convention, order=FrameOrder.ANY),
    views=VIEWS,
)

"""The recurrent auto-encoder of DefocusNet's repository: one frame after the other, with a memory at every scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from focaldepth.core.errors import WeightsError
from focaldepth.core.settings import check, setting
from focaldepth.networks._spec import Limits, NetworkSpec, Shapes
from focaldepth.networks.defocusnet import CONVENTION, SOURCE


@dataclass(frozen=True)
class RecurrentOptions:
    """Architecture options."""

    focus_channel: bool = setting(False, "the focus position as fourth input channel")

    def __post_init__(self) -> None:
        check(self)

    @property
    def limits(self) -> Limits:
        """Five halvings; any N."""
        return Limits(stride=32, min_side=32, overlap=192)


def read_options(shapes: Shapes, stated: Mapping[str, Any]) -> RecurrentOptions:
    """Count the input channels."""
    first = shapes.get("d1.l1.0.weight", ())
    if len(first) != 4 or first[1] not in (3, 4):
        raise WeightsError(
            f"the first convolution is {first}.", hint="The recurrent network has (32, 3, 3, 3) or (32, 4, 3, 3)."
        )
    return RecurrentOptions(focus_channel=first[1] == 4)


NETWORK = NetworkSpec(
    title="Recurrent DefocusNet",
    summary="Takes frames one by one, so that its layers need no more memory for more frames. Its repository neither "
    "trains nor runs it, which leaves open what it gives: read here as depth in the scale of DefocusNet.",
    module="focaldepth.networks.modules.defocusnet_recurrent:RecurrentDefocusNet",
    default=RecurrentOptions(),
    read_options=read_options,
    signature=("d1.l1.0.weight", "bottleneck.l2.2.weight", "u1.l1.3.weight"),
    convention=CONVENTION,
    gives=("after_frame", "memory"),
    official="dvl-tum/defocus-net",
    citations=(SOURCE,),
)

"""In the wild, end to end: a network that aligns the frames, then the network of depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from focaldepth.core.axis import Unit
from focaldepth.core.errors import WeightsError
from focaldepth.core.settings import check, setting
from focaldepth.networks._spec import Colour, Convention, FrameOrder, Limits, Padding, Shapes
from focaldepth.networks.dff_in_the_wild import NETWORK as DEPTH
from focaldepth.networks.dff_in_the_wild import InTheWildOptions, read_modules

ALIGNMENTS = ("network", "field_of_view")


@dataclass(frozen=True)
class EndToEndOptions(InTheWildOptions):
    """Architecture options of the end-to-end network."""

    alignment: str = setting(
        "network", "zoom and shift by a network, or the zoom of the field of view alone", choices=ALIGNMENTS
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def limits(self) -> Limits:
        """Zoom is about the centre of the whole picture, so a part of it does not do."""
        return replace(super().limits, tiles=False)


def _read_options(shapes: Shapes, stated: Mapping[str, Any]) -> EndToEndOptions:
    """A network without alignment layers looks like the depth network alone, so no checkpoint shows it."""
    if not any(key.startswith("optical_flow_aggregation.") for key in shapes):
        raise WeightsError("has no alignment network.", hint="Give it as dff-in-the-wild (--as).")
    return EndToEndOptions(**read_modules(shapes))


NETWORK = replace(
    DEPTH,
    title="Depth from focus in the wild, end to end",
    summary="Aligns the frames by zoom and shift, then finds depth; made for phones, whose field of view changes with "
    "focus. Needs the relative field of view of each frame, hence focus distances and a focal length.",
    module="focaldepth.networks.modules.dff_in_the_wild_e2e:EndToEnd",
    default=EndToEndOptions(),
    read_options=_read_options,
    signature=(*DEPTH.signature, "optical_flow_aggregation.OF_feature.0.feature.weight"),
    convention=Convention(
        Unit.DIOPTRE, black=-1.0, colour=Colour.BGR, padding=Padding.BLACK, order=FrameOrder.FAR_FIRST
    ),
    gives=("probability", "spread", "aligned", "coefficients"),
    inputs=("field_of_view",),
)

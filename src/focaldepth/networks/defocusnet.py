"""DefocusNet: circles of confusion of every frame, then depth from them; the order of frames does not matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from focaldepth.core.axis import Unit
from focaldepth.core.errors import WeightsError
from focaldepth.core.method import Citation
from focaldepth.core.settings import check, setting
from focaldepth.networks._spec import Convention, FocusForm, FrameOrder, Limits, NetworkSpec, Shapes

SOURCE = Citation(
    "maximov2020focus",
    "M. Maximov, K. Galim, L. Leal-Taixé: Focus on Defocus: Bridging the Synthetic to Real Domain Gap for Depth "
    "Estimation. CVPR 2020, 1068-1077.",
    url="https://arxiv.org/abs/2005.09623",
    bibtex="""@inproceedings{maximov2020focus,
  title = {Focus on Defocus: Bridging the Synthetic to Real Domain Gap for Depth Estimation},
  author = {Maximov, Maxim and Galim, Kevin and Leal-Taix{\\'e}, Laura},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages = {1068--1077},
  year = {2020}
}""",
)

CONVENTION = Convention(Unit.METRE, order=FrameOrder.NEAR_FIRST, focus=FocusForm.OVER_LAST, depth_factor=3.0)
"""Of the official recipe: depth of 3 m is 1; the frame focused farthest is the last and has position 1."""


@dataclass(frozen=True)
class DefocusNetOptions:
    """Architecture options."""

    depth: bool = setting(True, "with the second stage, which makes depth; else circles of confusion alone")
    filters: int = setting(16, "channels of the finest scale", low=1, high=256)

    def __post_init__(self) -> None:
        check(self)

    @property
    def limits(self) -> Limits:
        """Four halvings; any N."""
        return Limits(stride=16, min_side=16, overlap=160)


def read_options(shapes: Shapes, stated: Mapping[str, Any], default: DefocusNetOptions) -> DefocusNetOptions:
    """Read the width off the first convolution; whether there is a second stage is said by the name."""
    first = shapes.get("conv_down_0.0.weight", ())
    if len(first) != 4 or first[1] != 3:
        raise WeightsError(f"the first convolution is {first}.", hint="DefocusNet has (16, 3, 3, 3).")
    return replace(default, filters=first[0])


NETWORK = NetworkSpec(
    title="Focus on defocus (DefocusNet)",
    summary="Small, takes any number of frames in any order, and shows the blur it found in every frame. Trained on "
    "rendered scenes up to 3 m with one lens; depth is not tied to the focus positions.",
    module="focaldepth.networks.modules.defocusnet:DefocusNet",
    default=DefocusNetOptions(),
    read_options=lambda shapes, stated: read_options(shapes, stated, DefocusNetOptions()),
    signature=("conv_down_0.0.weight", "conv_out.0.weight", "conv_out2.0.weight"),
    convention=CONVENTION,
    gives=("circle_of_confusion",),
    official="dvl-tum/defocus-net",
    citations=(SOURCE,),
    invariances=("frame order",),
)

"""DFV: depth from a differential focus volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from focaldepth.core.axis import Unit
from focaldepth.core.errors import WeightsError
from focaldepth.core.method import Citation
from focaldepth.core.settings import check, setting
from focaldepth.networks._spec import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Convention,
    FrameOrder,
    Limits,
    NetworkSpec,
    Shapes,
)

SOURCE = Citation(
    "yang2022deep",
    "F. Yang, X. Huang, Z. Zhou: Deep Depth from Focus with Differential Focus Volume. CVPR 2022, 12642-12651.",
    url="https://arxiv.org/abs/2112.01712",
    bibtex="""@inproceedings{yang2022deep,
  title = {Deep Depth from Focus with Differential Focus Volume},
  author = {Yang, Fengting and Huang, Xiaolei and Zhou, Zihan},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages = {12642--12651},
  year = {2022}
}""",
)


@dataclass(frozen=True)
class DfvOptions:
    """Architecture options of FV and DFV."""

    level: int = setting(4, "scales of the 3D part: 1 = 1/4 only, 4 = 1/4 to 1/32", low=1, high=4)
    differential: bool = setting(True, "volume of differences of neighbouring frames (DFV), or of the frames (FV)")

    def __post_init__(self) -> None:
        check(self)

    @property
    def limits(self) -> Limits:
        """The pooling of a frame halves 1/32; that over frames, from level 3 on, halves N."""
        return Limits(stride=32, min_side=64, min_frames=2 if self.level > 2 else 1)


def read_options(shapes: Shapes, stated: Mapping[str, Any], default: DfvOptions) -> DfvOptions:
    """Count the decoders; whether a volume is differential leaves no trace in a checkpoint, so the name says it."""
    levels = [k for k in range(1, 5) if f"decoder{k + 2}.classify.2.0.weight" in shapes]
    if levels != list(range(1, len(levels) + 1)) or not levels:
        found = ", ".join(f"decoder{k + 2}" for k in levels) or "none"
        raise WeightsError(f"the decoders are {found}.", hint="DFV and FV have decoder3 up to decoder6, without gaps.")
    return replace(default, level=levels[-1])


NETWORK = NetworkSpec(
    title="Differential focus volume (DFV)",
    summary="Good detail with few parameters, any number of frames, and a spread over frames. The official weights are "
    "trained on DDFF-12 and FoD500 together.",
    module="focaldepth.networks.modules.dfv:Dfv",
    default=DfvOptions(),
    read_options=lambda shapes, stated: read_options(shapes, stated, DfvOptions()),
    signature=("feature_extraction.encoder.conv1.weight", "decoder3.classify.2.0.weight"),
    convention=Convention(Unit.DISPARITY_PX, mean=IMAGENET_MEAN, std=IMAGENET_STD, order=FrameOrder.NEAR_FIRST),
    gives=("probability", "spread"),
    official="fuy34/DFV",
    ignored=("disp",),
    citations=(SOURCE,),
)

"""PSPNet for depth from focus: a residual trunk and pooling over regions per frame, then the regression of DDFFNet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from focaldepth.core.axis import Unit
from focaldepth.core.errors import WeightsError
from focaldepth.core.method import Citation
from focaldepth.core.settings import check, setting
from focaldepth.networks._spec import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Convention,
    FocusForm,
    FrameOrder,
    Limits,
    NetworkSpec,
    Shapes,
)
from focaldepth.networks.ddffnet import SOURCE, frames_and_outputs

PYRAMID = Citation(
    "zhao2017pyramid",
    "H. Zhao, J. Shi, X. Qi, X. Wang, J. Jia: Pyramid Scene Parsing Network. CVPR 2017, 6230-6239.",
    url="https://arxiv.org/abs/1612.01105",
    bibtex="""@inproceedings{zhao2017pyramid,
  title = {Pyramid Scene Parsing Network},
  author = {Zhao, Hengshuang and Shi, Jianping and Qi, Xiaojuan and Wang, Xiaogang and Jia, Jiaya},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages = {6230--6239},
  year = {2017}
}""",
)

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Layers of the residual network -> blocks of its four parts."""
BINS = (1, 2, 3, 6)
"""Regions along a side of the pyramid pooling."""


@dataclass(frozen=True)
class PspNetOptions:
    """Architecture options. Neither the depth of the trunk nor anything else of it stands in the paper."""

    frames: int = setting(10, "N, which the last layer fixes", low=1, high=1000)
    layers: int = setting(50, "of the residual network", choices=tuple(str(n) for n in BLOCKS))

    def __post_init__(self) -> None:
        check(self)

    @property
    def limits(self) -> Limits:
        """Three halvings, and a pixel for every region; N is fixed."""
        return Limits(stride=8, min_side=8 * max(BINS), min_frames=self.frames, max_frames=self.frames)


def read_options(shapes: Shapes, stated: Mapping[str, Any]) -> PspNetOptions:
    """Count the blocks of the trunk's third part."""
    frames, outputs = frames_and_outputs(shapes)
    third = sum(f"encoder.layer3.{k}.conv3.weight" in shapes for k in range(100))
    layers = next((n for n, blocks in BLOCKS.items() if blocks[2] == third), None)
    if layers is None or outputs != 1:
        raise WeightsError(
            f"the third part of the trunk has {third} blocks, and there are {outputs} outputs.",
            hint="PSPNet has 6 or 23 blocks there, and one output.",
        )
    return PspNetOptions(frames, layers)


NETWORK = NetworkSpec(
    title="Pyramid pooling over frames (PSPNet)",
    summary="The deeper baseline of DDFFNet's paper, smoother and a little more exact than it. Its code was never "
    "published, nor were weights: the layers are our reading.",
    module="focaldepth.networks.modules.pspnet_dff:PspNetDff",
    default=PspNetOptions(),
    read_options=read_options,
    signature=("encoder.layer3.5.conv3.weight", "pyramid.0.1.weight", "scoring.weight"),
    # The range of the usual weights of residual networks; disparity and order as in the data of the paper.
    convention=Convention(
        Unit.DISPARITY_PX,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        order=FrameOrder.NEAR_FIRST,
        focus=FocusForm.UNUSED,
    ),
    gives=("activation",),
    citations=(SOURCE, PYRAMID),
)

"""In the wild: depth from a pyramid of focus features, refined by three hourglasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from focaldepth.core.axis import Unit
from focaldepth.core.errors import WeightsError
from focaldepth.core.method import Citation
from focaldepth.core.settings import check, setting
from focaldepth.networks._spec import Colour, Convention, FrameOrder, Limits, NetworkSpec, Padding, Shapes

SOURCE = Citation(
    "won2022learning",
    "C. Won, H.-G. Jeon: Learning Depth from Focus in the Wild. ECCV 2022, 1-18.",
    url="https://arxiv.org/abs/2207.09658",
    bibtex="""@inproceedings{won2022learning,
  title = {Learning Depth from Focus in the Wild},
  author = {Won, Changyeon and Jeon, Hae-Gon},
  booktitle = {European Conference on Computer Vision},
  pages = {1--18},
  year = {2022}
}""",
)

DETECTORS = ("srd", "resnet_2d", "resnet_3d")
DOWNSAMPLINGS = ("efd", "max_pool", "average_pool", "strided", "pool_3d")


@dataclass(frozen=True)
class InTheWildOptions:
    """Architecture options: the network of the paper, and the modules that its figure 11 puts in place of its own.

    No official code or checkpoint has those modules; they follow our reading of the figure.
    """

    detector: str = setting(
        "srd", "sharp region detector: the paper's, or a residual block of frames or of the volume", choices=DETECTORS
    )
    downsampling: str = setting(
        "efd",
        "the paper's (maximum and stride), maximum or mean and a convolution, stride alone, or the paper's with a "
        "maximum over frames too",
        choices=DOWNSAMPLINGS,
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def limits(self) -> Limits:
        """The hourglass of the aggregation ends at 1/32; frames are never merged."""
        return Limits(stride=32, overlap=192)


def read_modules(shapes: Shapes) -> dict[str, str]:
    """Return the options `detector` and `downsampling` of a checkpoint; raises WeightsError when it shows none."""
    first = "DFF_net.FM_measure.Focus_extraction.2"
    shape = shapes.get(f"{first}.Focus_Measure.conv.0.0.weight", ())
    detector = {1: "resnet_2d", 3: "resnet_3d"}.get(shape[2], "") if len(shape) == 5 else ""
    if f"{first}.N_ch_attention.0.weight" in shapes:
        detector = "srd"
    parts = {key.split(".")[3] for key in shapes if key.startswith("DFF_net.FM_conv1.0.")}
    downsampling = {
        frozenset({"stride_conv", "max_pooling"}): "efd",
        frozenset({"max_pooling"}): "max_pool",
        frozenset({"average_pooling"}): "average_pool",
        frozenset({"stride_conv"}): "strided",
        frozenset({"stride_conv", "max_pooling_3d"}): "pool_3d",
    }.get(frozenset(parts), "")
    if not detector or not downsampling:
        raise WeightsError("the feature extraction is none that is known.", hint="Check that the file is complete.")
    return {"detector": detector, "downsampling": downsampling}


def _read_options(shapes: Shapes, stated: Mapping[str, Any]) -> InTheWildOptions:
    if any(key.startswith("optical_flow_aggregation.") for key in shapes):
        raise WeightsError("has an alignment network too.", hint="Give it as dff-in-the-wild-e2e (--as).")
    return InTheWildOptions(**read_modules(shapes))


NETWORK = NetworkSpec(
    title="Depth from focus in the wild",
    summary="The fewest parameters of the networks here, and the best on DDFF-12 by its paper; any number of frames. "
    "Frames must be aligned; the variant dff-in-the-wild-e2e aligns them itself.",
    module="focaldepth.networks.modules.dff_in_the_wild:InTheWild",
    default=InTheWildOptions(),
    read_options=_read_options,
    signature=("DFF_net.FM_measure.Focus_extraction.0.0.weight", "DFF_net.classif3.0.weight"),
    convention=Convention(
        Unit.DISPARITY_PX, black=-1.0, colour=Colour.BGR, padding=Padding.BLACK, order=FrameOrder.NEAR_FIRST
    ),
    gives=("probability", "spread"),
    official="wcy199705/DfFintheWild",
    citations=(SOURCE,),
)

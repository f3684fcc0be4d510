"""AiFDepthNet: depth and the all-in-focus picture from one attention over frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from focaldepth.core.axis import Unit
from focaldepth.core.errors import SettingError, WeightsError
from focaldepth.core.method import Citation
from focaldepth.core.settings import check, setting
from focaldepth.networks._spec import Convention, FrameOrder, Limits, NetworkSpec, Padding, Shapes

SOURCE = Citation(
    "wang2021bridging",
    "N.-H. Wang, R. Wang, Y.-L. Liu, Y.-H. Huang, Y.-L. Chang, C.-P. Chen, K. Jou: Bridging Unsupervised and "
    "Supervised Depth from Focus via All-in-Focus Supervision. ICCV 2021, 12621-12631.",
    url="https://arxiv.org/abs/2108.10843",
    bibtex="""@inproceedings{wang2021bridging,
  title = {Bridging Unsupervised and Supervised Depth from Focus via All-in-Focus Supervision},
  author = {Wang, Ning-Hsu and Wang, Ren and Liu, Yu-Lun and Huang, Yu-Hao and Chang, Yu-Lin and Chen, Chia-Ping and
            Jou, Kevin},
  booktitle = {IEEE/CVF International Conference on Computer Vision},
  pages = {12621--12631},
  year = {2021}
}""",
)


@dataclass(frozen=True)
class AifDepthNetOptions:
    """Architecture options; those of the official code are the default."""

    dims: int = setting(3, "3 = convolutions see neighbouring frames; 2 = frame by frame (paper only)", low=2, high=3)
    heads: int = setting(1, "1 = depth and picture share their scores, 2 = scores for each", low=1, high=2)
    normalised: bool = setting(False, "depth attention by softplus over its sum instead of softmax; with 2 heads both")
    index_channel: bool = setting(False, "the number of the frame, 1/N to 1, as fourth input channel")
    direct_frames: int = setting(
        0, "0 = attention; else the N for which depth and picture are regressed from all scores", low=0, high=1000
    )

    def __post_init__(self) -> None:
        check(self)
        if self.normalised and self.direct_frames:
            raise SettingError(
                "normalised attention and direct output exclude each other.",
                where=type(self).__name__,
                hint="Set direct_frames=0, or leave normalised out.",
            )

    @property
    def limits(self) -> Limits:
        """Five halvings; only the direct output fixes N."""
        fixed = self.direct_frames
        return Limits(stride=32, min_side=32, min_frames=fixed or 1, max_frames=fixed or None, overlap=192)


def read_options(shapes: Shapes, stated: Mapping[str, Any]) -> AifDepthNetOptions:
    """Read what tensors show; how scores become attention is told by the constructor options in the file alone."""
    first, last = shapes.get("conv3d_1a.conv3d.0.weight", ()), shapes.get("out.weight", ())
    if len(first) != 5 or first[1] not in (3, 4) or first[2] not in (1, 7) or not last or last[0] not in (1, 2):
        raise WeightsError(
            f"the first convolution is {first}, the last {last}.",
            hint="AiFDepthNet has (64, 3 or 4, 7 or 1, 7, 7) and (1 or 2, 32, ...).",
        )
    head = shapes.get("d_out.weight")
    return AifDepthNetOptions(
        dims=3 if first[2] == 7 else 2,
        heads=last[0],
        normalised=head is None and _states(stated, "normalize_attention"),
        index_channel=first[1] == 4,
        direct_frames=head[1] if head else 0,
    )


def _states(stated: Any, name: str) -> bool:
    """True where a dictionary within `stated` says so; constructor options lie at different depths."""
    if not isinstance(stated, Mapping):
        return False
    return bool(stated.get(name)) or any(_states(value, name) for value in stated.values())


NETWORK = NetworkSpec(
    title="All-in-focus supervision (AiFDepthNet)",
    summary="Gives a picture that is sharp everywhere beside depth, and can be trained on such pictures without depth. "
    "Takes any number of frames, in 3D convolutions that need more memory than others.",
    module="focaldepth.networks.modules.aifdepthnet:AifDepthNet",
    default=AifDepthNetOptions(),
    read_options=read_options,
    signature=("conv3d_1a.conv3d.0.weight", "Mixed_5c.branch0.conv3d.0.weight", "out.weight"),
    # As for the 4D light field set, on which most of the paper was measured; DDFF-12 weights want near frames first
    # and BGR, those of the DefocusNet set near frames first and metres.
    convention=Convention(Unit.DISPARITY_PX, padding=Padding.BLACK, order=FrameOrder.FAR_FIRST),
    gives=("probability", "spread", "all_in_focus", "all_in_focus_probability", "logits"),
    official="albert100121/AiFDepthNet",
    citations=(SOURCE,),
)

"""DDFFNet: an auto-encoder looks at every frame by itself, one 1x1 convolution over the stack regresses disparity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from focaldepth.core.axis import Unit
from focaldepth.core.errors import WeightsError
from focaldepth.core.method import Citation
from focaldepth.core.settings import check, setting
from focaldepth.networks._spec import Colour, Convention, FocusForm, FrameOrder, Limits, NetworkSpec, Shapes

SOURCE = Citation(
    "hazirbas2018deep",
    "C. Hazirbas, S. G. Soyer, M. C. Staab, L. Leal-Taixé, D. Cremers: Deep Depth From Focus. ACCV 2018, 525-541.",
    url="https://arxiv.org/abs/1704.01085",
    bibtex="""@inproceedings{hazirbas2018deep,
  title = {Deep Depth From Focus},
  author = {Hazirbas, Caner and Soyer, Sebastian Georg and Staab, Maximilian Christian and Leal-Taix{\\'e}, Laura and
            Cremers, Daniel},
  booktitle = {Asian Conference on Computer Vision},
  pages = {525--541},
  year = {2018}
}""",
)

SCALES = {1: (64, 2), 2: (128, 2), 3: (256, 3), 4: (512, 3), 5: (512, 3)}
"""Scale, 1 = full size to 5 = 1/16 -> channels and number of its convolutions: those of VGG-16."""
UPCONV, BILINEAR, UNPOOL = "upconv", "bilinear", "unpool"
UPSAMPLINGS = (UPCONV, BILINEAR, UNPOOL)


@dataclass(frozen=True)
class DdffNetOptions:
    """Architecture options; the default is DDFFNet-CC3 on ten frames, the paper's choice."""

    frames: int = setting(10, "N, which the last layer fixes", low=1, high=1000)
    outputs: int = setting(1, "maps made of a stack; the first is depth", low=1, high=64)
    cc1: bool = setting(False, "join conv1_2 to the decoder, at full size")
    cc2: bool = setting(False, "join conv2_2 to the decoder, at 1/2")
    cc3: bool = setting(True, "join conv3_3 to the decoder, at 1/4")
    cc4: bool = setting(False, "join conv4_3 to the decoder, at 1/8 (official code only)")
    cc5: bool = setting(False, "join conv5_3 to the decoder, at 1/16 (official code only)")
    bias: bool = setting(False, "convolutions with bias beside their batch norm")
    upsampling: str = setting(
        UPCONV, "how the decoder doubles: learnt, or without weights (paper only)", choices=UPSAMPLINGS
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def skips(self) -> tuple[int, ...]:
        """Scales whose encoder map is joined to the decoder."""
        return tuple(scale for scale in SCALES if getattr(self, f"cc{scale}"))

    @property
    def limits(self) -> Limits:
        """Five halvings; N is fixed."""
        return Limits(stride=32, min_side=32, min_frames=self.frames, max_frames=self.frames, overlap=192)


def frames_and_outputs(shapes: Shapes) -> tuple[int, int]:
    """Read N and the number of outputs off the scoring layer, whose channels go frame by frame."""
    scoring = shapes.get("scoring.weight", ())
    if len(scoring) != 4 or not scoring[0] or not scoring[1] or scoring[1] % scoring[0]:
        raise WeightsError(f"the scoring layer is {scoring}.", hint="It has the shape (K, N * K, 1, 1).")
    return scoring[1] // scoring[0], scoring[0]


def read_options(shapes: Shapes, stated: Mapping[str, Any]) -> DdffNetOptions:
    """Read what tensors show; up-sampling without weights leaves no trace, so it has to be stated."""
    frames, outputs = frames_and_outputs(shapes)
    skips = {}
    for scale, (channels, count) in SCALES.items():
        first = shapes.get(f"autoencoder.conv{scale}_{count}_D.weight", ())
        if len(first) != 4 or first[1] not in (channels, 2 * channels):
            raise WeightsError(
                f"conv{scale}_{count}_D is {first}.", hint=f"It has {channels} input channels, or {2 * channels}."
            )
        skips[f"cc{scale}"] = first[1] == 2 * channels
    learnt = "autoencoder.upconv5.weight" in shapes
    upsampling = UPCONV if learnt else stated.get("upsampling")
    if not learnt and upsampling not in (BILINEAR, UNPOOL):
        raise WeightsError(
            "has no up-convolutions, and does not state how the decoder doubles.",
            hint=f"State it: --set upsampling={BILINEAR} or upsampling={UNPOOL}.",
        )
    bias = "autoencoder.conv1_1.bias" in shapes
    return DdffNetOptions(frames, outputs, **skips, bias=bias, upsampling=str(upsampling))


_TFLEARN = {
    "W:0": "weight", "up_filter:0": "weight", "gamma:0": "weight", "beta:0": "bias",
    "moving_mean:0": "running_mean", "moving_variance:0": "running_var",
}  # fmt: skip


def from_tflearn(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the archive that the authors published (.npz of TFLearn) to the keys of their PyTorch code.

    Filters are (rows, columns, in, out) there, those of up-convolutions (rows, columns, out, in). Other keys stay.
    """
    found = {}
    for key, value in tensors.items():
        layer, _, kind = key.rpartition("/")
        if not layer or kind not in _TFLEARN:
            found[key] = value
            continue
        module = "scoring" if layer == "conv_disp" else f"autoencoder.{layer}"
        found[f"{module}.{_TFLEARN[kind]}"] = value.permute(3, 2, 0, 1).contiguous() if value.ndim == 4 else value
    return found


CONVENTION = Convention(
    Unit.DISPARITY_PX, white=255, colour=Colour.BGR, order=FrameOrder.NEAR_FIRST, focus=FocusForm.UNUSED
)
"""Of the official training, which feeds pixels as stored in the DDFF-12 files. Its script for PyTorch checkpoints
normalises 0..255 with the mean and deviation of ImageNet for 0..1 instead; the script for the published weights does
not."""

NETWORK = NetworkSpec(
    title="Deep depth from focus (DDFFNet)",
    summary="The first network for depth from focus. Large and slow; it knows the ten focus positions of DDFF-12 by "
    "heart, so it is of use for stacks of that camera.",
    module="focaldepth.networks.modules.ddffnet:DdffNet",
    default=DdffNetOptions(),
    read_options=read_options,
    signature=("autoencoder.conv1_1.weight", "autoencoder.conv5_3_D.weight", "scoring.weight"),
    convention=CONVENTION,
    gives=("activation",),
    official="soyers/ddff-pytorch",
    translate=from_tflearn,
    citations=(SOURCE,),
)

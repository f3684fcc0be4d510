"""What every network is: frames and focus positions in, one kind of output out, in training and in use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from torch import Tensor, nn

from focaldepth.core.errors import StackError
from focaldepth.networks._spec import NETWORKS, Limits, Options


@dataclass(frozen=True)
class Scale:
    """What a network says at one resolution of its decoder; depth is brought to full size.

    Attributes:
        depth: (B, 1, H, W) in the unit of the focus positions given.
        scores: (B, N, h, w) raw scores of the frames at the scale's own size; None where depth is regressed directly.
        probability: (B, N, H, W), sums to 1 over N; None likewise.
        spread: (B, 1, H, W) standard deviation of `probability` over the focus positions, without gradient.
    """

    depth: Tensor
    scores: Tensor | None = None
    probability: Tensor | None = None
    spread: Tensor | None = None


@dataclass(frozen=True)
class NetOutput:
    """What a network returns.

    Attributes:
        scales: finest first; at least one. The others are there when `FocusNet.every_scale` asks for them.
        all_in_focus: (B, 3, H, W) in the range and channel order of the input; None where the network gives none.
        extras: name -> tensor of what else the network makes (circles of confusion, features, coefficients ...).
    """

    scales: tuple[Scale, ...]
    all_in_focus: Tensor | None = None
    extras: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def depth(self) -> Tensor:
        """(B, 1, H, W): the result."""
        return self.scales[0].depth

    @property
    def probability(self) -> Tensor | None:
        """(B, N, H, W) of the finest scale."""
        return self.scales[0].probability

    @property
    def spread(self) -> Tensor | None:
        """(B, 1, H, W) of the finest scale: a spread over frames, not a calibrated sigma."""
        return self.scales[0].spread


class FocusNet(nn.Module, ABC):
    """A network from a focal stack to depth; subclasses define layers and `compute`.

    Keys of the state dict are those of the official checkpoints. N is never a literal in a layer, and nothing is
    returned in training that is not in use, or the other way round.

    Attributes:
        options: architecture options, frozen.
        every_scale: return every scale of the decoder (deep supervision), not only the finest.
    """

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = options
        self.every_scale = False

    @property
    def limits(self) -> Limits:
        """Sizes and numbers of frames that the network takes."""
        return self.options.limits

    def fast_form(self, *, bfloat16: bool = False) -> FocusNet | None:
        """Return this network in a form of its own for inference on processors; None = the general one is as good.

        It is made from the weights and independent of them from then on; `Fast` asks for it.

        Args:
            bfloat16: compute in bfloat16 what bears it.
        """
        return None

    def forward(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None = None, **extra: Tensor) -> NetOutput:
        """Run the network.

        Args:
            frames: (B, N, C, H, W) float, normalised as the weights' convention says.
            focus: (B, N) focus positions in the form that the convention says.
            frame_valid: (B, N) bool; frames where it is False get no weight in the depth. They are still seen by
                convolutions along N, so fill a short stack of a batch with copies of its last frame. None = all count.
            **extra: what `NetworkSpec.inputs` names.

        Raises:
            StackError: shapes that do not belong together or that the network cannot take.
        """
        if frames.ndim != 5 or focus.shape != frames.shape[:2]:
            raise StackError(
                f"frames are {tuple(frames.shape)}, focus is {tuple(focus.shape)}.",
                hint="Give frames (B, N, C, H, W) and focus (B, N).",
            )
        if frame_valid is not None and frame_valid.shape != focus.shape:
            raise StackError(f"frame_valid is {tuple(frame_valid.shape)}.", hint=f"Give {tuple(focus.shape)}.")
        self.limits.check(*frames.shape[1:])
        return self.compute(frames, focus, frame_valid, **extra)

    @abstractmethod
    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """Do what `forward` says, with inputs of checked shapes."""


def build(name: str, options: Options | None = None) -> FocusNet:
    """Make a network with freshly initialised weights, in evaluation mode.

    Args:
        name: a name of `NETWORKS`.
        options: architecture options; None = the network's defaults.
    """
    spec = NETWORKS.get(name)
    module, _, cls = spec.module.partition(":")
    made: Any = getattr(import_module(module), cls)(options or spec.default)
    net: FocusNet = made.eval()
    return net

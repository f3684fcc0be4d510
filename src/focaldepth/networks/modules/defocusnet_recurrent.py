"""Recurrent DefocusNet: an auto-encoder whose encoder remembers, at every scale, what it made of the last frame.

Source: architecture 2 of the official code of Maximov, Galim and Leal-Taixé, "Focus on defocus", CVPR 2020; layers and
key names as there. No script trains or runs it: that the output after the last frame is depth is a reading of ours.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.networks._net import FocusNet, NetOutput, Scale
from focaldepth.networks.defocusnet_recurrent import RecurrentOptions

_WIDTHS = (32, 43, 57, 76, 101)
"""Channels of the encoder at 1, 1/2, 1/4, 1/8 and 1/16."""


def convs(*channels: int) -> list[nn.Module]:
    """3x3 convolutions with bias from one number of channels to the next, a leaky ReLU after each."""
    layers: list[nn.Module] = []
    for inner, outer in pairwise(channels):
        layers += [nn.Conv2d(inner, outer, 3, padding=1), nn.LeakyReLU(0.1)]
    return layers


class Remember(nn.Module):
    """A map of this frame, mixed with the memory of the frames before; the result is the new memory."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.l1 = nn.Sequential(*convs(inner, outer))
        self.l2 = nn.Sequential(*convs(2 * outer, outer, outer))

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """(B, C, h, w) and memory (B, C', h, w) -> (B, C', h, w)."""
        y: Tensor = self.l2(torch.cat((self.l1(x), memory), 1))
        return y


class Up(nn.Module):
    """Doubling of H and W by repetition, two convolutions."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.l1 = nn.Sequential(nn.Upsample(scale_factor=2), *convs(inner, outer, outer))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C', 2h, 2w)."""
        y: Tensor = self.l1(x)
        return y


class RecurrentDefocusNet(FocusNet):
    """The network; depth is its output after the last frame that counts.

    Extras: `after_frame` (B, N, H, W), the output after every frame; `memory` (B, 101, H/32, W/32), what the coarsest
    scale remembers at the end.
    """

    options: RecurrentOptions

    def __init__(self, options: RecurrentOptions) -> None:
        super().__init__(options)
        inner = (4 if options.focus_channel else 3, *_WIDTHS)
        outer = (1, *_WIDTHS[:-1])
        for k, width in enumerate(_WIDTHS, 1):
            self.add_module(f"d{k}", Remember(inner[k - 1], width))
            self.add_module(f"u{k}", Up(2 * width, outer[k - 1]))
        self.bottleneck = Remember(_WIDTHS[-1], _WIDTHS[-1])

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`."""
        if self.options.focus_channel:
            positions = focus[:, :, None, None, None].expand(-1, -1, 1, *frames.shape[-2:])
            frames = torch.cat((frames, positions), 2)
        b, n, _, height, width = frames.shape
        sizes = ((c, height // 2**k, width // 2**k) for k, c in enumerate((*_WIDTHS, _WIDTHS[-1])))
        state = [frames.new_zeros(b, *size) for size in sizes]
        output, outputs = frames.new_zeros(b, 1, height, width), []
        for i in range(n):
            given, kept = self._step(frames[:, i], state), (output, state)
            output, state = given if frame_valid is None else _chosen(frame_valid[:, i], given, kept)
            outputs.append(output)
        return NetOutput((Scale(output),), extras={"after_frame": torch.cat(outputs, 1), "memory": state[-1]})

    def _step(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Take one frame (B, C, H, W); return the output (B, 1, H, W) and the new memory, finest first."""
        new: list[Tensor] = []
        skips: list[Tensor] = []
        for k in range(len(_WIDTHS)):
            new.append(self.get_submodule(f"d{k + 1}")(x, state[k]))
            x = F.max_pool2d(new[-1], 2)
            skips.append(x)
        x = self.bottleneck(x, state[-1])
        new.append(x)
        for k in reversed(range(len(_WIDTHS))):
            x = self.get_submodule(f"u{k + 1}")(torch.cat((x, skips[k]), 1))
        return x, new


def _chosen(
    counts: Tensor, given: tuple[Tensor, list[Tensor]], kept: tuple[Tensor, list[Tensor]]
) -> tuple[Tensor, list[Tensor]]:
    """Output and memory after a frame that counts, as before it in those stacks (B,) where it does not."""
    here = counts[:, None, None, None]
    return torch.where(here, given[0], kept[0]), [
        torch.where(here, new, old) for new, old in zip(given[1], kept[1], strict=True)
    ]

"""DefocusNet: two auto-encoders that look at frames one by one and share the largest value over all frames.

Source: Maximov, Galim and Leal-Taixé, "Focus on defocus: bridging the synthetic to real domain gap for depth
estimation", CVPR 2020; layers and key names as the official code has them (architecture 1).
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.networks._blocks import expected, spread
from focaldepth.networks._net import FocusNet, NetOutput, Scale
from focaldepth.networks.defocusnet import DefocusNetOptions

_SLOPE = 0.2
_SCALES = 4
"""Encoder scales above the bridge: full size to 1/8."""
_SHARP = 0.01
"""A circle of confusion of one micrometre on the sensor counts as none, which keeps the weight of its frame finite."""


def convs(*channels: int) -> nn.Sequential:
    """3x3 convolutions with bias from one number of channels to the next, a leaky ReLU after each."""
    layers: list[nn.Module] = []
    for inner, outer in pairwise(channels):
        layers += [nn.Conv2d(inner, outer, 3, padding=1), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers)


def up(inner: int, outer: int) -> nn.Sequential:
    """Doubling of H and W, convolution, leaky ReLU."""
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), *convs(inner, outer))


def largest(x: Tensor, frames: int, frame_valid: Tensor | None) -> Tensor:
    """Largest value over the frames that count: (B * N, C, h, w) -> (B, C, h, w)."""
    stacked = x.view(-1, frames, *x.shape[1:])
    if frame_valid is not None:
        stacked = stacked.masked_fill(~frame_valid[:, :, None, None, None], -torch.inf)
    return stacked.amax(1)


def with_largest(x: Tensor, frames: int, frame_valid: Tensor | None) -> Tensor:
    """Append to every frame's map what all frames share: (B * N, C, h, w) -> (B * N, 2 C, h, w)."""
    return torch.cat((x, largest(x, frames, frame_valid).repeat_interleave(frames, 0)), 1)


def sharpness(coc: Tensor, frame_valid: Tensor | None) -> Tensor:
    """Weights of frames from circles of confusion, both (B, N, H, W); they sum to 1 over N.

    In air a circle of confusion grows with the distance from focus in dioptres, so this is interpolation by inverse
    squared distance (Shepard 1968), which needs no constant of the lens.
    """
    weights = 1 / (coc.square() + _SHARP**2)
    if frame_valid is not None:
        weights = weights * frame_valid[:, :, None, None]
    return weights / weights.sum(1, keepdim=True)


class DefocusNet(FocusNet):
    """The network; `options.depth` tells both stages from the first alone.

    Extras: `circle_of_confusion` (B, N, H, W), diameter on the sensor in units of 0.1 mm in the official training.
    """

    options: DefocusNetOptions

    def __init__(self, options: DefocusNetOptions) -> None:
        super().__init__(options)
        width = options.filters
        self._encoder("", 3, width)
        for j in range(1, _SCALES + 1):
            half = width * 2 ** (_SCALES - j)
            self.add_module(f"conv_up_{j}", up(2 * half, half))
            self.add_module(f"conv_joint_{j}", convs(2 * half, half))
        self.conv_end = convs(width, width)
        self.conv_out = nn.Sequential(nn.Conv2d(width, 1, 3, padding=1))
        if options.depth:
            self._encoder("2", 2, width)
            for j in range(1, _SCALES + 1):
                half = width * 2 ** (_SCALES - j)
                self.add_module(f"conv_up2_{j}", up(2 * half, half))
                self.add_module(f"conv_joint2_{j}", convs(3 * half, half))  # the last is never used
            self.conv_end2 = convs(width, width)
            self.conv_out2 = nn.Sequential(nn.Conv2d(width, 1, 3, padding=1))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_normal_(layer.weight)
                nn.init.constant_(layer.bias, 0.01)  # type: ignore[arg-type]

    def _encoder(self, stage: str, inner: int, width: int) -> None:
        self.add_module(f"conv_down{stage}_0", convs(inner, width, width))
        for j in range(1, _SCALES):
            both = width * 2**j
            self.add_module(f"conv_down{stage}_{j}", convs(both, both, both))
        self.add_module(f"bridge{stage}", convs(width * 2**_SCALES, width * 2**_SCALES))

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`."""
        b, n = focus.shape
        coc, skips = self._first(frames.flatten(0, 1), n, frame_valid)
        maps = coc.view(b, n, *coc.shape[2:])
        if self.options.depth:
            scale = Scale(self._second(coc, focus, skips, frame_valid))
        else:
            probability = sharpness(maps, frame_valid)
            depth = expected(probability, focus)
            scale = Scale(depth, -maps, probability, spread(probability, focus, depth))
        return NetOutput((scale,), extras={"circle_of_confusion": maps})

    def _first(self, x: Tensor, n: int, frame_valid: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Frames (B * N, 3, H, W) -> circles of confusion (B * N, 1, H, W), and the encoder's maps, finest first."""
        x, skips = self._down("", x, n, frame_valid)
        for j in range(1, _SCALES + 1):
            own = self.get_submodule(f"conv_up_{j}")(x)
            x = self.get_submodule(f"conv_joint_{j}")(torch.cat((own, skips[-j]), 1))
        coc: Tensor = self.conv_out(self.conv_end(x))
        return coc, skips

    def _second(self, coc: Tensor, focus: Tensor, skips: list[Tensor], frame_valid: Tensor | None) -> Tensor:
        """Circles of confusion and focus positions (B, N) -> depth (B, 1, H, W); skips are those of the first stage."""
        n = focus.shape[1]
        positions = focus.reshape(-1, 1, 1, 1).expand_as(coc)
        x, _ = self._down("2", torch.cat((coc, positions), 1), n, frame_valid)
        x = self.get_submodule("conv_up2_1")(x)
        for j in range(1, _SCALES):
            x = torch.cat((with_largest(x, n, frame_valid), skips[-j]), 1)
            x = self.get_submodule(f"conv_up2_{j + 1}")(self.get_submodule(f"conv_joint2_{j}")(x))
        depth: Tensor = self.conv_out2(self.conv_end2(largest(x, n, frame_valid)))
        return depth

    def _down(self, stage: str, x: Tensor, n: int, frame_valid: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Encode (B * N, C, H, W); return the bridge at 1/16 and the maps from full size to 1/8."""
        maps = []
        for j in range(_SCALES):
            maps.append(self.get_submodule(f"conv_down{stage}_{j}")(x))
            x = with_largest(F.max_pool2d(maps[-1], 2), n, frame_valid)
        bridge: Tensor = self.get_submodule(f"bridge{stage}")(x)
        return bridge, maps

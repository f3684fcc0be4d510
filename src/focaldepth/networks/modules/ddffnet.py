"""DDFFNet: VGG-16 and its mirror image on single frames, then one 1x1 convolution over the stack.

Source: Hazirbas et al., "Deep depth from focus", ACCV 2018 (section 3, figure 1 of the supplement); layers and key
names as the official code has them. That code doubles by up-convolution alone; the other two ways of the paper follow
our reading: bilinear interpolation, and the unpooling of Dosovitskiy et al., "Learning to generate chairs with
convolutional neural networks", CVPR 2015, which the paper cites. The paper drops values before the up-convolutions of
scales 5 to 3, the official code after the poolings and after the decoder's convolutions of these scales, as done here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.networks._net import FocusNet, NetOutput, Scale
from focaldepth.networks.ddffnet import SCALES, UNPOOL, UPCONV, DdffNetOptions

_NORM_EPS = 1e-3
_DROPPED = 0.5
_DROPPED_FROM = 3
"""Scale from which on training drops values."""


def unpool(x: Tensor) -> Tensor:
    """Put every value into the upper left of a 2x2 cell of zeros: (B, C, h, w) -> (B, C, 2h, 2w)."""
    spread = F.pad(x[:, :, :, None, :, None], (0, 1, 0, 0, 0, 1))  # (B, C, h, 2, w, 2)
    return spread.flatten(4, 5).flatten(2, 3)


def regressed(features: Tensor, scoring: nn.Module, frame_valid: Tensor | None, batch: int) -> NetOutput:
    """Make depth from the maps of single frames by a layer over the stack (section 3, "Network input").

    Args:
        features: (B * N, K, H, W), K maps of every frame.
        scoring: (B, N * K, H, W) -> (B, K, H, W).
        frame_valid: (B, N) bool; the maps of a frame that does not count are 0. None = all count.
        batch: B.

    Returns:
        Depth, the first output. Extras: `activation` (B, K, N, H, W), the maps (figure 2 of the supplement), and, where
        K > 1, `outputs` (B, K, H, W).
    """
    maps = features.view(batch, -1, *features.shape[1:])
    counted = maps if frame_valid is None else maps.masked_fill(~frame_valid[:, :, None, None, None], 0.0)
    outputs = scoring(counted.flatten(1, 2))
    extras = {"activation": maps.transpose(1, 2)}
    if outputs.shape[1] > 1:
        extras["outputs"] = outputs
    return NetOutput((Scale(outputs[:, :1]),), extras=extras)


class AutoEncoder(nn.Module):
    """The convolutions of VGG-16, and the same backwards, each with batch norm and ReLU."""

    def __init__(self, options: DdffNetOptions) -> None:
        super().__init__()
        self.skips, self.upsampling, self.bias = options.skips, options.upsampling, options.bias
        inner = 3
        for scale, (channels, count) in SCALES.items():
            for k in range(1, count + 1):
                inner = self._add(f"conv{scale}_{k}", inner, channels)
        for scale, (channels, count) in reversed(SCALES.items()):
            if self.upsampling == UPCONV:
                self.add_module(f"upconv{scale}", nn.ConvTranspose2d(inner, channels, 4, 2, 1, bias=False))
            inner = 2 * channels if scale in self.skips else channels
            for k in range(count, 1, -1):
                inner = self._add(f"conv{scale}_{k}_D", inner, channels)
            finer = SCALES[scale - 1][0] if scale > 1 else options.outputs
            inner = self._add(f"conv{scale}_1_D", inner, finer)

    def _add(self, name: str, inner: int, outer: int) -> int:
        self.add_module(name, nn.Conv2d(inner, outer, 3, padding=1, bias=self.bias))
        self.add_module(f"{name}_bn", nn.BatchNorm2d(outer, eps=_NORM_EPS))
        return outer

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, K, H, W), not negative."""
        skips = {}
        for scale, (_, count) in SCALES.items():
            for k in range(1, count + 1):
                x = self._unit(f"conv{scale}_{k}", x)
            if scale in self.skips:
                skips[scale] = x
            x = self._dropped(scale, F.max_pool2d(x, 2))
        for scale, (_, count) in reversed(SCALES.items()):
            x = self._doubled(scale, x)
            if scale in skips:
                x = torch.cat((x, skips.pop(scale)), 1)
            for k in range(count, 0, -1):
                x = self._unit(f"conv{scale}_{k}_D", x)
            x = self._dropped(scale, x)
        return x

    def _unit(self, name: str, x: Tensor) -> Tensor:
        """Convolution, batch norm, ReLU."""
        return F.relu(self.get_submodule(f"{name}_bn")(self.get_submodule(name)(x)))

    def _dropped(self, scale: int, x: Tensor) -> Tensor:
        return F.dropout(x, _DROPPED, self.training) if scale >= _DROPPED_FROM else x

    def _doubled(self, scale: int, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, 2h, 2w)."""
        if self.upsampling == UNPOOL:
            return unpool(x)
        if self.upsampling == UPCONV:
            up: Tensor = self.get_submodule(f"upconv{scale}")(x)
            return up
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class DdffNet(FocusNet):
    """The network; see `DdffNetOptions` for its variants, `regressed` for what it returns. Focus is not looked at."""

    def __init__(self, options: DdffNetOptions) -> None:
        super().__init__(options)
        self.autoencoder = AutoEncoder(options)
        self.scoring = nn.Conv2d(options.frames * options.outputs, options.outputs, 1, bias=False)
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.kaiming_normal_(layer.weight)
            elif isinstance(layer, nn.BatchNorm2d):
                # The official code draws running variances too, half of them negative; here they stay 1.
                nn.init.normal_(layer.weight)

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`."""
        return regressed(self.autoencoder(frames.flatten(0, 1)), self.scoring, frame_valid, frames.shape[0])

"""PSPNet for depth from focus: a dilated residual network and pyramid pooling per frame, scored over the stack.

Source: Hazirbas et al., "Deep depth from focus", ACCV 2018, section 4.2, which names the network and says no more than
that input and output were changed and that it was trained end to end. Our reading: the layers of Zhao et al., "Pyramid
scene parsing network", CVPR 2017 (section 3, figure 3), without the auxiliary classifier; one map per frame in place of
classes; then the scoring of DDFFNet.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from focaldepth.networks._blocks import resized
from focaldepth.networks._net import FocusNet, NetOutput
from focaldepth.networks._resnet import DilatedResNet
from focaldepth.networks.modules.ddffnet import regressed
from focaldepth.networks.pspnet_dff import BINS, BLOCKS, PspNetOptions

_HEAD_CHANNELS = 512
_DROPPED = 0.1


def unit(inner: int, outer: int, kernel: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Convolution without bias, batch norm, ReLU."""
    return nn.Conv2d(inner, outer, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outer), nn.ReLU()


class PspNetDff(FocusNet):
    """The network; see `regressed` for what it returns. Focus is not looked at."""

    def __init__(self, options: PspNetOptions) -> None:
        super().__init__(options)
        channels = DilatedResNet.channels
        branch = channels // len(BINS)
        self.encoder = DilatedResNet(BLOCKS[options.layers])
        self.pyramid = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(bins), *unit(channels, branch, 1)) for bins in BINS
        )
        self.head = nn.Sequential(
            *unit(2 * channels, _HEAD_CHANNELS, 3), nn.Dropout2d(_DROPPED), nn.Conv2d(_HEAD_CHANNELS, 1, 1)
        )
        self.scoring = nn.Conv2d(options.frames, 1, 1, bias=False)

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`."""
        x = self.encoder(frames.flatten(0, 1))
        regions = [resized(branch(x), *x.shape[-2:]) for branch in self.pyramid]
        features = resized(self.head(torch.cat((x, *regions), 1)), *frames.shape[-2:])
        return regressed(features, self.scoring, frame_valid, frames.shape[0])

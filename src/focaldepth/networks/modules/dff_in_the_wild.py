"""The depth network of "in the wild": focus features at three scales, their aggregation, three refining hourglasses.

Source: Won and Jeon, "Learning depth from focus in the wild", ECCV 2022 (sections 3.2 and 3.3; figure 11 for the
modules that replace its own); details and key names as the official code has them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.networks._blocks import expected, init_3d, masked, normalised_softplus, resized, spread
from focaldepth.networks._net import FocusNet, NetOutput, Scale
from focaldepth.networks.dff_in_the_wild import InTheWildOptions

_CHANNELS = 8
"""Of the focus volume at full size; twice as many at each halving (section 3.2)."""
_FLOOR = 1e-6
"""Added to the softplus before it is normalised; in the code only."""

Kernel = tuple[int, int, int]
_HALF: Kernel = (1, 2, 2)
"""Stride, or pooling window, that halves the pictures and keeps the frames."""


def conv_bn(inner: int, outer: int, kernel: Kernel = (3, 3, 3), stride: Kernel = (1, 1, 1)) -> nn.Sequential:
    """3D convolution without bias that keeps the size (but for the stride), batch norm."""
    pad = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Sequential(nn.Conv3d(inner, outer, kernel, stride, pad, bias=False), nn.BatchNorm3d(outer))


def conv_bn_relu(inner: int, outer: int, stride: Kernel = (1, 1, 1)) -> nn.Sequential:
    """3x3x3 `conv_bn`, ReLU."""
    return nn.Sequential(conv_bn(inner, outer, stride=stride), nn.ReLU())


def up_bn(inner: int, outer: int) -> nn.Sequential:
    """Transposed convolution that doubles the pictures' sides, batch norm."""
    conv = nn.ConvTranspose3d(inner, outer, 3, _HALF, 1, (0, 1, 1), bias=False)
    return nn.Sequential(conv, nn.BatchNorm3d(outer))


class Residual(nn.Module):
    """Residual block relu(x + conv(relu(conv(x)))); 2D per frame with (1,3,3), figure 11a, 3D with (3,3,3), 11b."""

    def __init__(self, channels: int, kernel: Kernel) -> None:
        super().__init__()
        self.conv = nn.Sequential(conv_bn(channels, channels, kernel), nn.ReLU(), conv_bn(channels, channels, kernel))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, H, W) -> the same."""
        return F.relu(x + self.conv(x))


class SharpRegionDetector(nn.Module):
    """Features of single frames plus a score of attention that compares neighbouring frames (figure 5, left)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.Focus_Measure = Residual(channels, (1, 3, 3))
        self.N_ch_attention = nn.Sequential(
            nn.Conv3d(channels, channels, (3, 1, 1), padding=(1, 0, 0), bias=False),
            nn.ReLU(),
            nn.Conv3d(channels, channels, 1, bias=False),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, H, W) -> the same."""
        y = self.Focus_Measure(x)
        scored: Tensor = y + self.N_ch_attention(y)
        return scored


class PlainDetector(nn.Module):
    """A residual block in place of the detector: figure 11a or 11b."""

    def __init__(self, channels: int, kernel: Kernel) -> None:
        super().__init__()
        self.Focus_Measure = Residual(channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, H, W) -> the same."""
        y: Tensor = self.Focus_Measure(x)
        return y


def detector(kind: str, channels: int) -> nn.Module:
    """Make the module that `InTheWildOptions.detector` names."""
    if kind == "srd":
        return SharpRegionDetector(channels)
    return PlainDetector(channels, (1, 3, 3) if kind == "resnet_2d" else (3, 3, 3))


class Downsampling(nn.Module):
    """Halves the pictures: relu of the sum of the branches.

    Effective downsampling (figure 5, right) has a strided convolution and a maximum with a convolution; figure 11c
    has the maximum alone, 11d a mean in its place, 11e the strided convolution alone. 11f we read as the effective
    one whose maximum runs over frames too.
    """

    def __init__(self, kind: str, inner: int, outer: int) -> None:
        super().__init__()
        if kind in ("efd", "strided", "pool_3d"):
            self.stride_conv = conv_bn(inner, outer, stride=_HALF)
        if kind in ("efd", "max_pool"):
            self.max_pooling = nn.Sequential(nn.MaxPool3d(_HALF), conv_bn(inner, outer))
        if kind == "average_pool":
            self.average_pooling = nn.Sequential(nn.AvgPool3d(_HALF), conv_bn(inner, outer))
        if kind == "pool_3d":
            self.max_pooling_3d = nn.Sequential(nn.MaxPool3d((3, 2, 2), _HALF, (1, 0, 0)), conv_bn(inner, outer))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, H, W) -> (B, C', N, H / 2, W / 2)."""
        total: Tensor = sum(branch(x) for branch in self.children())
        return F.relu(total)


class FirstFeatures(nn.Module):
    """Convolution per frame with gaps in its window (a ring of the paper's reference 17), ReLU, detector."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        conv = nn.Conv3d(3, _CHANNELS, (1, 9, 9), padding=(0, 8, 8), dilation=(1, 2, 2), bias=False)
        first = nn.Sequential(conv, nn.BatchNorm3d(_CHANNELS))
        self.Focus_extraction = nn.Sequential(first, nn.ReLU(), detector(kind, _CHANNELS))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, N, H, W) -> (B, 8, N, H, W)."""
        y: Tensor = self.Focus_extraction(x)
        return y


class Aggregation(nn.Module):
    """Features at 1/8, 1/16 and 1/32 by average pooling, merged by one hourglass (section 3.3)."""

    def __init__(self) -> None:
        super().__init__()
        c = 4 * _CHANNELS
        self.dres8_0 = nn.Sequential(conv_bn(c, c), nn.ReLU(), conv_bn(c, c), nn.ReLU())
        self.dres8_1 = nn.Sequential(conv_bn(c, c), nn.ReLU(), conv_bn(c, c))
        self.dres16_0 = nn.Sequential(conv_bn(c, 2 * c), nn.ReLU(), conv_bn(2 * c, 2 * c), nn.ReLU())
        self.dres16_1 = nn.Sequential(conv_bn(2 * c, 2 * c), nn.ReLU(), conv_bn(2 * c, 2 * c))
        self.dres32_0 = nn.Sequential(conv_bn(c, 2 * c), nn.ReLU(), conv_bn(2 * c, 2 * c), nn.ReLU())
        self.dres32_1 = nn.Sequential(conv_bn(2 * c, 2 * c), nn.ReLU(), conv_bn(2 * c, 2 * c))
        self.conv1 = nn.Conv3d(c, 2 * c, 3, _HALF, 1, bias=False)
        self.combine1 = conv_bn_relu(4 * c, 2 * c)
        self.conv2 = conv_bn_relu(2 * c, 2 * c)
        self.conv3 = nn.Conv3d(2 * c, 4 * c, 3, _HALF, 1, bias=False)
        self.combine2 = conv_bn_relu(6 * c, 4 * c)
        self.conv4 = conv_bn_relu(4 * c, 4 * c)
        self.conv8 = up_bn(4 * c, 2 * c)
        self.conv9 = up_bn(2 * c, c)
        self.redir1 = conv_bn(c, c, (1, 1, 1))
        self.redir2 = conv_bn(2 * c, 2 * c, (1, 1, 1))
        self.redir3 = conv_bn(4 * c, 4 * c, (1, 1, 1))  # in the checkpoints, never used

    def forward(self, x: Tensor) -> Tensor:
        """(B, 32, N, H/4, W/4) -> (B, 32, N, H/8, W/8)."""
        x8 = self.dres8_0(F.avg_pool3d(x, (1, 2, 2)))
        x8 = x8 + self.dres8_1(x8)
        x16 = self.dres16_0(F.avg_pool3d(x, (1, 4, 4)))
        x16 = x16 + self.dres16_1(x16)
        x32 = self.dres32_0(F.avg_pool3d(x, (1, 8, 8)))
        x32 = x32 + self.dres32_1(x32)
        y16 = self.conv2(self.combine1(torch.cat((self.conv1(x8), x16), 1)))
        y32 = self.conv4(self.combine2(torch.cat((self.conv3(y16), x32), 1)))
        y16 = F.relu(self.conv8(y32) + self.redir2(y16))
        return F.relu(self.conv9(y16) + self.redir1(x8))


class Hourglass(nn.Module):
    """Encoder and decoder over two halvings, with side inputs from the coarser hourglass before it (section 3.3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        self.conv0 = conv_bn_relu(2 * c, c)
        self.conv1 = conv_bn_relu(c, 2 * c, _HALF)
        self.pre_conv = nn.Sequential(conv_bn(2 * c, 2 * c, (1, 1, 1)), nn.ReLU())  # in the checkpoints, never used
        self.conv2 = conv_bn(2 * c, 2 * c)
        self.conv3 = conv_bn_relu(2 * c, 2 * c, _HALF)
        self.conv4 = conv_bn_relu(2 * c, 2 * c)
        self.conv5 = up_bn(2 * c, 2 * c)
        self.conv6 = up_bn(2 * c, c)

    def forward(self, x: Tensor, sides: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """Return what is added to the features, and what the next hourglass takes as its first side input.

        Args:
            x: (B, 2C, N, h, w): features of this scale.
            sides: both (B, 2C, N, h/2, w/2), first features and output of the coarser hourglass; None for the
                coarsest, which takes its own features in place of the first.

        Returns:
            output (B, C, N, h, w), and first features of the same shape.
        """
        first = self.conv0(x)
        inner = self.conv2(self.conv1(first))
        inner = F.relu(inner if sides is None else inner + sides[1])
        deepest = self.conv4(self.conv3(inner))
        up = F.relu(self.conv5(deepest) + (inner if sides is None else sides[0]))
        return self.conv6(up), first


class DepthNet(nn.Module):
    """From frames to scores of frames at four scales."""

    def __init__(self, options: InTheWildOptions) -> None:
        super().__init__()
        c = _CHANNELS
        kind, down = options.detector, options.downsampling
        self.FM_measure = FirstFeatures(kind)
        self.FM_conv1 = nn.Sequential(Downsampling(down, c, 2 * c), detector(kind, 2 * c))
        self.FM_conv2 = nn.Sequential(Downsampling(down, 2 * c, 4 * c), detector(kind, 4 * c))
        self.SPP_module = Aggregation()
        self.confidence = nn.Sequential(conv_bn(4 * c, 4 * c), nn.ReLU(), nn.Conv3d(4 * c, 1, 3, padding=1, bias=False))
        self.dres0 = nn.Sequential(conv_bn(4 * c, 8 * c), nn.ReLU(), conv_bn(8 * c, 8 * c), nn.ReLU())
        self.deconv_1 = up_bn(8 * c, 4 * c)
        self.dres2 = Hourglass(4 * c)
        self.classif1 = nn.Sequential(nn.Conv3d(4 * c, 1, 1, bias=False))
        self.deconv_2 = up_bn(4 * c, 2 * c)
        self.dres3 = Hourglass(2 * c)
        self.classif2 = nn.Sequential(nn.Conv3d(2 * c, 1, 1, bias=False))
        self.deconv_3 = up_bn(2 * c, c)
        self.dres4 = Hourglass(c)
        self.classif3 = nn.Sequential(nn.Conv3d(c, 1, 1, bias=False))
        init_3d(self)

    def forward(self, x: Tensor, every_scale: bool) -> list[Tensor]:
        """(B, 3, N, H, W) -> scores (B, N, h, w), finest first: full size, and on request 1/2, 1/4 and 1/8."""
        full = self.FM_measure(x)
        half = self.FM_conv1(full)
        quarter = self.FM_conv2(half)
        y = self.SPP_module(quarter)
        scores = [self.confidence(y)] if every_scale else []
        y = self.dres0(y)
        sides: tuple[Tensor, Tensor] | None = None
        for up, features, hourglass, classify in (
            (self.deconv_1, quarter, self.dres2, self.classif1),
            (self.deconv_2, half, self.dres3, self.classif2),
            (self.deconv_3, full, self.dres4, self.classif3),
        ):
            y = up(y)
            out, first = hourglass(torch.cat((y, features), 1), sides)
            y = y + out
            sides = first, out
            if every_scale or features is full:
                scores.append(classify(y))
        return [s.squeeze(1) for s in reversed(scores)]


def regress(scores: Tensor, focus: Tensor, frame_valid: Tensor | None, height: int, width: int) -> Scale:
    """Enlarge scores (B, N, h, w) and read depth by normalised softplus (section 3.3)."""
    probability = normalised_softplus(masked(resized(scores, height, width), frame_valid), _FLOOR)
    depth = expected(probability, focus)
    return Scale(depth, scores, probability, spread(probability, focus, depth))


class InTheWild(FocusNet):
    """The depth network on aligned frames."""

    def __init__(self, options: InTheWildOptions) -> None:
        super().__init__(options)
        self.DFF_net = DepthNet(options)

    def fast_form(self, *, bfloat16: bool = False) -> FocusNet:
        """See `FocusNet.fast_form`."""
        from focaldepth.networks._rows_in_the_wild import InTheWildRows

        return InTheWildRows(self, torch.bfloat16 if bfloat16 else torch.float32)

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`."""
        scores = self.DFF_net(frames.transpose(1, 2), self.every_scale)
        size = frames.shape[-2:]
        return NetOutput(tuple(regress(s, focus, frame_valid, *size) for s in scores))

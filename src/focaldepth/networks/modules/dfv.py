"""FV and DFV: a 2D encoder per frame, a (differential) focus volume at four scales, 3D decoders.

Source: Yang, Huang and Zhou, "Deep depth from focus with differential focus volume", CVPR 2022; details and key names
as the official code has them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.networks._blocks import init_3d, softmax_scale
from focaldepth.networks._net import FocusNet, NetOutput
from focaldepth.networks._resnet import ResNet18
from focaldepth.networks.dfv import DfvOptions

_SLOPE = 0.1
_VOLUME_CHANNELS = (16, 32, 64, 128)
"""Of the focus volumes at 1/4, 1/8, 1/16 and 1/32."""


def pool_counts(limit: int) -> tuple[int, ...]:
    """Numbers of pooling windows along a side: four integers from 1 to `limit`, floor of even steps."""
    return tuple(1 + i * (limit - 1) // 3 for i in range(4))


class ConvUnit(nn.Module):
    """2D convolution, batch norm, leaky ReLU."""

    def __init__(self, inner: int, outer: int, kernel: int) -> None:
        super().__init__()
        conv = nn.Conv2d(inner, outer, kernel, padding=kernel // 2, bias=False)
        self.cbr_unit = nn.Sequential(conv, nn.BatchNorm2d(outer), nn.LeakyReLU(_SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W)."""
        y: Tensor = self.cbr_unit(x)
        return y


class PyramidPooling2d(nn.Module):
    """Sum of four poolings of a frame's coarsest map; branch 0 pools finest."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.path_module_list = nn.ModuleList(ConvUnit(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> the same."""
        h, w = x.shape[-2:]
        total = torch.zeros_like(x)
        for branch, m in zip(self.path_module_list, reversed(pool_counts(min(h, w) // 2)), strict=True):
            pooled = branch(F.avg_pool2d(x, (h // m, w // m)))
            total = total + F.interpolate(pooled, (h, w), mode="bilinear", align_corners=False)
        return F.relu((x + 0.25 * total) / 2)


class Encoder(nn.Module):
    """Features of single frames at 1/4, 1/8, 1/16 and 1/32 with 16, 32, 64 and 128 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet18()
        self.pyramid_pooling = PyramidPooling2d(512)
        self.upconv6 = nn.Sequential(nn.Upsample(scale_factor=2), ConvUnit(512, 256, 3))
        self.iconv5 = ConvUnit(512, 256, 3)
        self.upconv5 = nn.Sequential(nn.Upsample(scale_factor=2), ConvUnit(256, 128, 3))
        self.iconv4 = ConvUnit(256, 128, 3)
        self.upconv4 = nn.Sequential(nn.Upsample(scale_factor=2), ConvUnit(128, 64, 3))
        self.iconv3 = ConvUnit(128, 64, 3)
        self.proj6 = ConvUnit(512, 128, 1)
        self.proj5 = ConvUnit(256, 64, 1)
        self.proj4 = ConvUnit(128, 32, 1)
        self.proj3 = ConvUnit(64, 16, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, 3, H, W) -> maps at 1/4, 1/8, 1/16, 1/32."""
        c3, c4, c5, c6 = self.encoder(x)
        c6 = self.pyramid_pooling(c6)
        c5 = self.iconv5(torch.cat((c5, self.upconv6(c6)), 1))
        c4 = self.iconv4(torch.cat((c4, self.upconv5(c5)), 1))
        c3 = self.iconv3(torch.cat((c3, self.upconv4(c4)), 1))
        return self.proj3(c3), self.proj4(c4), self.proj5(c5), self.proj6(c6)


def conv3d(inner: int, outer: int, kernel: int = 3) -> nn.Sequential:
    """3D convolution without bias, batch norm."""
    conv = nn.Conv3d(inner, outer, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm3d(outer))


class Projection(nn.Module):
    """1x1x1 shortcut, which checkpoints hold as a 2D convolution; frames are laid along the rows for it."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 1, bias=False)
        self.bn = nn.BatchNorm2d(outer)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, H, W) -> (B, C', N, H, W)."""
        b, _, n, h, w = x.shape
        y: Tensor = self.bn(self.conv1(x.flatten(2, 3)))
        return y.view(b, -1, n, h, w)


class Residual3d(nn.Module):
    """Two 3x3x3 convolutions and a shortcut."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.downsample = Projection(inner, outer) if inner != outer else nn.Identity()
        self.conv1 = nn.Sequential(*conv3d(inner, outer), nn.ReLU())
        self.conv2 = conv3d(outer, outer)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, H, W) -> (B, C', N, H, W)."""
        return F.relu(self.conv2(self.conv1(x)) + self.downsample(x))


class Decoder(nn.Module):
    """One scale of the 3D part: residual blocks, pooling (coarse scales), scores, and features for the finer scale."""

    def __init__(self, inner: int, channels: int, *, up: bool, pool: bool) -> None:
        super().__init__()
        self.convs = nn.Sequential(Residual3d(inner, channels), Residual3d(channels, channels))
        self.pool_convs = nn.ModuleList(conv3d(channels, channels, 1) for _ in range(4)) if pool else None
        self.classify = nn.Sequential(
            conv3d(channels, channels), nn.ReLU(), nn.Sequential(nn.Conv3d(channels, 1, 3, padding=1))
        )
        self.up = (
            nn.Sequential(
                nn.Upsample(scale_factor=(1, 2, 2), mode="trilinear", align_corners=False),
                conv3d(channels, channels // 2),
                nn.ReLU(),
            )
            if up
            else None
        )

    def forward(self, volume: Tensor) -> Tensor:
        """(B, C, N, h, w) -> features of this scale, (B, C', N, h, w)."""
        x: Tensor = self.convs(volume)
        return x if self.pool_convs is None else self._pooled(x)

    def scores(self, features: Tensor) -> Tensor:
        """Features -> scores of the frames, (B, N, h, w)."""
        scores: Tensor = self.classify(features)
        return scores.squeeze(1)

    def _pooled(self, x: Tensor) -> Tensor:
        """Add four poolings over frames and pixels; branch 0 pools over everything, unlike in 2D."""
        n, h, w = x.shape[2:]
        total = torch.zeros_like(x)
        for branch, m in zip(self.pool_convs or (), pool_counts(min(n, h, w) // 2), strict=True):
            pooled = branch(F.avg_pool3d(x, (n // m, h // m, w // m)))
            total = total + F.interpolate(pooled, (n, h, w), mode="trilinear", align_corners=False)
        return F.relu((x + 0.25 * total) / 2)


def differential(volume: Tensor) -> Tensor:
    """Replace every frame of (B, C, N, h, w) by its difference to the next; the last stays."""
    return torch.cat((volume[:, :, :-1] - volume[:, :, 1:], volume[:, :, -1:]), 2)


class Dfv(FocusNet):
    """The network; `options.level` counts the scales of the 3D part, `options.differential` tells DFV from FV."""

    def __init__(self, options: DfvOptions) -> None:
        super().__init__(options)
        self.differential = options.differential
        self.feature_extraction = Encoder()
        self.decoders = tuple(f"decoder{3 + k}" for k in range(options.level))
        coarser = 0
        for k in reversed(range(options.level)):
            own = _VOLUME_CHANNELS[k]
            channels = max(32, own) if options.level > 1 else own
            made = Decoder(own + coarser, channels, up=k > 0, pool=k > 1)
            setattr(self, self.decoders[k], made)
            coarser = channels // 2
        init_3d(self)

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`."""
        b, _, _, height, width = frames.shape
        maps = self.feature_extraction(frames.flatten(0, 1))
        volumes = [m.unflatten(0, (b, -1)).transpose(1, 2) for m in maps[: len(self.decoders)]]
        if self.differential:
            volumes = [differential(v) for v in volumes]
        scales = []
        coarser: Tensor | None = None
        for k in reversed(range(len(self.decoders))):
            decoder: Decoder = self.get_submodule(self.decoders[k])  # type: ignore[assignment]
            volume = volumes[k] if coarser is None else torch.cat((coarser, volumes[k]), 1)
            features = decoder(volume)
            if k == 0 or self.every_scale:
                scales.append(softmax_scale(decoder.scores(features), focus, frame_valid, height, width))
            coarser = features if decoder.up is None else decoder.up(features)
        return NetOutput(tuple(reversed(scales)))

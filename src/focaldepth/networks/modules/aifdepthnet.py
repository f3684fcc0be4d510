"""AiFDepthNet: an Inception encoder and a decoder of 3D convolutions make scores, the scores make an attention.

Source: Wang et al., "Bridging unsupervised and supervised depth from focus via all-in-focus supervision", ICCV 2021;
layers and key names as the official code has them. The 2D network stands in the paper only (supplement, table 3) and is
read here as the same network without extent along the frames: all layers frame by frame, attention over frames.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.networks._blocks import expected, masked, normalised_softplus, spread
from focaldepth.networks._net import FocusNet, NetOutput, Scale
from focaldepth.networks.aifdepthnet import AifDepthNetOptions


def cube(side: int, dims: int) -> tuple[int, int, int]:
    """Extent of a kernel along frames, rows and columns; in 2D it is 1 along the frames."""
    return (side if dims == 3 else 1, side, side)


def padding(side: int, dims: int) -> tuple[int, int, int]:
    """What keeps the size under a kernel of odd side."""
    return (side // 2 if dims == 3 else 0, side // 2, side // 2)


class ConvUnit(nn.Module):
    """Convolution with bias, batch norm, ReLU."""

    def __init__(self, inner: int, outer: int, side: int, dims: int, stride: int = 1) -> None:
        super().__init__()
        conv = nn.Conv3d(inner, outer, cube(side, dims), (1, stride, stride), padding(side, dims))
        self.conv3d = nn.Sequential(conv, nn.BatchNorm3d(outer), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, H, W) -> (B, C', N, H / stride, W / stride)."""
        y: Tensor = self.conv3d(x)
        return y


class Mixed(nn.Module):
    """Inception block: one 1x1x1 convolution, two with a 3x3x3 after it, and a pooling, side by side.

    Args:
        inner: channels in.
        plain, pooled: channels of the first and of the last branch.
        middle, small: channels of the second and third branch between and after their convolutions.
        dims: 3 or 2.
    """

    def __init__(
        self, inner: int, plain: int, middle: tuple[int, int], small: tuple[int, int], pooled: int, dims: int
    ) -> None:
        super().__init__()
        self.dims = dims
        self.branch0 = ConvUnit(inner, plain, 1, dims)
        self.branch1_0 = ConvUnit(inner, middle[0], 1, dims)
        self.branch1_1 = ConvUnit(*middle, 3, dims)
        self.branch2_0 = ConvUnit(inner, small[0], 1, dims)
        self.branch2_1 = ConvUnit(*small, 3, dims)
        self.branch3_1 = ConvUnit(inner, pooled, 1, dims)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, h, w) -> (B, plain + middle + small + pooled, N, h, w)."""
        around = F.max_pool3d(x, cube(3, self.dims), 1, padding(3, self.dims))
        branches = (
            self.branch0(x),
            self.branch1_1(self.branch1_0(x)),
            self.branch2_1(self.branch2_0(x)),
            self.branch3_1(around),
        )
        return torch.cat(branches, 1)


def doubling(inner: int, outer: int, dims: int) -> nn.ConvTranspose3d:
    """Transposed convolution that doubles H and W."""
    extent = (3, 4, 4) if dims == 3 else (1, 4, 4)
    return nn.ConvTranspose3d(inner, outer, extent, (1, 2, 2), padding(3, dims))


class UpUnit(nn.Module):
    """Doubling, batch norm, ReLU, and one more convolution."""

    def __init__(self, inner: int, middle: int, outer: int, dims: int) -> None:
        super().__init__()
        self.trans3d = nn.Sequential(
            doubling(inner, middle, dims), nn.BatchNorm3d(middle), nn.ReLU(), ConvUnit(middle, outer, 3, dims)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, h, w) -> (B, C', N, 2h, 2w)."""
        y: Tensor = self.trans3d(x)
        return y


def halved(x: Tensor) -> Tensor:
    """Largest of 3x3 pixels at every second pixel of (B, C, N, h, w)."""
    return F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))


def with_index(x: Tensor) -> Tensor:
    """Append the number of the frame over their count, 1/N to 1, to (B, C, N, H, W) as a channel."""
    b, _, n, h, w = x.shape
    index = torch.arange(1, n + 1, device=x.device, dtype=x.dtype) / n
    return torch.cat((x, index.view(1, 1, n, 1, 1).expand(b, 1, n, h, w)), 1)


class AifDepthNet(FocusNet):
    """The network; see `AifDepthNetOptions` for its variants.

    Extras: `logits` (B, heads, N, H, W), the output of the last convolution; `all_in_focus_probability` (B, N, H, W),
    the weights of the frames in the picture, absent where it is regressed directly.
    """

    options: AifDepthNetOptions

    def __init__(self, options: AifDepthNetOptions) -> None:
        super().__init__(options)
        dims = options.dims
        self.conv3d_1a = ConvUnit(4 if options.index_channel else 3, 64, 7, dims, stride=2)
        self.conv3d_2b = ConvUnit(64, 64, 1, dims)
        self.conv3d_2c = ConvUnit(64, 192, 3, dims)
        self.Mixed_3b = Mixed(192, 64, (96, 128), (16, 32), 32, dims)
        self.Mixed_3c = Mixed(256, 128, (128, 192), (32, 96), 64, dims)
        self.Mixed_4b = Mixed(480, 192, (96, 208), (16, 48), 64, dims)
        self.Mixed_4c = Mixed(512, 160, (112, 224), (24, 64), 64, dims)
        self.Mixed_4d = Mixed(512, 128, (128, 256), (24, 64), 64, dims)
        self.Mixed_4e = Mixed(512, 112, (144, 288), (32, 64), 64, dims)
        self.Mixed_4f = Mixed(528, 256, (160, 320), (32, 128), 128, dims)
        self.Mixed_5b = Mixed(832, 256, (160, 320), (32, 128), 128, dims)
        self.Mixed_5c = Mixed(832, 384, (192, 384), (48, 128), 128, dims)
        self.up_5c = UpUnit(1024, 64, 64, dims)
        self.up_4f = ConvUnit(832, 64, 1, dims)
        self.up_5c4f = UpUnit(128, 64, 64, dims)
        self.up_3c = ConvUnit(480, 64, 1, dims)
        self.up_5c4f3c = UpUnit(128, 32, 32, dims)
        self.up_2c = ConvUnit(192, 32, 1, dims)
        self.up_5c4f3c2c = UpUnit(64, 32, 16, dims)
        self.up_1a = ConvUnit(64, 16, 1, dims)
        self.final_up = doubling(32, 32, dims)
        self.out = nn.Conv3d(32, options.heads, cube(3, dims), padding=padding(3, dims))
        if options.direct_frames:
            self.d_out = nn.Conv2d(options.direct_frames, 1, 1)
            picture = nn.Conv2d(options.direct_frames, 3, 1)
            self.AiF_out = nn.Sequential(picture, nn.Sigmoid())
            nn.init.xavier_uniform_(self.d_out.weight)
            nn.init.xavier_uniform_(picture.weight)

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`."""
        volume, normalised = frames.transpose(1, 2), self.options.normalised
        logits = self._scores(with_index(volume) if self.options.index_channel else volume)
        if self.options.direct_frames:
            return self._direct(logits, frame_valid)
        depth_scores, picture_scores = logits[:, 0], logits[:, -1]
        probability = weights = self._attention(masked(depth_scores, frame_valid), normalised)
        shared = self.options.heads == 1
        if normalised or not shared:
            # Shared scores make the picture by softmax even where they make depth by normalised softplus.
            weights = self._attention(masked(picture_scores, frame_valid), normalised and not shared)
        depth = expected(probability, focus)
        return NetOutput(
            (Scale(depth, depth_scores, probability, spread(probability, focus, depth)),),
            all_in_focus=(weights[:, :, None] * frames).sum(1),
            extras={"logits": logits, "all_in_focus_probability": weights},
        )

    def _scores(self, x: Tensor) -> Tensor:
        """(B, C, N, H, W) -> (B, heads, N, H, W)."""
        half = self.conv3d_1a(x)
        quarter = self.conv3d_2c(self.conv3d_2b(halved(half)))
        eighth = self.Mixed_3c(self.Mixed_3b(halved(quarter)))
        sixteenth = self.Mixed_4c(self.Mixed_4b(halved(eighth)))
        sixteenth = self.Mixed_4f(self.Mixed_4e(self.Mixed_4d(sixteenth)))
        coarsest = self.Mixed_5c(self.Mixed_5b(F.max_pool3d(sixteenth, (1, 2, 2))))
        y = torch.cat((self.up_5c(coarsest), self.up_4f(sixteenth)), 1)
        y = torch.cat((self.up_5c4f(y), self.up_3c(eighth)), 1)
        y = torch.cat((self.up_5c4f3c(y), self.up_2c(quarter)), 1)
        y = torch.cat((self.up_5c4f3c2c(y), self.up_1a(half)), 1)
        logits: Tensor = self.out(self.final_up(y))
        return logits

    @staticmethod
    def _attention(scores: Tensor, normalised: bool) -> Tensor:
        """(B, N, H, W) scores -> weights that sum to 1 over N."""
        return normalised_softplus(scores) if normalised else scores.softmax(1)

    def _direct(self, logits: Tensor, frame_valid: Tensor | None) -> NetOutput:
        """Regress depth and picture from the scores of all frames; a frame that does not count has scores 0."""
        counted = logits
        if frame_valid is not None:
            counted = logits.masked_fill(~frame_valid[:, None, :, None, None], 0.0)
        depth, picture = self.d_out(counted[:, 0]), self.AiF_out(counted[:, -1])
        return NetOutput((Scale(depth),), all_in_focus=picture, extras={"logits": logits})

"""Frames aligned by a network, then depth, in one: "in the wild" end to end.

Source: Won and Jeon, "Learning depth from focus in the wild", ECCV 2022 (section 3.1, figure 3); details and key names
as the official code has them. Known differences from that code, where it computes something else only by accident:
any number of frames (its pooling is written for ten), and stacks of a batch do not mix (it gives all of them the zoom
of the first).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.core.errors import StackError
from focaldepth.networks._blocks import init_3d
from focaldepth.networks._net import FocusNet, NetOutput
from focaldepth.networks.dff_in_the_wild_e2e import EndToEndOptions
from focaldepth.networks.modules.dff_in_the_wild import DepthNet, conv_bn, regress

_CHANNELS = 8
_ZOOM_STEP = 1e-3
"""The zoom that a head finds is scaled by this; in the code only."""


def flow(coefficients: Tensor, field_of_view: Tensor, height: int, width: int) -> Tensor:
    """Return how far each pixel of the aligned frame lies from where it is read, (B, 2, N, H, W): x and y in pixels.

    The three bases of section 3.1: a flow that spreads out from the centre, and shifts along x and y.

    Args:
        coefficients: (B, N, 3) zoom to add to the field of view, shift in x and in y in pixels of this size.
        field_of_view: (B, N) relative field of view, 1 for the frame that shows least (equation 1).
        height, width: size of the pictures.
    """
    zoom = (field_of_view + coefficients[..., 0] - 1)[:, :, None, None]
    # Not by linspace, whose length would be a fixed number in exported files.
    x = torch.arange(width, device=zoom.device, dtype=zoom.dtype) * (2 / (width - 1)) - 1
    y = torch.arange(height, device=zoom.device, dtype=zoom.dtype)[:, None] * (2 / (height - 1)) - 1
    shift = coefficients[..., 1:, None, None]
    along_x = (width // 2) * zoom * x + shift[:, :, 0]
    along_y = (height // 2) * zoom * y + shift[:, :, 1]
    return torch.stack((along_x.expand(-1, -1, height, -1), along_y.expand(-1, -1, -1, width)), 1)


def warp(volume: Tensor, moved: Tensor) -> Tensor:
    """Read each frame of (B, C, N, H, W) where `flow` says, bilinearly; 0 outside of the picture."""
    b, c, n, h, w = volume.shape
    x = torch.arange(w, device=volume.device) - moved[:, 0]
    y = torch.arange(h, device=volume.device)[:, None] - moved[:, 1]
    grid = torch.stack((2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1), -1).flatten(0, 1)
    frames = F.grid_sample(volume.transpose(1, 2).flatten(0, 1), grid, align_corners=True)
    return frames.view(b, n, c, h, w).transpose(1, 2)


def as_coefficients(found: Tensor) -> Tensor:
    """Return what a head found, (B, N, 3), as it is added to the coefficients."""
    return torch.cat((_ZOOM_STEP * found[..., :1], found[..., 1:]), -1)


class FrameResidual(nn.Module):
    """Residual block of single frames with a 1x1 shortcut; halves the pictures where asked."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        steps = (1, stride, stride)
        self.feature = nn.Conv3d(inner, outer, 1, steps, bias=False)
        self.conv = nn.Sequential(conv_bn(inner, outer, (1, 3, 3), steps), nn.ReLU(), conv_bn(outer, outer, (1, 3, 3)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, H, W) -> (B, C', N, H / stride, W / stride)."""
        return F.relu(self.feature(x) + self.conv(x))


def features(inner: int, outer: int, stride: int) -> nn.Sequential:
    """One level of the encoder."""
    return nn.Sequential(FrameResidual(inner, outer, stride), FrameResidual(outer, outer, 1))


def head(channels: int) -> nn.Sequential:
    """Convolutions of one level of the decoder; their mean over the picture is what is added to the coefficients."""
    inner, kernel = channels + 2, (1, 3, 3)
    return nn.Sequential(
        conv_bn(inner, channels, kernel), nn.ReLU(),
        conv_bn(channels, channels, kernel), nn.ReLU(),
        conv_bn(channels, channels, kernel), nn.ReLU(),
        nn.Conv3d(channels, 3, kernel, padding=(0, 1, 1)),
    )  # fmt: skip


class AlignmentNet(nn.Module):
    """Finds zoom and shift of each frame against the last, coarse to fine (figure 3)."""

    def __init__(self) -> None:
        super().__init__()
        c = _CHANNELS
        self.OF_feature = features(3, c, 1)
        self.OF_feature1 = features(c, 2 * c, 2)
        self.OF_feature2 = features(2 * c, 4 * c, 2)
        self.conv1 = head(8 * c)
        self.conv2 = head(4 * c)
        self.conv3 = head(2 * c)

    def forward(self, x: Tensor, field_of_view: Tensor) -> list[Tensor]:
        """Return coefficients (B, N, 3) as `flow` takes them after each scale: 1/4, 1/2, full size.

        A shift found at a coarse scale counts as as many pixels of the next one: the official code does not rescale,
        so the trained heads expect that.

        Args:
            x: (B, 3, N, H, W), the frame with the smallest field of view last.
            field_of_view: (B, N) as `flow` takes it.
        """
        full = self.OF_feature(x)
        half = self.OF_feature1(full)
        quarter = self.OF_feature2(half)
        total = x.new_zeros(*field_of_view.shape, 3)
        found = []
        for volume, find in ((quarter, self.conv1), (half, self.conv2), (full, self.conv3)):
            moved = flow(total, field_of_view, *volume.shape[-2:])
            warped = warp(volume, moved)
            target = warped[:, :, -1:].expand_as(warped)
            step = find(torch.cat((target, warped, moved), 1)).mean((3, 4)).transpose(1, 2)
            total = total + as_coefficients(step)
            found.append(total)
        return found


def field_of_view_in(extra: Mapping[str, Tensor], focus: Tensor) -> Tensor:
    """Return the input `field_of_view` of the network; raises StackError where it is missing or has another shape."""
    found = extra.get("field_of_view")
    if found is None or found.shape != focus.shape:
        raise StackError(
            "frames cannot be aligned without the field of view of each.",
            hint=f"Give field_of_view of shape {tuple(focus.shape)}: 1 for the frame that shows least.",
        )
    return found


def extras_of(aligned: Tensor, coefficients: list[Tensor], every_scale: bool) -> dict[str, Tensor]:
    """Return the aligned frames and the last coefficients by name, and those after 1/4 and 1/2 on request."""
    coarser = zip(("coefficients_quarter", "coefficients_half"), coefficients[:-1], strict=False)
    return {"aligned": aligned, "coefficients": coefficients[-1], **dict(coarser if every_scale else ())}


class EndToEnd(FocusNet):
    """The network; `options.alignment` leaves the field of view alone to align the frames (table 4)."""

    options: EndToEndOptions

    def __init__(self, options: EndToEndOptions) -> None:
        super().__init__(options)
        self.DFF_net = DepthNet(options)
        if options.alignment == "network":
            self.optical_flow_aggregation = AlignmentNet()
            init_3d(self.optical_flow_aggregation)

    def coefficients(self, x: Tensor, field_of_view: Tensor) -> list[Tensor]:
        """Return zoom and shift of each frame after each scale, (B, N, 3); see `AlignmentNet.forward`."""
        if self.options.alignment != "network":
            return [x.new_zeros(*field_of_view.shape, 3)]
        found: list[Tensor] = self.optical_flow_aggregation(x, field_of_view)
        return found

    def fast_form(self, *, bfloat16: bool = False) -> FocusNet:
        """See `FocusNet.fast_form`."""
        from focaldepth.networks._rows_in_the_wild_e2e import EndToEndRows

        return EndToEndRows(self, torch.bfloat16 if bfloat16 else torch.float32)

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`; extras hold the aligned frames (B, N, 3, H, W) and the coefficients (B, N, 3).

        `field_of_view` (B, N) is the relative field of view of each frame, 1 for the last, which the others are
        aligned to; frames run from far to near.
        """
        field_of_view = field_of_view_in(extra, focus)
        x, size = frames.transpose(1, 2), frames.shape[-2:]
        found = self.coefficients(x, field_of_view)
        aligned = warp(x, flow(found[-1], field_of_view, *size))
        scores = self.DFF_net(aligned, self.every_scale)
        scales = tuple(regress(s, focus, frame_valid, *size) for s in scores)
        return NetOutput(scales, extras=extras_of(aligned.transpose(1, 2), found, self.every_scale))

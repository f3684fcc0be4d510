"""The alignment network of "in the wild" for inference on processors, and the end-to-end network with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.networks._net import FocusNet, NetOutput
from focaldepth.networks._rows import Conv, Held, Layer, Map, Rows, Window, folded, rows_first, stored, whole
from focaldepth.networks._rows_in_the_wild import DepthRows, band_of, layers
from focaldepth.networks.modules.dff_in_the_wild import regress
from focaldepth.networks.modules.dff_in_the_wild_e2e import (
    AlignmentNet,
    EndToEnd,
    FrameResidual,
    as_coefficients,
    extras_of,
    field_of_view_in,
)


@dataclass(frozen=True)
class Motion:
    """Zoom and shift of each frame at one scale.

    Attributes:
        zoom: (B, N) enlargement about the centre, 0 for none.
        shift: (B, N, 2) along x and y in pixels.
    """

    zoom: Tensor
    shift: Tensor

    @classmethod
    def of(cls, coefficients: Tensor, field_of_view: Tensor) -> Motion:
        """Take what `flow` of the reference takes."""
        return cls(field_of_view + coefficients[..., 0] - 1, coefficients[..., 1:])

    def last(self) -> Motion:
        """Return that of the last frame alone."""
        return Motion(self.zoom[:, -1:], self.shift[:, -1:])

    @property
    def weights(self) -> Tensor:
        """(B, N, 3): how much of each plane of `bases` is in the flow of a frame."""
        return torch.cat((self.zoom[..., None], self.shift), -1)


def bases(height: int, width: int, like: Tensor) -> Tensor:
    """Return the flows of unit zoom, unit shift along x and along y, as three frames: (1, 2, H, 3, W)."""
    x = (width // 2) * torch.linspace(-1, 1, width, dtype=like.dtype, device=like.device).expand(height, width)
    y = (height // 2) * torch.linspace(-1, 1, height, dtype=like.dtype, device=like.device)[:, None].expand_as(x)
    one, none = torch.ones_like(x), torch.zeros_like(x)
    planes = torch.stack((torch.stack((x, one, none), 1), torch.stack((y, none, one), 1)))
    return planes[None].contiguous(memory_format=torch.channels_last_3d)


@dataclass(frozen=True)
class Warped:
    """`warp` of the reference: frames read where their motion says."""

    source: Tensor
    motion: Motion

    @property
    def height(self) -> int:
        """See `Rows`."""
        return self.source.shape[2]

    def read(self, start: int, stop: int) -> Tensor:
        """See `Rows`."""
        b, c, h, n, w = self.source.shape
        zoom, shift = self.motion.zoom[:, :, None], self.motion.shift[..., None]
        across = torch.linspace(-1, 1, w, dtype=zoom.dtype, device=zoom.device)
        down = torch.linspace(-1, 1, h, dtype=zoom.dtype, device=zoom.device)[start:stop]
        x = torch.arange(w, device=zoom.device) - ((w // 2) * zoom * across + shift[:, :, 0])
        y = torch.arange(start, stop, device=zoom.device) - ((h // 2) * zoom * down + shift[:, :, 1])
        x, y = 2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1
        x, y = x[:, :, None].expand(-1, -1, stop - start, -1), y[..., None].expand(-1, -1, -1, w)
        grid = torch.stack((x, y), -1).flatten(0, 1)
        frames = self.source.permute(0, 3, 1, 2, 4).flatten(0, 1)
        made = F.grid_sample(frames, grid.to(frames.dtype), align_corners=True)
        return rows_first(made.view(b, n, c, stop - start, w).transpose(1, 2))


class ResidualRows:
    """`FrameResidual`."""

    def __init__(self, net: FrameResidual) -> None:
        self.shortcut = Layer(net.feature)
        self.first, self.second = layers(net.conv, relu=True)

    def __call__(self, source: Rows) -> Rows:
        """Return the block's volume."""
        step = self.first.stride[0]
        return Window(self._rows, source, step, 1 + step)

    def _rows(self, x: Held, start: int, stop: int) -> Tensor:
        return Conv(self.second, Conv(self.first, x), plus=Conv(self.shortcut, x)).read(start, stop)


def parts(conv: nn.Conv3d, norm: nn.BatchNorm3d, channels: list[int]) -> list[nn.Conv3d]:
    """Split a convolution and its norm by its input channels; what the parts make adds up to what it makes."""
    weight, bias = folded(conv, norm)
    made: list[nn.Conv3d] = []
    for piece in torch.split(weight, channels, 1):
        part = nn.Conv3d(piece.shape[1], conv.out_channels, piece.shape[2:], padding=conv.padding)  # type: ignore[arg-type]
        part.weight = nn.Parameter(piece, False)
        part.bias = nn.Parameter(torch.zeros_like(bias) if made else bias, False)
        made.append(part)
    return made


class HeadRows:
    """One `head` and the mean over the picture after it.

    Its first layer is linear in the target frame, in the warped frame and in the flow: the target is convolved once
    and not once per frame, and of the flow only the three bases are. Of its last layer only the mean is wanted, which
    the sums of what it reads give.
    """

    def __init__(self, net: Any) -> None:
        conv, norm = net[0]
        c = conv.in_channels // 2 - 1
        target, own, flow = parts(conv, norm, [c, c, 2])
        self.target, self.own, self.flow = Layer(target), Layer(own, relu=True), Layer(flow)
        self.inner = [*layers(net[2], relu=True), *layers(net[4], relu=True)]
        self.weight, self.bias = net[6].weight.detach()[:, :, 0], net[6].bias.detach()

    def __call__(self, volume: Tensor, motion: Motion, band: int) -> Tensor:
        """Return zoom, x and y of each frame, (B, N, 3), for features (B, C, H, N, W)."""
        h, w = volume.shape[2], volume.shape[4]
        target = Conv(self.target, Warped(volume[:, :, :, -1:], motion.last()))
        planes = Conv(self.flow, whole(bases(h, w, volume)))
        weights = motion.weights.to(volume.dtype)
        known = Map(lambda base, flows: with_flow(base, flows, weights), (target, planes))
        y: Rows = Conv(self.own, Warped(volume, motion), plus=known)
        for layer in self.inner:
            y = Conv(layer, y)
        sums = seen(seen_in_rows(y, band), -1)
        found: Tensor = torch.einsum("ocyx,xybcn->bno", self.weight, sums) / (h * w) + self.bias
        return found


def with_flow(base: Tensor, flows: Tensor, weights: Tensor) -> Tensor:
    """Return base (B, C, H, 1, W) plus the sum of weights (B, N, 3) times flows (1, C, H, 3, W): (B, C, H, N, W)."""
    b, c, h, _, w = base.shape
    planes = torch.cat((base, flows.expand(b, -1, -1, -1, -1)), 3).permute(0, 2, 3, 4, 1).flatten(3)
    shares = F.pad(weights, (1, 0), value=1.0)[:, None]
    return (shares @ planes).view(b, h, -1, w, c).permute(0, 4, 1, 2, 3)


def seen_in_rows(volume: Rows, band: int) -> Tensor:
    """Return what `seen` does along the rows of a volume, (3, B, C, N, W), without holding it."""
    bands = [(start, min(start + band, volume.height)) for start in range(0, volume.height, band)]
    edges, total = [], torch.zeros(())
    for start, stop in bands:
        rows = volume.read(start, stop)
        b, c, _, n, w = rows.shape
        flat = rows.permute(0, 2, 3, 4, 1).flatten(2)  # summed as it lies in memory, which PyTorch does not see itself
        total = total + flat.sum(1).view(b, n, w, c).permute(0, 3, 1, 2)
        edges += [rows[:, :, 0].clone()] if start == 0 else []
        edges += [rows[:, :, -1].clone()] if stop == volume.height else []
    return torch.stack((total - edges[1], total, total - edges[0]))


def seen(x: Tensor, axis: int) -> Tensor:
    """Return the sums along an axis that the three taps of a padded window see; stacked in front.

    The first tap sees all but the last, the second all, the third all but the first.
    """
    total = x.sum(axis)
    return torch.stack((total - x.select(axis, -1), total, total - x.select(axis, 0)))


class AlignmentRows:
    """`AlignmentNet`."""

    def __init__(self, net: AlignmentNet) -> None:
        scales: list[Any] = [net.OF_feature, net.OF_feature1, net.OF_feature2]
        self.encoder = [[ResidualRows(block) for block in scale] for scale in scales]
        self.heads = [HeadRows(m) for m in (net.conv1, net.conv2, net.conv3)]

    def __call__(self, x: Tensor, field_of_view: Tensor) -> list[Tensor]:
        """See `AlignmentNet.forward`; x is rows-first."""
        band, volumes = band_of(x), [whole(x)]
        for first, second in self.encoder:
            volumes.append(stored(second(first(volumes[-1])), band))
        found = [field_of_view.new_zeros(*field_of_view.shape, 3)]
        for head in self.heads:
            step = head(volumes.pop().tensor, Motion.of(found[-1], field_of_view), band)
            found.append(found[-1] + as_coefficients(step))
        return found[1:]


class EndToEndRows(FocusNet):
    """`EndToEnd` for inference; made from it, and independent of it from then on.

    Args:
        net: the reference.
        dtype: in which the volumes of the depth network are computed. Frames are always aligned in float32: positions
            of pixels need more digits than bfloat16 has.
    """

    def __init__(self, net: EndToEnd, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(net.options)
        self.eval()
        self.every_scale, self.dtype = net.every_scale, dtype
        aligns = net.options.alignment == "network"
        self.alignment = AlignmentRows(net.optical_flow_aggregation) if aligns else None
        self.depth = DepthRows(net.DFF_net)

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`; without gradients."""
        field_of_view, size = field_of_view_in(extra, focus), frames.shape[-2:]
        with torch.inference_mode():
            x = rows_first(frames.transpose(1, 2))
            found = [field_of_view.new_zeros(*focus.shape, 3)]
            if self.alignment is not None:
                found = self.alignment(x, field_of_view)
            aligned = stored(Warped(x, Motion.of(found[-1], field_of_view)), band_of(x)).tensor
            del x
            scores = self.depth(aligned.to(self.dtype), self.every_scale)
            scales = tuple(regress(s, focus, frame_valid, *size) for s in scores)
        return NetOutput(scales, extras=extras_of(aligned.permute(0, 3, 1, 2, 4), found, self.every_scale))

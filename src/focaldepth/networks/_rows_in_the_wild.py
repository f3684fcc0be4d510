"""The networks of "in the wild" for inference on processors: the same numbers, computed by bands of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.networks._net import FocusNet, NetOutput
from focaldepth.networks._rows import (
    Conv,
    Held,
    Layer,
    Map,
    Pooled,
    Rows,
    Up,
    Window,
    folded,
    frames_first,
    halved,
    rows_first,
    stored,
    whole,
)
from focaldepth.networks.modules.dff_in_the_wild import (
    Aggregation,
    DepthNet,
    Downsampling,
    Hourglass,
    InTheWild,
    SharpRegionDetector,
    regress,
)

_CHANNELS = 8
BAND_BYTES = 8 * 2**20
"""What is computed at once, of a volume: at every scale its rows are about equally long."""
_LEAST_ROWS = 8


def band_of(x: Tensor) -> int:
    """Return how many rows of any volume to compute at once, for frames (B, 3, H, N, W)."""
    return max(_LEAST_ROWS, BAND_BYTES // (x[0, 0, 0].numel() * _CHANNELS * x.element_size()))


def layers(sequence: nn.Module, *, relu: bool = False) -> list[Layer]:
    """Return the layers of convolutions, norms and ReLUs in a row, however nested; `relu`: one more comes at last."""
    flat: list[Any] = [m for m in sequence.modules() if not isinstance(m, nn.Sequential)]
    convs = [i for i, m in enumerate(flat) if isinstance(m, nn.Conv3d | nn.ConvTranspose3d)]
    made = []
    for i, after in zip(convs, [*convs[1:], len(flat)], strict=True):
        norm = next((m for m in flat[i:after] if isinstance(m, nn.BatchNorm3d)), None)
        active = any(isinstance(m, nn.ReLU) for m in flat[i:after]) or (relu and after == len(flat))
        made.append(Layer(flat[i], norm, relu=active))
    return made


def chain(convs: list[Layer], source: Rows) -> Rows:
    """Do convolutions one after the other."""
    for layer in convs:
        source = Conv(layer, source)
    return source


def added(convs: list[Layer], sources: Sequence[Rows]) -> Rows:
    """Do one convolution of each source and add them up; the ReLU of the last one follows."""
    first, *rest = (Conv(layer, source) for layer, source in zip(convs, sources, strict=True))
    total = first
    for one in rest:
        total = replace(one, plus=total)
    return total


def mean(a: Tensor, b: Tensor) -> Tensor:
    """Return (a + b) / 2."""
    return torch.add(a, b).mul_(0.5)


def joined(*volumes: Tensor) -> Tensor:
    """Concatenate channels."""
    return torch.cat(volumes, 1)


class DetectorRows:
    """`SharpRegionDetector` or `PlainDetector`."""

    def __init__(self, net: Any) -> None:
        self.first, self.second = layers(net.Focus_Measure.conv, relu=True)
        self.attention = layers(net.N_ch_attention) if isinstance(net, SharpRegionDetector) else []

    def __call__(self, source: Rows) -> Rows:
        """Return the detector's volume."""
        return Window(self._rows, source, 1, 2)

    def _rows(self, x: Held, start: int, stop: int) -> Tensor:
        y = Conv(self.second, Conv(self.first, x), plus=x).read(start, stop)
        if not self.attention:
            return y
        along_frames, mix = self.attention
        return y.add_(mix(along_frames(y)))


class DownsamplingRows:
    """`Downsampling`."""

    _POOLINGS: ClassVar[dict[str, Callable[[Tensor], Tensor]]] = {
        "max_pooling": lambda x: halved(x, torch.maximum),
        "average_pooling": lambda x: halved(x, mean),
        "max_pooling_3d": lambda x: F.max_pool3d(halved(x, torch.maximum), (1, 3, 1), 1, (0, 1, 0)),
    }

    def __init__(self, net: Downsampling) -> None:
        branches = list(net.named_children())[::-1]
        self.branches = [
            (self._POOLINGS.get(name), layers(branch, relu=branch is branches[-1][1])[0]) for name, branch in branches
        ]

    def __call__(self, source: Rows) -> Rows:
        """Return the volume of half the size."""
        return Window(self._rows, source, 2, 2)

    def _rows(self, x: Held, start: int, stop: int) -> Tensor:
        sources = [x if pool is None else Pooled(pool, x, 2) for pool, _ in self.branches]
        return added([layer for _, layer in self.branches], sources).read(start, stop)


class AggregationRows:
    """`Aggregation`."""

    def __init__(self, net: Aggregation) -> None:
        self.branches = [
            (layers(net.dres8_0), layers(net.dres8_1)),
            (layers(net.dres16_0), layers(net.dres16_1)),
            (layers(net.dres32_0), layers(net.dres32_1)),
        ]
        self.down = [Layer(net.conv1), Layer(net.conv3)]
        self.merge = [layers(net.combine1) + layers(net.conv2), layers(net.combine2) + layers(net.conv4)]
        self.up = layers(net.conv8) + layers(net.conv9)
        # The sum of two linear layers is the activation's input: it goes with the second of them.
        self.across = layers(net.redir2, relu=True) + layers(net.redir1, relu=True)

    def __call__(self, source: Rows, band: int) -> Held:
        """Return the volume at 1/8 of the picture for that at 1/4."""
        at: list[Held] = []
        for before, residual in self.branches:
            # The mean of a window of 4 or 8 is that of the means of its quarters.
            source = stored(Pooled(lambda x: halved(x, mean), source, 2), band)
            x = stored(chain(before, source), band)
            at.append(stored(Conv(residual[1], Conv(residual[0], x), plus=x), band))
        for k in (1, 2):
            both = Map(joined, (Conv(self.down[k - 1], at[k - 1]), at[k]))
            at[k] = stored(chain(self.merge[k - 1], both), band)
        for k in (1, 0):
            at[k] = stored(Conv(self.across[1 - k], at[k], plus=Up(self.up[1 - k], at[k + 1])), band)
        return at[0]


class HourglassRows:
    """`Hourglass`, but for its last layer; `last`: nobody needs its first features."""

    def __init__(self, net: Hourglass, *, last: bool = False) -> None:
        self.last = last
        (self.first,) = layers(net.conv0)
        self.inner = layers(net.conv1) + layers(net.conv2, relu=True)
        self.deepest = layers(net.conv3) + layers(net.conv4)
        (self.up,) = layers(net.conv5)

    def __call__(self, x: Rows, sides: tuple[Rows, Held] | None, band: int) -> tuple[Rows, Rows]:
        """Return what `Hourglass.conv6` enlarges, and the first features; the second of `sides` is written over."""
        first: Rows = Conv(self.first, x)
        first = first if self.last else stored(first, band)
        down, mix = self.inner
        if sides is None:
            inner = stored(Conv(mix, Conv(down, first)), band)
            side: Rows = inner
        else:
            side, out = sides
            inner = stored(Conv(mix, Conv(down, first), plus=out), band // 2, into=out)
        deepest = stored(chain(self.deepest, inner), band)
        return Map(lambda up, more: up.add_(more).relu_(), (Up(self.up, deepest), side)), first


class LastScores:
    """Scores of the sum of volumes that are enlarged before: all of that is linear, so it is one layer per volume."""

    def __init__(self, ups: list[nn.Sequential], classify: nn.Conv3d) -> None:
        self.layers = [Layer(quarters(up, classify)) for up in ups]

    def __call__(self, volumes: Sequence[Rows], band: int) -> Tensor:
        """(B, C, H, N, W) each -> (B, 1, 2 H, N, 2 W)."""
        y = stored(added(self.layers, volumes), band).tensor[:, :, 1:, :, 1:]
        b, _, h, n, w = y.shape
        return y.reshape(b, 1, 2, 2, h, n, w).permute(0, 1, 4, 2, 5, 6, 3).reshape(b, 1, 2 * h, n, 2 * w)


def quarters(up: nn.Sequential, classify: nn.Conv3d) -> nn.Conv3d:
    """Return what scores the result of `up_bn`, as a convolution of what that enlarges.

    The four pixels that one becomes are its channels. Its window is that pixel and the next, along rows and columns;
    it is padded on both sides, so the first row and the first column of its result mean nothing.
    """
    weight, bias = folded(up[0], up[1])  # type: ignore[arg-type]
    score = classify.weight.detach()[0, :, 0, 0, 0]
    even, odd = ((0, 1, 0), (0, 0, 0)), ((0, 0, 1), (1, 0, 0))  # row 2i reads row i; 2i + 1 reads i, then i + 1
    taps = weight.new_tensor((even, odd))
    made = nn.Conv3d(weight.shape[0], 4, (3, 2, 2), padding=1)
    of_score = torch.einsum("cofhw,o->cfhw", weight, score).flip(1)
    made.weight = nn.Parameter(torch.einsum("cfhw,prh,qsw->pqcfrs", of_score, taps, taps).flatten(0, 1), False)
    made.bias = nn.Parameter((bias @ score).expand(4).clone(), False)
    return made


class DepthRows:
    """`DepthNet`."""

    def __init__(self, net: DepthNet) -> None:
        (self.first,) = layers(net.FM_measure.Focus_extraction[:2])
        self.detectors = [DetectorRows(m[-1]) for m in (net.FM_measure.Focus_extraction, net.FM_conv1, net.FM_conv2)]
        self.downsamplings = [DownsamplingRows(m[0]) for m in (net.FM_conv1, net.FM_conv2)]  # type: ignore[arg-type]
        self.aggregation = AggregationRows(net.SPP_module)
        self.confidence = layers(net.confidence)
        self.between = layers(net.dres0)
        self.ups = [layers(m)[0] for m in (net.deconv_1, net.deconv_2, net.deconv_3)]
        self.hourglasses = [HourglassRows(net.dres2), HourglassRows(net.dres3), HourglassRows(net.dres4, last=True)]
        self.outs = [layers(m)[0] for m in (net.dres2.conv6, net.dres3.conv6)]
        self.classify = [layers(m)[0] for m in (net.classif1, net.classif2)]
        self.last = LastScores([net.deconv_3, net.dres4.conv6], net.classif3[0])  # type: ignore[arg-type]

    def __call__(self, x: Tensor, every_scale: bool) -> list[Tensor]:
        """See `DepthNet.forward`; x is rows-first."""
        band = band_of(x)
        features = self._features(x, band)
        y: Rows = self.aggregation(features[-1], band)
        scores = [chain(self.confidence, y)] if every_scale else []
        y, sides = chain(self.between, y), None
        for k, out in enumerate(self.outs):
            own = features.pop()
            y = stored(Up(self.ups[k], y), band)
            up, first = self.hourglasses[k](Map(joined, (y, own)), sides, band)
            sides = first, stored(Up(out, up), band, into=own)
            y = whole(y.tensor.add_(sides[1].tensor))
            scores += [Conv(self.classify[k], y)] if every_scale else []
        up, _ = self.hourglasses[2](Map(joined, (Up(self.ups[2], y), features.pop())), sides, band)
        last = self.last([y, up], band)
        return [frames_first(s.float())[:, 0] for s in (last, *(s.read(0, s.height) for s in reversed(scores)))]

    def _features(self, x: Tensor, band: int) -> list[Held]:
        """Return the volumes at 1, 1/2 and 1/4 of the picture."""
        found = [stored(self.detectors[0](Conv(self.first, whole(x))), band)]
        for down, detect in zip(self.downsamplings, self.detectors[1:], strict=True):
            found.append(stored(detect(down(found[-1])), band))
        return found


class InTheWildRows(FocusNet):
    """`InTheWild` for inference; made from it, and independent of it from then on.

    Args:
        net: the reference.
        dtype: in which volumes are computed; scores are float32 again.
    """

    def __init__(self, net: InTheWild, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(net.options)
        self.eval()
        self.every_scale, self.dtype = net.every_scale, dtype
        self.depth = DepthRows(net.DFF_net)

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`; without gradients."""
        size = frames.shape[-2:]
        with torch.inference_mode():
            scores = self.depth(rows_first(frames.transpose(1, 2).to(self.dtype)), self.every_scale)
            return NetOutput(tuple(regress(s, focus, frame_valid, *size) for s in scores))

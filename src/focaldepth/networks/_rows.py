"""Volumes computed some rows at a time, so that what lies between two layers stays in the processor's cache.

A rows-first volume is a tensor (B, C, H, N, W), channels last in memory: the frames of a row lie side by side, and
some rows of a single stack are one piece of memory. What makes a volume is a `Rows`: asked for some rows, it asks what
it reads for as many as it needs. Nothing is remembered unless `stored` or `Held.of` says so.

Made for inference on processors: freshly allocated memory costs as much time as a small convolution, and large tensors
are allocated afresh every time, small ones are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Rows(Protocol):
    """Something that can compute rows of a volume.

    Attributes:
        height: number of rows.
    """

    @property
    def height(self) -> int:
        """Number of rows."""

    def read(self, start: int, stop: int) -> Tensor:
        """Return rows start..stop, 0 <= start < stop <= height, (B, C, stop - start, N, W)."""


def rows_first(volume: Tensor) -> Tensor:
    """Return (B, C, N, H, W) as (B, C, H, N, W), channels last."""
    return volume.transpose(2, 3).contiguous(memory_format=torch.channels_last_3d)


def frames_first(volume: Tensor) -> Tensor:
    """Return (B, C, H, N, W) as (B, C, N, H, W), in the usual order of memory."""
    return volume.transpose(2, 3).contiguous()


@dataclass(frozen=True)
class Held:
    """Rows that are in memory: all of a volume, or a window of it.

    Attributes:
        tensor: (B, C, K, N, W).
        height: number of rows of the whole volume.
        first: which row of it the tensor begins with.
    """

    tensor: Tensor
    height: int
    first: int = 0

    @classmethod
    def of(cls, source: Rows, start: int, stop: int) -> Held:
        """Compute those of the rows start..stop that lie in the picture."""
        low, high = max(start, 0), min(stop, source.height)
        return cls(source.read(low, high), source.height, low)

    def read(self, start: int, stop: int) -> Tensor:
        """See `Rows`; a view."""
        return self.tensor[:, :, start - self.first : stop - self.first]


def whole(tensor: Tensor) -> Held:
    """Return a volume that is in memory."""
    return Held(tensor, tensor.shape[2])


def stored(source: Rows, band: int, into: Held | None = None) -> Held:
    """Compute all rows, `band` rows at a time.

    Args:
        source: what to compute.
        band: rows per band.
        into: a volume of the same shape to write over; `source` may read of it only the rows that it returns.
    """
    height = source.height
    if band >= height:
        return whole(source.read(0, height))
    made = source.read(0, band)
    b, c, _, n, w = made.shape
    out = made.new_empty(b, height, n, w, c).permute(0, 4, 1, 2, 3) if into is None else into.tensor
    out[:, :, :band] = made
    del made  # or it would stand beside the next one
    for start in range(band, height, band):
        stop = min(start + band, height)
        out[:, :, start:stop] = source.read(start, stop)
    return whole(out)


@dataclass(frozen=True)
class Map:
    """The same function of the same rows of several volumes; it may overwrite the first, if that is not `Held`."""

    function: Callable[..., Tensor]
    sources: tuple[Rows, ...]

    @property
    def height(self) -> int:
        """See `Rows`."""
        return self.sources[0].height

    def read(self, start: int, stop: int) -> Tensor:
        """See `Rows`."""
        return self.function(*(source.read(start, stop) for source in self.sources))


def halved(x: Tensor, operation: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Merge every two rows, then every two columns: what poolings do, several times as fast for such volumes."""
    x = operation(x[:, :, 0::2], x[:, :, 1::2])
    return operation(x[..., 0::2], x[..., 1::2])


@dataclass(frozen=True)
class Pooled:
    """A pooling whose window is its step: `function` takes `step` times as many rows as it returns."""

    function: Callable[[Tensor], Tensor]
    source: Rows
    step: int

    @property
    def height(self) -> int:
        """See `Rows`."""
        return self.source.height // self.step

    def read(self, start: int, stop: int) -> Tensor:
        """See `Rows`."""
        return self.function(self.source.read(start * self.step, stop * self.step))


@dataclass(frozen=True)
class Window:
    """A block of layers that reads its source several times: those rows are computed once and held.

    Attributes:
        function: (rows of the source, start, stop) -> rows start..stop of the result.
        source: what the block reads.
        step: rows of the source per row of the result.
        reach: rows of the source that are needed above and below.
    """

    function: Callable[[Held, int, int], Tensor]
    source: Rows
    step: int
    reach: int

    @property
    def height(self) -> int:
        """See `Rows`."""
        return self.source.height // self.step

    def read(self, start: int, stop: int) -> Tensor:
        """See `Rows`."""
        held = Held.of(self.source, start * self.step - self.reach, stop * self.step + self.reach)
        return self.function(held, start, stop)


@dataclass(frozen=True)
class Conv:
    """A convolution of another volume; `plus` is added before its activation."""

    layer: Layer
    source: Rows
    plus: Rows | None = None

    @property
    def height(self) -> int:
        """See `Rows`."""
        one = self.layer
        return (self.source.height + 2 * one.padding[0] - one.reach) // one.stride[0] + 1

    def read(self, start: int, stop: int) -> Tensor:
        """See `Rows`."""
        one, source = self.layer, self.source
        pad, step = one.padding[0], one.stride[0]
        low = start * step - pad
        high = low + (stop - start - 1) * step + one.reach
        at_edge = low < 0 or high > source.height
        other = None if self.plus is None else self.plus.read(start, stop)
        x = source.read(max(low, 0), min(high, source.height))
        if not at_edge or (start, stop) == (0, self.height):
            return one(x, other, rows=pad if at_edge else 0)
        # Zeros on both sides, as a layer adds them, are faster than a copy with zeros on one; rows of the result that
        # they spoil on the other side are left out. With a step no lower edge needs zeros, as heights are even.
        surplus = start - max(low, 0) if step == 1 else 0
        return one(x, other, rows=pad, window=slice(surplus, surplus + stop - start))


@dataclass(frozen=True)
class Up:
    """A transposed convolution that doubles rows and columns: kernel 3, stride 2, padding 1, output padding 1.

    Row 2i of the result reads row i, row 2i + 1 reads rows i and i + 1.
    """

    layer: Layer
    source: Rows

    @property
    def height(self) -> int:
        """See `Rows`."""
        return 2 * self.source.height

    def read(self, start: int, stop: int) -> Tensor:
        """See `Rows`."""
        low = start // 2
        made = self.layer(self.source.read(low, min(stop // 2 + 1, self.source.height)), rows=1)
        return made[:, :, start - 2 * low : stop - 2 * low]


class Layer:
    """A convolution with the batch norm and the ReLU after it, for rows-first volumes; in the type of what it reads.

    Args:
        conv: Conv3d or ConvTranspose3d without bias or with, of volumes with frames first.
        norm: the batch norm after it.
        relu: whether a ReLU follows.
    """

    def __init__(
        self, conv: nn.Conv3d | nn.ConvTranspose3d, norm: nn.BatchNorm3d | None = None, *, relu: bool = False
    ) -> None:
        self.transposed = isinstance(conv, nn.ConvTranspose3d)
        weight, bias = folded(conv, norm)
        self.relu = relu
        self.stride, self.padding, self.dilation, self.output_padding = (
            swapped(numbers) for numbers in (conv.stride, conv.padding, conv.dilation, conv.output_padding)
        )
        weight = weight.transpose(2, 3)
        self.reach = self.dilation[0] * (weight.shape[2] - 1) + 1
        self.pairs = not self.transposed and _pairs(weight, self.stride, self.dilation)
        if self.pairs:
            weight, bias, self.stride = paired(weight), bias.repeat(2), (self.stride[0], self.stride[1], 2)
        self._numbers = {weight.dtype: (weight.contiguous(memory_format=torch.channels_last_3d), bias)}

    def __call__(self, x: Tensor, plus: Tensor | None = None, *, rows: int = 0, window: slice | None = None) -> Tensor:
        """Convolve rows-first volumes.

        Args:
            x: (B, C, H, N, W).
            plus: what is added before the ReLU, of the shape of the result.
            rows: so many rows of zeros are above and below x.
            window: which rows of the result are wanted; None = all.
        """
        padding = (rows, *self.padding[1:])
        if window is None:
            other = plus if plus is None or not self.pairs else as_pairs(plus)
            made = self._run(x, other, padding, self.relu)
            return from_pairs(made) if self.pairs else made
        made = self._run(x, None, padding, self.relu and plus is None)
        made = (from_pairs(made) if self.pairs else made)[:, :, window]
        if plus is not None:
            made = made.add_(plus)
            made = made.relu_() if self.relu else made
        return made

    def _run(self, x: Tensor, plus: Tensor | None, padding: tuple[int, ...], relu: bool) -> Tensor:
        weight, bias = self._of_type(x.dtype)
        if x.device.type == "cpu" and HAS_FUSED:
            return self._fused(x, plus, weight, bias, padding, relu)
        geometry = (self.stride, padding, self.dilation, self.transposed, self.output_padding, 1)
        y = torch.convolution(x, weight, bias, *geometry)
        y = y if plus is None else y.add_(plus)
        return y.relu_() if relu else y

    def _of_type(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        if dtype not in self._numbers:
            weight, bias = next(iter(self._numbers.values()))
            self._numbers[dtype] = weight.to(dtype), bias.to(dtype)
        return self._numbers[dtype]

    def _fused(
        self, x: Tensor, plus: Tensor | None, weight: Tensor, bias: Tensor, padding: tuple[int, ...], relu: bool
    ) -> Tensor:
        """Do it in one pass, and always by oneDNN: PyTorch alone takes its slow way for some small pictures."""
        ops: Any = torch.ops.mkldnn
        y: Tensor
        if self.transposed:
            steps = (padding, self.output_padding, self.stride, self.dilation, 1)
            y = ops._convolution_transpose_pointwise(x, weight, bias, *steps, "relu" if relu else "none", [], "")
        elif plus is None:
            after: Any = ("relu" if relu else "none", [], "")
            y = ops._convolution_pointwise(x, weight, bias, padding, self.stride, self.dilation, 1, *after)
        else:
            after = ("add", 1.0, "relu" if relu else None, [], "")
            y = ops._convolution_pointwise.binary(x, plus, weight, bias, padding, self.stride, self.dilation, 1, *after)
        return y


HAS_FUSED = torch.backends.mkldnn.is_available() and all(  # type: ignore[no-untyped-call]
    hasattr(torch.ops.mkldnn, name) for name in ("_convolution_pointwise", "_convolution_transpose_pointwise")
)
"""Whether PyTorch has the operators of `Layer._fused`; they are its compiler's, so nothing promises them."""


def swapped(numbers: Any) -> tuple[int, int, int]:
    """(frames, rows, columns) -> (rows, frames, columns)."""
    return numbers[1], numbers[0], numbers[2]


def folded(conv: nn.Conv3d | nn.ConvTranspose3d, norm: nn.BatchNorm3d | None) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a convolution with the norm after it; rounded once."""
    weight = conv.weight.detach().double()
    bias = weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias.detach().double()
    if norm is not None and norm.running_mean is not None and norm.running_var is not None:
        scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
        bias = (bias - norm.running_mean.double()) * scale + norm.bias.detach().double()
        outputs = (1, -1, 1, 1, 1) if isinstance(conv, nn.ConvTranspose3d) else (-1, 1, 1, 1, 1)
        weight = weight * scale.view(outputs)
    return weight.to(conv.weight.dtype), bias.to(conv.weight.dtype)


def _pairs(weight: Tensor, stride: tuple[int, ...], dilation: tuple[int, ...]) -> bool:
    """Whether so few channels come out that they fill half a vector of the processor, as 8 of AVX-512 do."""
    return weight.shape[0] <= 8 and weight.shape[4] == 3 and stride[2] == 1 and dilation[2] == 1


def paired(weight: Tensor) -> Tensor:
    """Return a weight that makes two neighbouring pixels at once, from (O, C, R, N, 3) to (2 O, C, R, N, 4).

    A third more multiplications, in half as many vectors: faster by half as much again.
    """
    return torch.cat((F.pad(weight, (0, 1)), F.pad(weight, (1, 0))))


def as_pairs(volume: Tensor) -> Tensor:
    """(B, C, H, N, W) -> (B, 2 C, H, N, W / 2): two pixels as one, first all channels of the left one; a view."""
    b, c, h, n, w = volume.shape
    return volume.permute(0, 2, 3, 4, 1).reshape(b, h, n, w // 2, 2 * c).permute(0, 4, 1, 2, 3)


def from_pairs(volume: Tensor) -> Tensor:
    """Go back from `as_pairs`; a view."""
    b, c, h, n, w = volume.shape
    return volume.permute(0, 2, 3, 4, 1).reshape(b, h, n, 2 * w, c // 2).permute(0, 4, 1, 2, 3)

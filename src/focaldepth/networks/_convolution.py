"""Convolutions as the fast form does them: channels last, prepared weights, norm, sum and activation in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

FRAMES, COLUMNS = "frames", "columns"
"""How a 3D convolution becomes one in 2D: frame by frame, or along frames with all pixels side by side."""


@dataclass(frozen=True)
class Norm:
    """A batch norm in use: names of its tensors, and the number under its root."""

    weight: str | None
    bias: str | None
    mean: str
    variance: str
    eps: float


@dataclass(frozen=True)
class Layer:
    """What a convolution computes; steps with equal layers share their prepared weights.

    Attributes:
        weight, bias: names of its tensors.
        stride, padding, dilation, output_padding: one number per axis.
        transposed, groups: as PyTorch has them.
        plane: FRAMES, COLUMNS or "" where it stays as it is; the numbers per axis are those of the plane.
        norm: batch norm that follows it.
    """

    weight: str
    bias: str | None
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int
    plane: str = ""
    norm: Norm | None = None

    def flattened(self, kernel: tuple[int, ...]) -> Layer:
        """Return the layer in 2D where it sees one frame, or one pixel, at a time.

        Channels-last, both are other views of the same memory, and 2D convolutions are the better optimised ones.
        """
        if len(kernel) != 3:
            return self
        along = (self.stride[0], self.padding[0], self.output_padding[0])
        if kernel[0] == 1 and along == (1, 0, 0):
            return self._without(0, FRAMES)
        still = (*self.stride, *self.padding[1:], *self.output_padding) == (1, 1, 1, 0, 0, 0, 0, 0)
        return self._without(2, COLUMNS) if kernel[1:] == (1, 1) and still else self

    def _without(self, axis: int, plane: str) -> Layer:
        names = ("stride", "padding", "dilation", "output_padding")
        cut = {name: getattr(self, name)[:axis] + getattr(self, name)[axis + 1 :] for name in names}
        return replace(self, plane=plane, **cut)


@dataclass(eq=False)
class Convolution:
    """The operation of a step: (x, other) -> activation(norm(convolution(x)) + other).

    Attributes:
        layer: what it computes.
        activation: "none", "relu" or "leaky_relu".
        slope: of a leaky ReLU.
        overwrites: the sum may be written into `other`, which nobody reads later.
        tensors: weight and bias as `prepared` made them.
    """

    layer: Layer
    activation: str = "none"
    slope: float = 0.0
    overwrites: bool = False
    tensors: tuple[Tensor, Tensor | None] | None = field(default=None, repr=False)

    def __call__(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """(B, C, ...) -> (B, C', ...); `other` has the shape of what comes out."""
        assert self.tensors is not None  # `bind` prepares every convolution of a tape
        weight, bias = self.tensors
        plane, shape = self.layer.plane, x.shape
        x = channels_last(to_plane(x, plane).to(weight.dtype))
        if other is not None:
            other = channels_last(to_plane(other, plane).to(weight.dtype))
        made = (self._fused if weight.is_mkldnn else self._plain)(x, other, weight, bias)
        return from_plane(made, plane, shape)

    def _plain(self, x: Tensor, other: Tensor | None, weight: Tensor, bias: Tensor | None) -> Tensor:
        one = self.layer
        made = torch.convolution(
            x, weight, bias, one.stride, one.padding, one.dilation, one.transposed, one.output_padding, one.groups
        )
        made = made if other is None else made.add_(other)
        if self.activation == "leaky_relu":
            return torch.nn.functional.leaky_relu_(made, self.slope)
        return made.relu_() if self.activation == "relu" else made

    def _fused(self, x: Tensor, other: Tensor | None, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The same by the operators of PyTorch for Intel processors: one pass over memory instead of three."""
        ops, one = torch.ops.mkldnn, self.layer
        slope = [self.slope] if self.activation == "leaky_relu" else []
        geometry = (one.padding, one.stride, one.dilation, one.groups)
        last = ("add", 1.0, None if self.activation == "none" else self.activation, slope, "")
        made: Tensor
        if one.transposed:
            geometry = (one.padding, one.output_padding, *geometry[1:])  # type: ignore[assignment]
            made = ops._convolution_transpose_pointwise(x, weight, bias, *geometry, self.activation, slope, "")
        elif other is None:
            made = ops._convolution_pointwise(x, weight, bias, *geometry, self.activation, slope, "")
        elif self.overwrites:
            made = ops._convolution_pointwise_.binary(other, x, weight, bias, *geometry, *last)
        else:
            made = ops._convolution_pointwise.binary(x, other, weight, bias, *geometry, *last)
        return made


def to_plane(x: Tensor, plane: str) -> Tensor:
    """(B, C, N, H, W) -> (B * N, C, H, W) or (B, C, N, H * W)."""
    if plane == FRAMES:
        return x.transpose(1, 2).flatten(0, 1)
    return x.flatten(3) if plane == COLUMNS else x


def in_plane(shape: tuple[int, ...], plane: str) -> list[int]:
    """Return the shape that `to_plane` gives."""
    if plane == FRAMES:
        return [shape[0] * shape[2], shape[1], *shape[3:]]
    return [*shape[:3], shape[3] * shape[4]] if plane == COLUMNS else [*shape]


def from_plane(x: Tensor, plane: str, shape: torch.Size) -> Tensor:
    """Go back from `to_plane`; `shape` is the one from before it."""
    if plane == FRAMES:
        return x.view(shape[0], shape[2], *x.shape[1:]).transpose(1, 2)
    return x.view(*x.shape[:3], *shape[3:]) if plane == COLUMNS else x


def channels_last(x: Tensor) -> Tensor:
    """Return (B, C, H, W) or (B, C, N, H, W) with the channels of a pixel side by side in memory."""
    return x.contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)


def prepared(
    layer: Layer, tensors: Mapping[str, Tensor], dtype: torch.dtype, size: list[int]
) -> tuple[Tensor, Tensor | None]:
    """Return weight and bias of a layer with its norm folded in, in the plane and order in which they are used.

    `size` is that of the first input in the plane: others do as well, but without one 1x1 convolutions to 2048 channels
    take twice as long.
    """
    weight = tensors[layer.weight]
    bias = None if layer.bias is None else tensors[layer.bias]
    if layer.norm is not None:
        weight, bias = _folded(layer, layer.norm, weight, bias, tensors)
    weight = weight.squeeze({FRAMES: 2, COLUMNS: 4}[layer.plane]) if layer.plane else weight
    weight = channels_last(weight.to(dtype))
    if _has_fused(weight):
        weight = _packed(layer, weight, size)
    return weight, None if bias is None else bias.to(dtype)


def _folded(
    layer: Layer, norm: Norm, weight: Tensor, bias: Tensor | None, tensors: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Put a norm into weight and bias; in double precision, so that only the last rounding differs."""
    mean, variance = tensors[norm.mean].double(), tensors[norm.variance].double()
    scale = (variance + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * tensors[norm.weight].double()
    shift = -mean if bias is None else bias.double() - mean
    shift = shift * scale
    if norm.bias is not None:
        shift = shift + tensors[norm.bias].double()
    outputs = [1] * weight.ndim
    outputs[1 if layer.transposed else 0] = -1
    return (weight.double() * scale.view(outputs)).to(weight.dtype), shift.to(weight.dtype)


def _has_fused(weight: Tensor) -> bool:
    """True where PyTorch has the fused operators, in all the forms that `Convolution` uses."""
    names = ("_convolution_pointwise", "_convolution_pointwise_", "_convolution_transpose_pointwise",
             "_reorder_convolution_weight", "_reorder_convolution_transpose_weight")  # fmt: skip
    there = weight.device.type == "cpu" and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return there and all(hasattr(torch.ops.mkldnn, name) for name in names)


def _packed(layer: Layer, weight: Tensor, size: list[int]) -> Tensor:
    """Bring a weight into the processor's own order, once instead of at every call."""
    ops: Any = torch.ops.mkldnn
    rest = (layer.stride, layer.dilation, layer.groups)
    if layer.transposed:
        made: Tensor = ops._reorder_convolution_transpose_weight(
            weight, layer.padding, layer.output_padding, *rest, None
        )
    else:
        made = ops._reorder_convolution_weight(weight, layer.padding, *rest, size)
    return made

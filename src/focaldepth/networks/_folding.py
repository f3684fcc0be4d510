"""Passes that turn the tape of a readable network into a fast one; none of them changes what comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from focaldepth.networks._convolution import FRAMES, Convolution, Layer, Norm, from_plane, in_plane, prepared, to_plane
from focaldepth.networks._tape import Step, Tape, Value, filled, is_view

aten = torch.ops.aten

_IN_PLACE: dict[Any, Any] = {
    aten.relu.default: aten.relu_.default, aten.leaky_relu.default: aten.leaky_relu_.default,
    aten.sigmoid.default: aten.sigmoid_.default, aten.add.Tensor: aten.add_.Tensor, aten.sub.Tensor: aten.sub_.Tensor,
    aten.mul.Tensor: aten.mul_.Tensor, aten.div.Tensor: aten.div_.Tensor,
}  # fmt: skip
"""Operation -> the one that writes into its first argument."""
_ALWAYS_FLOAT32 = (aten.grid_sampler_2d.default, aten.grid_sampler_3d.default, aten.avg_pool3d.default)
"""Positions need more digits than bfloat16 has; processors have no mean over volumes in it."""


def optimise(tape: Tape, device: torch.device) -> None:
    """Do all passes that need no numbers of the network."""
    evaluate_constants(tape, device)
    skip_zeros(tape)
    take_convolutions(tape)
    for fuse in (fold_norms, fuse_sums, fuse_activations):
        fuse(tape)
    by_frames(tape)
    for step in tape.steps:
        # What was contiguous when it was written down may lie channels-last now.
        step.op = reshaped if step.op in (aten.view.default, aten._unsafe_view.default) else step.op
    tape.drop_unread()
    write_in_place(tape)


def evaluate_constants(tape: Tape, device: torch.device) -> None:
    """Do what depends on no input and no weight once: grids, ranges, scalars."""
    rest = []
    for step in tape.steps:
        if any(value not in tape.constants for value in step.reads) or step.several or step.outs[0] is None:
            rest.append(step)
            continue
        kwargs = filled(step.kwargs, tape.constants)
        kwargs = {**kwargs, "device": device} if "device" in kwargs else kwargs
        tape.constants[step.outs[0]] = step.op(*filled(step.args, tape.constants), **kwargs)
    tape.steps = rest


def skip_zeros(tape: Tape) -> None:
    """Add nothing to nothing: sums that start from zeros."""
    zeros = {step.outs[0] for step in tape.steps if step.op is aten.zeros_like.default}
    for step in tape.steps:
        if step.op is not aten.add.Tensor or step.kwargs or len(step.reads) != 2:
            continue
        for zero, other in (step.reads, step.reads[::-1]):
            if zero in zeros and (other.shape, other.dtype) == (step.out.shape, step.out.dtype):
                tape.replace(step.out, other)
                break
    tape.drop_unread()


def take_convolutions(tape: Tape) -> None:
    """Let convolutions whose weights are the network's become steps with prepared weights."""
    for step in tape.steps:
        if step.op is not aten.convolution.default:
            continue
        x, weight, bias, *geometry = step.args
        if not weight.source or (bias is not None and not bias.source):
            continue
        stride, padding, dilation, transposed, output_padding, groups = geometry
        layer = Layer(
            weight=weight.source,
            bias=None if bias is None else bias.source,
            stride=tuple(stride),
            padding=tuple(padding),
            dilation=tuple(dilation),
            transposed=transposed,
            output_padding=tuple(output_padding),
            groups=groups,
        )
        step.op, step.args = Convolution(layer.flattened(weight.shape[2:])), (x,)


def fold_norms(tape: Tape) -> None:
    """Fold a batch norm into the convolution before it, where the norm alone reads that and its weights serve once."""
    uses = Counter(conv.layer.weight for conv in _convolutions(tape))
    for step in list(tape.steps):
        norm = _norm_of(step)
        before = None if norm is None else _convolution_of(tape, step.reads[0])
        if before is None or uses[before.op.layer.weight] > 1 or len(before.args) > 1:
            continue
        if not (before.op.layer.transposed and before.op.layer.groups > 1):
            before.op.layer = replace(before.op.layer, norm=norm)
            _take_over(tape, before, step)
    tape.drop_unread()


def _convolution_of(tape: Tape, value: Value) -> Any:
    """Return the step of the convolution that makes a value which one step reads, and nothing else; else None."""
    step = tape.makers().get(value)
    alone = len(tape.users().get(value, ())) == 1 and value not in tape.outputs.values()
    return step if step is not None and alone and isinstance(step.op, Convolution) else None


def _norm_of(step: Step) -> Norm | None:
    """Return the facts of a batch norm in use whose numbers are the network's."""
    if step.op is not aten.native_batch_norm.default or step.args[5]:
        return None
    weight, bias, mean, variance = step.args[1:5]
    if mean is None or variance is None or not all(v is None or v.source for v in step.args[1:5]):
        return None
    names = [None if v is None else str(v.source) for v in (weight, bias)]
    return Norm(names[0], names[1], mean.source, variance.source, step.args[7])


def fuse_sums(tape: Tape) -> None:
    """Let the later of two summands add the other to itself, where it is a convolution that nobody else reads."""
    for step in list(tape.steps):
        if step.op is not aten.add.Tensor or step.kwargs or len(step.reads) != 2:
            continue
        order = {value: i for i, one in enumerate(tape.steps) for value in one.outs}
        earlier, later = sorted(step.reads, key=lambda value: order.get(value, -1))
        before = _convolution_of(tape, later)
        if before is None or before.op.layer.transposed or len(before.args) > 1 or earlier.shape != later.shape:
            continue
        before.args = (*before.args, earlier)
        _take_over(tape, before, step)
    tape.drop_unread()


def fuse_activations(tape: Tape) -> None:
    """Let a convolution apply the (leaky) ReLU that alone reads it."""
    for step in list(tape.steps):
        if step.op not in (aten.relu.default, aten.leaky_relu.default):
            continue
        before = _convolution_of(tape, step.reads[0])
        if before is not None and before.op.activation == "none":
            before.op.activation = "relu" if step.op is aten.relu.default else "leaky_relu"
            before.op.slope = float(step.args[1]) if len(step.args) > 1 else 0.01
            _take_over(tape, before, step)
    tape.drop_unread()


def _take_over(tape: Tape, step: Step, later: Step) -> None:
    """Let a step make what a later one made."""
    tape.steps.remove(later)
    tape.replace(later.out, step.out)


def _convolutions(tape: Tape) -> list[Convolution]:
    return [step.op for step in tape.steps if isinstance(step.op, Convolution)]


class ByFrames:
    """A 2D operation on (B, C, H, W) over the frames of (B, C, N, H, W)."""

    def __init__(self, op: Callable[..., Any], reach: int = 0) -> None:
        self.op, self.reach = op, reach

    def __call__(self, x: Tensor, *args: Any) -> Tensor:
        """(B, C, N, H, W) -> (B, C', N, H', W'); with a reach, the largest of so many frames before and after, too."""
        made = from_plane(self.op(to_plane(x, FRAMES), *args), FRAMES, x.shape)
        if not self.reach:
            return made
        largest = made.clone()
        for k in range(1, self.reach + 1):
            for to, at in ((slice(k, None), slice(-k)), (slice(-k), slice(k, None))):
                torch.maximum(largest[:, :, to], made[:, :, at], out=largest[:, :, to])
        return largest


def by_frames(tape: Tape) -> None:
    """Run poolings and enlargements of frames, which PyTorch does slowly in 3D, in 2D."""
    users = tape.users()
    for step in tape.steps:
        found = _flat(step)
        if found is None:
            continue
        if step.several and any(out in users or out in tape.outputs.values() for out in step.outs[1:]):
            continue
        step.op, rest = found
        step.args, step.outs, step.several = (step.args[0], *rest), step.outs[:1], False


def _flat(step: Step) -> tuple[ByFrames, tuple[Any, ...]] | None:
    """Return the 2D operation and its arguments after the first, where there is one."""
    if step.kwargs:
        return None
    if step.op in (aten.upsample_trilinear3d.default, aten.upsample_nearest3d.default):
        size, *rest = step.args[1:]
        if size[0] != step.reads[0].shape[2]:
            return None
        linear = step.op is aten.upsample_trilinear3d.default
        op = aten.upsample_bilinear2d.default if linear else aten.upsample_nearest2d.default
        return ByFrames(op), (size[1:], *(rest[:1] if linear else ()))
    if step.op not in (aten.max_pool3d_with_indices.default, aten.avg_pool3d.default):
        return None
    given = list(step.args[1:])
    kernel, stride, padding, *rest = given + [[], [0, 0, 0]][len(given) - 1 :]
    stride = stride or kernel
    largest = step.op is aten.max_pool3d_with_indices.default
    plain = not rest or (largest and rest == [[1, 1, 1]])
    reach = kernel[0] // 2
    along = (stride[0], padding[0], kernel[0] % 2) == (1, reach, 1) and (largest or kernel[0] == 1)
    if not plain or not along:
        return None
    pool: Any = torch.max_pool2d if largest else torch.nn.functional.avg_pool2d
    return ByFrames(pool, reach), (kernel[1:], stride[1:], padding[1:])


def reshaped(x: Tensor, shape: list[int]) -> Tensor:
    """Give a tensor another shape; copies where its order in memory asks for it."""
    return x.reshape(shape)


reshaped.view = True  # type: ignore[attr-defined]


def write_in_place(tape: Tape) -> None:
    """Let elementwise steps, and sums in convolutions, write into what nobody reads later."""
    root = tape.roots()
    kept = {root[v] for v in [*tape.outputs.values(), *tape.inputs.values(), *tape.weights.values()]}
    kept |= set(tape.constants)
    last: dict[Value, Step] = {}
    for step in tape.steps:
        last |= {root[value]: step for value in step.reads}
    for step in tape.steps:
        if is_view(step.op) or step.outs[0] is None:
            continue
        out = step.outs[0]
        free = [
            v for v in step.reads
            if (v.shape, v.dtype) == (out.shape, out.dtype) and root[v] is v and v not in kept and last[v] is step
        ]  # fmt: skip
        if isinstance(step.op, Convolution):
            step.op.overwrites = len(step.args) == 2 and step.args[1] in free and root[step.args[0]] is not step.args[1]
        elif step.op in _IN_PLACE and free:
            alone = step.op in (aten.add.Tensor, aten.mul.Tensor) and not step.kwargs and len(step.reads) == 2
            if alone and step.args[0] is not free[0]:
                step.args = (free[0], step.args[0])
            if step.args[0] is free[0] and step.reads.count(free[0]) == 1:
                step.op = _IN_PLACE[step.op]


def bind(tape: Tape, tensors: dict[str, Tensor], known: dict[Any, Any], dtype: torch.dtype) -> None:
    """Give every convolution its prepared weights; `known` keeps those of equal layers.

    A weight that no step reads itself is taken out of `tensors` as soon as it is prepared, so it is not held twice.
    """
    read = {value.source for step in tape.steps for value in step.reads}
    left = Counter(layer.weight for layer in {conv.layer for conv in _convolutions(tape)} - set(known))
    for step in tape.steps:
        conv = step.op
        if not isinstance(conv, Convolution):
            continue
        layer = conv.layer
        if layer not in known:
            known[layer] = prepared(layer, tensors, dtype, in_plane(step.reads[0].shape, layer.plane))
            left[layer.weight] -= 1
            if not left[layer.weight] and layer.weight not in read:
                del tensors[layer.weight]
        conv.tensors = known[layer]


def heads_in_float32(tape: Tape) -> None:
    """Let what no convolution follows, sampling at positions, and what has no other form compute in float32."""
    before_convolution: set[Value] = set()
    for step in reversed(tape.steps):
        if isinstance(step.op, Convolution) or before_convolution & {o for o in step.outs if o is not None}:
            before_convolution |= set(step.reads)
            for out in step.outs:
                if out is not None and out in before_convolution:
                    out.dtype = torch.bfloat16 if out.dtype is torch.float32 else out.dtype
        else:
            step.op = InFloat32(step.op)
    for step in tape.steps:
        if step.op in _ALWAYS_FLOAT32:
            step.op = InFloat32(step.op)


class InFloat32:
    """An operation on tensors of which some may be bfloat16."""

    def __init__(self, op: Callable[..., Any]) -> None:
        self.op, self.view = op, is_view(op)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Widen what is narrower, then do it."""
        return self.op(*map(_widened, args), **kwargs)


def _widened(arg: Any) -> Any:
    if isinstance(arg, Tensor):
        return arg.float() if arg.dtype is torch.bfloat16 else arg
    return type(arg)(map(_widened, arg)) if isinstance(arg, list | tuple) else arg

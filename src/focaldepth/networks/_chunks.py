"""What a tape does to every frame alike is done for some frames at a time, so that little is in memory at once."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from focaldepth.networks._convolution import Convolution
from focaldepth.networks._tape import Step, Tape, Value

aten = torch.ops.aten
CHUNK_BYTES = 16 * 2**20
"""Largest tensor to make at once, where one frame is not larger: what the caches of processors hold, about."""

_ALIKE = {
    aten.relu.default, aten.relu_.default, aten.leaky_relu.default, aten.leaky_relu_.default, aten.sigmoid.default,
    aten.sigmoid_.default, aten.add.Tensor, aten.add_.Tensor, aten.sub.Tensor, aten.sub_.Tensor, aten.mul.Tensor,
    aten.mul_.Tensor, aten.div.Tensor, aten.div_.Tensor, aten.native_batch_norm.default, aten.avg_pool2d.default,
    aten.max_pool2d_with_indices.default, aten.upsample_nearest2d.default, aten.upsample_bilinear2d.default,
}  # fmt: skip
"""Operations on (frames, C, H, W) that do the same to each, if what else they read has no axis of frames."""


def in_chunks(tape: Tape, frames: int) -> None:
    """Do steps in a row that treat frames alike for some frames, then for the next.

    Args:
        tape: bound or not; its plan must be made anew.
        frames: length of the axis of frames, batch included.
    """
    users = tape.users()
    steps: list[Step] = []
    for run, alike in list(_runs(tape, frames)):
        merged = _merged(run, users, set(tape.outputs.values()), frames) if alike else None
        steps += run if merged is None else [merged]
    tape.steps = steps


def _runs(tape: Tape, frames: int) -> Iterator[tuple[list[Step], bool]]:
    """Split the steps where those that treat frames alike begin and end."""
    run: list[Step] = []
    before = False
    for step in tape.steps:
        alike = _treats_alike(step, frames)
        if run and alike is not before:
            yield run, before
            run = []
        run.append(step)
        before = alike
    if run:
        yield run, before


def _treats_alike(step: Step, frames: int) -> bool:
    if not step.outs or step.outs[0] is None or not _of_frames(step.outs[0], frames):
        return False
    if isinstance(step.op, Convolution):
        return not step.op.layer.plane and all(_of_frames(v, frames) for v in step.reads)
    if step.op is aten.cat.default:
        return step.args[1:] == (1,) and all(_of_frames(v, frames) for v in step.reads)
    first, *rest = step.reads
    return step.op in _ALIKE and _of_frames(first, frames) and all(_of_frames(v, frames) or _shared(v) for v in rest)


def _of_frames(value: Value, frames: int) -> bool:
    return len(value.shape) == 4 and value.shape[0] == frames


def _shared(value: Value) -> bool:
    """True for what has no axis of frames."""
    return len(value.shape) < 4 or value.shape[0] == 1


def _merged(run: list[Step], users: dict[Value, list[Step]], outputs: set[Value], frames: int) -> Step | None:
    """Return one step for several; None where one chunk holds all frames."""
    own = set(map(id, run))
    inner = {v for step in run for v in step.outs if v is not None}
    made = [v for v in inner if v in outputs or any(id(user) not in own for user in users.get(v, ()))]
    made = [v for step in run for v in step.outs if v in made]
    given = list(dict.fromkeys(v for step in run for v in step.reads if v not in inner))
    size = max(1, CHUNK_BYTES // max(v.bytes // frames for v in inner))
    if size >= frames or len(run) < 2:
        return None
    part = Tape({str(i): v for i, v in enumerate(given)}, {}, run, {str(i): v for i, v in enumerate(made)})
    inside = part.plan() * size // frames
    sliced = [_of_frames(v, frames) for v in given]
    return Step(InChunks(part, frames, size, sliced), tuple(given), {}, tuple(made), several=True, inside=inside)


class InChunks:
    """Steps in the place of one operation.

    Args:
        part: the steps, planned.
        frames: length of the axis of frames.
        size: frames at a time.
        sliced: which of the inputs have that axis.
    """

    def __init__(self, part: Tape, frames: int, size: int, sliced: list[bool]) -> None:
        self.part, self.frames, self.size, self.sliced = part, frames, size, sliced

    def __call__(self, *given: Tensor) -> list[Tensor]:
        """Do them for all frames."""
        made: dict[str, Tensor] = {}
        for start in range(0, self.frames, self.size):
            here = slice(start, start + self.size)
            some = {str(i): x[here] if cut else x for i, (x, cut) in enumerate(zip(given, self.sliced, strict=True))}
            for name, tensor in self.part.run(some, {}).items():
                if not start:
                    made[name] = _room_for(tensor, self.frames)
                made[name][here] = tensor
        return list(made.values())


def _room_for(tensor: Tensor, frames: int) -> Tensor:
    """Return memory for as many frames, laid out as those of a tensor."""
    last = tensor.is_contiguous(memory_format=torch.channels_last)
    order = torch.channels_last if last else torch.contiguous_format
    return torch.empty((frames, *tensor.shape[1:]), dtype=tensor.dtype, device=tensor.device, memory_format=order)

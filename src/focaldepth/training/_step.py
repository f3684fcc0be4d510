"""One step: forward, loss, backward, one update; the same numbers however the batch is shared out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from focaldepth.core.errors import FocalDepthError, MemoryLimitError, SettingError, TrainingError
from focaldepth.networks._fast import assemble, flatten
from focaldepth.networks._net import FocusNet, NetOutput
from focaldepth.training._batch import Batch
from focaldepth.training._processes import Processes
from focaldepth.training._recipe import Stage
from focaldepth.training._settings import TrainSettings
from focaldepth.training.losses._loss import Loss, told, value

_LEAST_CROP = 32


@dataclass(frozen=True)
class Told:
    """What one step says.

    Attributes:
        loss: of the whole batch.
        terms: of the loss, without their weights.
        gradient: its norm before it was cut.
        out: of the last part that this process computed, on its device.
    """

    loss: float
    terms: dict[str, float]
    gradient: float
    out: NetOutput


def counts_of(loss: Loss, parts: Sequence[Batch], processes: Processes) -> dict[str, Tensor]:
    """Return the counts of a loss over all parts of all processes."""
    every = [loss.counts(part) for part in parts]
    names = sorted(every[0])
    if not names:
        return {}
    total = processes.add(torch.stack([torch.stack([c[name] for c in every]).sum() for name in names]))
    return dict(zip(names, total, strict=True))


def gradients(net: FocusNet, stage: Stage, parts: Sequence[Batch], processes: Processes) -> Told:
    """Compute the gradient of the loss of a batch, summed over its parts and over all processes.

    Args:
        net: gradients of its weights are replaced.
        stage: says loss and precision.
        parts: of the batch, those of this process.
        processes: who takes part.
    """
    loss: Loss = stage.loss
    net.zero_grad(set_to_none=True)
    counts = counts_of(loss, parts, processes)
    narrow = stage.settings.precision == "bfloat16"
    sums: dict[str, Tensor] = {}
    last: list[NetOutput] = []
    for part in parts:
        with torch.autocast(processes.device.type, torch.bfloat16, enabled=narrow):
            out = loss.run(net, part)
        out = _in_float32(out) if narrow else out
        last[:] = [out]
        terms = loss.parts(out, part)
        total = value(terms, counts)
        total.backward()  # type: ignore[no-untyped-call]
        for name, number in {"loss": total.detach(), **told(terms, counts)}.items():
            sums[name] = sums.get(name, 0.0) + number.double()
    trained = [p for p in net.parameters() if p.requires_grad]
    processes.add_gradients(trained)
    held = processes.add(torch.stack(list(sums.values())))
    numbers = dict(zip(sums, held.tolist(), strict=True))
    limit = stage.settings.clip or torch.inf
    norm = torch.nn.utils.clip_grad_norm_([p for p in trained if p.grad is not None], limit)
    return Told(numbers.pop("loss"), numbers, float(norm), last[0])


def _in_float32(out: NetOutput) -> NetOutput:
    """Losses are sums of many small numbers."""
    held = {key: tensor for key, tensor in flatten(out).items() if tensor is not None}
    return assemble({key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in held.items()})


def stop_for_nan(said: Told, parts: Sequence[Batch], path: Path, step: int) -> None:
    """Raise TrainingError when a step is no number any more; the batch is saved before.

    Args:
        said: of the step.
        parts: what was trained on.
        path: of the file for the batch.
        step: its number.
    """
    numbers = torch.tensor([said.loss, said.gradient])
    if bool(torch.isfinite(numbers).all()):
        return
    from safetensors.torch import save_file

    from focaldepth.io._atomic import staged_file

    held: dict[str, Tensor] = {}
    for number, part in enumerate(parts):
        named = {**part.tensors(), **part.extra}
        held |= {f"{number}.{name}": tensor.detach().cpu().contiguous() for name, tensor in named.items()}
    with staged_file(path, overwrite=True) as file:
        save_file(held, file)
    what = "loss" if said.loss != said.loss or abs(said.loss) == torch.inf else "gradient"
    raise TrainingError(
        f"the {what} of step {step} is {said.loss if what == 'loss' else said.gradient}; its batch was saved.",
        where=path,
        hint="Lower learning_rate, or set clip=1; --resume goes on from the last checkpoint.",
    )


def explained(error: Exception, stage: Stage, batch: Batch, device: torch.device) -> FocalDepthError | None:
    """Return what to say of an error that the settings of a stage bring about; None for one of another kind."""
    text = str(error)
    if "Expected more than 1 value per channel" in text:
        return SettingError(
            "batch norm needs more than one stack of this size.",
            where="batch",
            hint=f"Give --set batch={2 * max(1, stage.settings.batch)}, a smaller `accumulate`, or a larger crop.",
        )
    if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in text:
        return _out_of_memory(stage.settings, batch, device)
    return None


def _out_of_memory(settings: TrainSettings, batch: Batch, device: torch.device) -> MemoryLimitError:
    """Name the settings that make a step smaller, the least change first."""
    b, n, _, h, w = batch.frames.shape
    ways = []
    if settings.batch % (2 * settings.accumulate) == 0:
        ways.append(f"accumulate={2 * settings.accumulate} (the same result, less memory)")
    if settings.batch > 1:
        ways.append(f"batch={settings.batch // 2}")
    if h >= 2 * _LEAST_CROP:
        ways.append(f"crop={h // 2 // _LEAST_CROP * _LEAST_CROP}")
    if settings.precision == "float32":
        ways.append("precision=bfloat16")
    return MemoryLimitError(
        f"{b} stacks of {n} frames of {w} x {h} px do not fit the memory of {device}.",
        where="batch",
        hint=f"Give --set {', or '.join(ways) or 'frames=' + str(max(2, n // 2))}.",
    )

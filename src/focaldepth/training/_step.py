"""One step: forward, loss, backward, one update; the same numbers however the batch is shared out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from focaldepth.core.errors import FocalDepthError, SettingError, TrainingError
from focaldepth.networks._fast import assemble, flatten
from focaldepth.networks._net import FocusNet, NetOutput
from focaldepth.training._batch import Batch
from focaldepth.training._folder import BEST
from focaldepth.training._outlook import out_of_memory
from focaldepth.training._processes import Processes
from focaldepth.training._recipe import Stage
from focaldepth.training.losses._loss import Loss, told, value


@dataclass(frozen=True)
class Told:
    """What one step says.

    Attributes:
        loss: of the whole batch.
        terms: of the loss, without their weights.
        gradient: its norm before it was cut.
        out: of the last part that this process computed, on its device, without a graph.
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
        terms = loss.parts(out, part)
        total = value(terms, counts)
        total.backward()  # type: ignore[no-untyped-call]
        for name, number in {"loss": total.detach(), **told(terms, counts)}.items():
            sums[name] = sums.get(name, 0.0) + number.double()
        last[:] = [_without_graph(out)]
        # Branches that the loss leaves out keep what their backward pass would need.
        del out, terms, total
    trained = [p for p in net.parameters() if p.requires_grad]
    processes.add_gradients(trained)
    held = processes.add(torch.stack(list(sums.values())))
    numbers = dict(zip(sums, held.tolist(), strict=True))
    limit = stage.settings.clip or torch.inf
    norm = torch.nn.utils.clip_grad_norm_([p for p in trained if p.grad is not None], limit)
    return Told(numbers.pop("loss"), numbers, float(norm), last[0])


def _in_float32(out: NetOutput) -> NetOutput:
    """Losses are sums of many small numbers."""
    return _changed(out, lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)


def _without_graph(out: NetOutput) -> NetOutput:
    """What a network said, without what led there."""
    return _changed(out, Tensor.detach)


def _changed(out: NetOutput, change: Callable[[Tensor], Tensor]) -> NetOutput:
    return assemble({key: change(tensor) for key, tensor in flatten(out).items() if tensor is not None})


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
    best = path.with_name(BEST)
    kept = f"; --init {best} keeps what was learnt" if best.exists() else ""
    what = "loss" if said.loss != said.loss or abs(said.loss) == torch.inf else "gradient"
    raise TrainingError(
        f"the {what} of step {step} is {said.loss if what == 'loss' else said.gradient}; its batch was saved.",
        where=path,
        hint=f"Begin anew in another -o with a lower learning_rate or clip=1{kept}.",
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
        return out_of_memory(stage, batch, device)
    return None

"""What a step takes in memory, found before it is made and without computing it."""

from __future__ import annotations

from typing import Any

import torch

from focaldepth.core.machine import memory
from focaldepth.networks._most_held import most_held
from focaldepth.networks._net import FocusNet, build
from focaldepth.training._batch import Batch
from focaldepth.training._recipe import Stage
from focaldepth.training.losses._loss import value

_PROGRAM, _WORKER = 400 << 20, 450 << 20
"""The process with its libraries, and one that makes batches ahead."""
_MARGIN = 1.5
"""For buffers of libraries inside of an operation, and what allocators keep."""
_MOMENTS = {"sgd": 1, "adam": 2, "adamw": 2}
"""Numbers that an optimiser keeps per weight."""


def step_memory(stage: Stage, net: FocusNet, batch: Batch, *, workers: int = 0) -> int:
    """Estimate the peak of a training in bytes from above.

    The step is made once on tensors without numbers: forward, loss and backward count, bfloat16 too.

    Args:
        stage: says network, loss and optimiser.
        net: what is trained.
        batch: the part of a batch that is computed at once.
        workers: processes that make batches ahead.
    """
    with torch.device("meta"):
        hollow = build(stage.settings.network, stage.options).train()
    hollow.every_scale = net.every_scale
    trained = {name for name, parameter in net.named_parameters() if parameter.requires_grad}
    for name, parameter in hollow.named_parameters():
        parameter.requires_grad_(name in trained)
    shapes = batch.to(torch.device("meta"))
    loss: Any = stage.loss
    narrow = stage.settings.precision == "bfloat16"

    def step() -> None:
        # On the device "meta" nothing is cast by itself: half of the bytes is what it comes to.
        out = loss.run(hollow, shapes)
        value(loss.parts(out, shapes), loss.counts(shapes)).backward()  # type: ignore[no-untyped-call]

    state = sum(p.nbytes for p in hollow.parameters())
    learnt = sum(p.nbytes for p in hollow.parameters() if p.requires_grad)
    kept = state + learnt * _MOMENTS[stage.settings.optimiser] + (state if stage.settings.ema else 0)
    held = most_held(step) // (2 if narrow else 1)
    inputs = sum(tensor.nbytes for tensor in shapes.tensors().values())
    ahead = inputs * stage.settings.accumulate * (1 + 2 * workers)
    return int(_PROGRAM + workers * _WORKER + kept + ahead + _MARGIN * held)


def free_memory(device: torch.device) -> int | None:
    """Return the bytes that are free for a training; None where the system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return memory().get("free") if device.type == "cpu" else None

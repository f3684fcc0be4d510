"""Several processes, on one machine or many, that train one network; torchrun says who is who."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from focaldepth.core.errors import SettingError
from focaldepth.networks._loaded import device_of

_PATIENCE = timedelta(hours=2)
"""The others wait so long for the first process, which writes and validates."""


@dataclass(frozen=True)
class Processes:
    """Who takes part.

    Attributes:
        rank: number of this process.
        world: how many there are.
        device: what this one computes on.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """True in the process that writes."""
        return self.rank == 0

    def add(self, tensor: Tensor) -> Tensor:
        """Return the sum over all processes."""
        if self.world > 1:
            dist.all_reduce(tensor)
        return tensor

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace every gradient by its sum over all processes."""
        if self.world == 1:
            return
        held = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([grad.flatten() for grad in held])
        dist.all_reduce(flat)
        begin = 0
        for grad in held:
            grad.copy_(flat[begin : begin + grad.numel()].view_as(grad))
            begin += grad.numel()

    def gather(self, thing: Any) -> list[Any]:
        """Return what every process gives, in the order of their numbers, to all of them."""
        if self.world == 1:
            return [thing]
        found: list[Any] = [None] * self.world
        dist.all_gather_object(found, thing)
        return found

    def agree(self, wish: bool) -> bool:
        """Return what the first process wishes."""
        return bool(self.gather(wish)[0])

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Join the processes that torchrun started; without torchrun there is one.

    Raises:
        SettingError: there is no such device, or its environment says nonsense.
    """
    world = _number("WORLD_SIZE", 1)
    if world == 1:
        yield Processes(0, 1, device_of(device))
        return
    rank, local = _number("RANK", 0), _number("LOCAL_RANK", 0)
    chosen = device_of(device)
    if chosen.type == "cuda":
        chosen = torch.device("cuda", local if chosen.index is None else chosen.index)
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Processes(rank, world, chosen)
    finally:
        dist.destroy_process_group()


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdigit():
        raise SettingError(f"{name} is {text!r}.", where="environment", hint="Start several processes with torchrun.")
    return int(text)

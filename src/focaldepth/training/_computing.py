"""How PyTorch computes while a training runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from focaldepth.training._processes import Processes
from focaldepth.training._recipe import Recipe


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Let PyTorch compute with so many threads while the block lasts."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def reproducible(recipe: Recipe, processes: Processes) -> Iterator[None]:
    """Let operations be deterministic while the block lasts, and random numbers be as before after it."""
    memory: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), memory.fill_uninitialized_memory
    wanted = recipe.first.settings.deterministic
    devices = [processes.device] if processes.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            torch.use_deterministic_algorithms(wanted, warn_only=True)
            memory.fill_uninitialized_memory = False
            yield
        finally:
            torch.use_deterministic_algorithms(before[0])
            memory.fill_uninitialized_memory = before[1]

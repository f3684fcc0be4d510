"""Which tiles of a stack fit the memory, and what a run takes: counted on the steps of the network, without computing.

`benchmarks/networks_memory.py` compares what is told with real peaks.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch

from focaldepth.core.errors import MemoryLimitError, StackError
from focaldepth.core.method import WorkingMemory
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack
from focaldepth.networks._fast import Fast
from focaldepth.networks._loaded import WANTED, Choice, choose
from focaldepth.networks._method import NetworkMethod
from focaldepth.networks._net import build
from focaldepth.networks._spec import NETWORKS, Limits
from focaldepth.networks._tape import UntraceableError
from focaldepth.networks._tiles import Tiling, padded, smallest, tile

TILE_MEMORY = 4 * 2**30
"""Bytes that a tile may take where no limit is given: the same everywhere, so that results do not depend on it."""
_LIBRARIES = 270 << 20
"""PyTorch with what it loads, and its compiler, which PyTorch loads for shapes without numbers."""
_PLANES = 72
"""Bytes per pixel of the maps and the picture while they are made and moved to the asked unit."""
_BUFFERS = 1.1
"""Measured peak of a large tile over the sum of its tensors."""
_FRAGMENTS = 160 << 20
"""What allocators keep beside it, at most; of small tiles as much again as they hold."""
_UNKNOWN = 4096
"""Bytes per pixel of a frame for a network whose steps cannot be written down; more than any here takes."""


def working_memory(method: NetworkMethod, stack: FocalStack, run: Run) -> WorkingMemory:
    """Return what a run takes: no more than the limit where tiles can be made to fit."""
    choice = choose(method)
    check_size(stack, choice.options.limits, method.network)
    try:
        side = plan(method, choice, stack, run).side
    except MemoryLimitError:
        side = _least(method, choice, stack)
    fixed = _fixed_bytes(choice, stack)
    return WorkingMemory(fixed, fixed + _plane_bytes(stack) + _tile_bytes(choice, stack, side))


def check_size(stack: FocalStack, limits: Limits, name: str) -> None:
    """Raise StackError for pictures that padding would more than double."""
    height, width, _ = stack.shape
    if min(height, width) < limits.stride:
        raise StackError(
            f"{width} x {height} px are less than one step of {name}, which is {limits.stride} px.",
            where=stack.info.name,
            hint="Give larger pictures, or use --method classical-fast.",
        )


def plan(method: NetworkMethod, choice: Choice, stack: FocalStack, run: Run) -> Tiling:
    """Choose the tiles.

    Raises:
        MemoryLimitError: the limit leaves no room for the smallest tile.
    """
    limits, (height, width, _) = choice.options.limits, stack.shape
    overlap = method.overlap or limits.overlap
    room = TILE_MEMORY
    if run.max_memory is not None:
        room = run.max_memory - _fixed_bytes(choice, stack) - _plane_bytes(stack)
    area = float(max(method.tile, smallest(limits, overlap)) ** 2) if method.tile else math.inf
    while (found := tile(height, width, limits, overlap, area)) is not None:
        if len(found) > 1 and not limits.tiles:
            break
        need = _tile_bytes(choice, stack, found.side)
        if need <= room:
            return found
        # Part of it does not shrink with the tile, so this comes down to the room from above, in a few steps.
        area = 0.97 * max(room, 0) / need * math.prod(found.side)
    need = _fixed_bytes(choice, stack) + _plane_bytes(stack)
    need += _tile_bytes(choice, stack, _least(method, choice, stack))
    raise MemoryLimitError(
        f"{method.network} needs about {need / 2**20:.0f} MiB for {len(stack)} frames of {width} x {height} px.",
        where="max_memory",
        hint="Raise the limit, or give smaller pictures or fewer frames.",
    )


def _least(method: NetworkMethod, choice: Choice, stack: FocalStack) -> tuple[int, int]:
    """Sides of the smallest tile; of the whole picture where that is smaller, or where there are no tiles."""
    limits = choice.options.limits
    whole = padded(*stack.shape[:2], limits)
    side = smallest(limits, method.overlap or limits.overlap)
    return (min(side, whole[0]), min(side, whole[1])) if limits.tiles else whole


def _fixed_bytes(choice: Choice, stack: FocalStack) -> int:
    """Libraries, weights and held frames."""
    return _LIBRARIES + _weight_bytes(choice) + len(stack) * math.prod(stack.shape) * stack.dtype.itemsize


def _plane_bytes(stack: FocalStack) -> int:
    return stack.shape[0] * stack.shape[1] * _PLANES


def _tile_bytes(choice: Choice, stack: FocalStack, side: tuple[int, int]) -> int:
    """Bytes of a tile: the network, its input in float32 and the frames as they were cut."""
    limits = choice.options.limits
    frames = max(limits.min_frames, min(len(stack), limits.max_frames or len(stack)))
    return _network_bytes(choice, frames, *side) + frames * 3 * (4 + 4) * math.prod(side)


@lru_cache(maxsize=64)
def _network_bytes(choice: Choice, frames: int, height: int, width: int) -> int:
    """Bytes that a network takes while it runs on a tile, beside weights and inputs.

    Counted on its steps, so it holds for every network and all options; the forms that PyTorch runs itself hold about
    what the reference holds, of which no step is merged with another.
    """
    made = {"frames": (1, frames, choice.options.limits.channels, height, width), "focus": (1, frames)}
    made |= dict.fromkeys(NETWORKS.get(choice.network).inputs, (1, frames))
    inputs = {name: torch.empty(shape, device="meta") for name, shape in made.items()}
    try:
        held = _hollow(choice).peak_bytes(inputs, merged=choice.form == "fast")
    except UntraceableError:
        return _UNKNOWN * frames * height * width
    return round(_BUFFERS * held + min(held, _FRAGMENTS))


@lru_cache(maxsize=4)
def _hollow(choice: Choice) -> Fast:
    """Return the network of a choice without numbers."""
    with torch.device("meta"):
        net = build(choice.network, choice.options)
    return Fast(net, bfloat16=choice.precision == "bfloat16", wanted=WANTED, device=choice.device)


@lru_cache(maxsize=4)
def _weight_bytes(choice: Choice) -> int:
    """Size of a network's weights, which are held about twice while they are loaded."""
    with torch.device("meta"):
        net = build(choice.network, choice.options)
    return 2 * sum(p.numel() * p.element_size() for p in net.parameters())

"""Batches, made ahead in worker processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from focaldepth.core.errors import FocalDepthError, TrainingError
from focaldepth.networks._spec import NETWORKS
from focaldepth.training._batch import Batch, Fed, collate
from focaldepth.training._feed import feed
from focaldepth.training._order import Order, places
from focaldepth.training._recipe import Stage
from focaldepth.training._stacks import Source

Place = tuple[int, int]
"""Step, and place in its batch."""


@dataclass(frozen=True)
class Feeder(Dataset[Fed | FocalDepthError]):
    """Examples of a stage by step and place.

    Attributes:
        source: of the stacks.
        stage: says how they are changed, those of each data set in their way.
        order: says which comes when.
    """

    source: Source
    stage: Stage
    order: Order

    def __getitem__(self, place: Place) -> Fed | FocalDepthError:
        """Make one example; what is wrong with its stack is returned, because PyTorch would rewrite the message."""
        try:
            return self.example(*place)
        except FocalDepthError as error:
            return error

    def example(self, step: int, place: int) -> Fed:
        """Make one example."""
        epoch, index = self.order.stack(step, place)
        stage = tuple(self.stage.parts.values())[self.source.part(index)]
        augment = stage.augment
        if augment.fewest:
            # One number for the whole batch: nothing needs to be filled up.
            frames = self.order.frames(step, augment.fewest, augment.frames)
            augment = replace(augment, frames=frames, fewest=0)
        inputs = NETWORKS.get(stage.settings.network).inputs
        sample = self.source.open(index, epoch)
        try:
            return feed(sample, stage, augment, self.order.chance(step, place), inputs)
        except FocalDepthError as error:
            error.where = f"{self.source.name(index)}, {error.where}" if error.where else self.source.name(index)
            raise


@dataclass(frozen=True)
class _Places(Sampler[list[Place]]):
    """Parts of batches in order, for one process."""

    begin: int
    end: int
    batch: int
    rank: int
    world: int
    parts: int

    def __iter__(self) -> Iterator[list[Place]]:
        for step in range(self.begin, self.end):
            for part in places(self.batch, self.rank, self.world, self.parts):
                yield [(step, place) for place in part]

    def __len__(self) -> int:
        return (self.end - self.begin) * self.parts


@dataclass(frozen=True)
class _Collate:
    """Examples to a batch, in a worker."""

    stage: Stage

    def __call__(self, made: list[Fed | FocalDepthError]) -> Batch | FocalDepthError:
        try:
            for one in made:
                if isinstance(one, FocalDepthError):
                    return one
            return collate([one for one in made if isinstance(one, Fed)], self.stage.convention)
        except FocalDepthError as error:
            return error


def batches(
    feeder: Feeder, begin: int, end: int, *, workers: int, rank: int = 0, world: int = 1, pinned: bool = False
) -> Iterator[list[Batch]]:
    """Yield the parts of the batch of every step from `begin` to `end`.

    Args:
        feeder: makes the examples.
        begin, end: steps.
        workers: processes that make them ahead; 0 = this one makes them when they are needed.
        rank, world: number of this process, and of all.
        pinned: put them where copies to a GPU need no wait.

    Raises:
        FocalDepthError: what was wrong with a stack.
    """
    settings = feeder.stage.settings
    parts = settings.accumulate
    more: dict[str, Any] = {}
    if workers:
        # Forking a process that has threads can lock up.
        more = {"multiprocessing_context": "spawn", "prefetch_factor": 2, "worker_init_fn": _modest}
    loader = DataLoader(
        feeder,
        batch_sampler=_Places(begin, end, settings.batch, rank, world, parts),
        num_workers=workers,
        collate_fn=_Collate(feeder.stage),
        pin_memory=pinned,
        **more,
    )
    held: list[Batch] = []
    for made in _alive(loader):
        if isinstance(made, FocalDepthError):
            raise made
        held.append(made)
        if len(held) == parts:
            yield held
            held = []


def _alive(loader: DataLoader[Any]) -> Iterator[Batch | FocalDepthError]:
    """Pass batches on; a worker that the system ended is explained."""
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise TrainingError(
            "a process that makes batches was ended from outside, probably because memory was short.",
            where="--workers",
            hint="Give fewer --workers (0 makes batches in the training itself); --resume goes on.",
        ) from error


def _modest(worker: int) -> None:
    """Workers share the cores with training, and leave it to the first process to hear of Ctrl-C."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)

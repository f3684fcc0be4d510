"""Which stack comes when, and by which chance it is changed: a function of the seed and the number of the step alone.

Nothing here has a state, so a training that was stopped goes on with exactly the stacks, crops and flips that it would
have had, however many processes and workers there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

_ORDER, _CHANGE, _NUMBER = 1, 2, 3
"""Streams of random numbers that must not meet."""


@dataclass(frozen=True)
class Order:
    """The order of stacks.

    Attributes:
        count: stacks of an epoch.
        batch: stacks of a step.
        seed: of the order.
        stage: number of the stage.
    """

    count: int
    batch: int
    seed: int
    stage: int = 0

    @property
    def steps(self) -> int:
        """Steps of an epoch; what does not fill a batch is left out, unless nothing does."""
        return max(1, self.count // self.batch)

    def epoch_of(self, step: int) -> int:
        """Return the epoch of a step, from 0."""
        return step // self.steps

    def stack(self, step: int, place: int) -> tuple[int, int]:
        """Return (epoch, index of the stack) of one place in the batch of a step."""
        epoch, within = divmod(step, self.steps)
        random = np.random.default_rng([self.seed, _ORDER, self.stage, epoch])
        order = random.permutation(self.count)
        return epoch, int(order[(within * self.batch + place) % self.count])

    def chance(self, step: int, place: int) -> Generator:
        """Return the random numbers that change one stack of a step."""
        return np.random.default_rng([self.seed, _CHANGE, self.stage, step, place])

    def frames(self, step: int, fewest: int, most: int) -> int:
        """Return how many frames the stacks of a step have, where the number is drawn."""
        random = np.random.default_rng([self.seed, _NUMBER, self.stage, step])
        return int(random.integers(fewest, max(most, fewest), endpoint=True))


def places(batch: int, rank: int, world: int, parts: int) -> Iterator[range]:
    """Yield the places of a batch that one process computes, part by part.

    >>> [list(p) for p in places(8, rank=1, world=2, parts=2)]
    [[4, 5], [6, 7]]
    """
    own = batch // world
    size = own // parts
    for part in range(parts):
        begin = rank * own + part * size
        yield range(begin, begin + size)

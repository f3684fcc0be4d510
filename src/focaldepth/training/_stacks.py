"""Stacks that are trained on: those of a data set, scenes that are rendered when they are needed, several together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack, Transfer
from focaldepth.training._settings import SceneData

if TYPE_CHECKING:
    from focaldepth.scenes.world import World

_KEPT_BYTES = 256 << 20
"""Memory of scenes that come again, in each process that makes batches."""


class Source(ABC):
    """Stacks with numbers from 0."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def name(self, index: int) -> str:
        """Return the name of a stack."""

    @abstractmethod
    def part(self, index: int) -> int:
        """Return the number of the data set that a stack belongs to, of those that are trained on together."""

    @abstractmethod
    def open(self, index: int, epoch: int = 0) -> Sample:
        """Read or render a stack for an epoch."""

    @abstractmethod
    def stack(self, index: int) -> FocalStack:
        """Return a stack for the facts of its frames and lens; its pixels are not promised."""


@dataclass(frozen=True)
class Items(Source):
    """Stacks of a data set.

    Attributes:
        names: of the stacks.
        openers: read them.
    """

    names: tuple[str, ...]
    openers: tuple[Callable[[], Sample], ...]

    def __len__(self) -> int:
        return len(self.openers)

    def name(self, index: int) -> str:
        """Return the name of a stack."""
        return self.names[index]

    def part(self, index: int) -> int:
        """Return 0: there is one data set."""
        return 0

    def open(self, index: int, epoch: int = 0) -> Sample:
        """Read a stack; the same in every epoch."""
        return self.openers[index]()

    def stack(self, index: int) -> FocalStack:
        """Return a stack for the facts of its frames and lens."""
        return self.open(index).stack


@dataclass(frozen=True)
class Scenes(Source):
    """Rendered scenes; those that come again are kept while memory allows.

    Attributes:
        data: what they have in common.
        count: in an epoch.
        endless: every epoch shows others.
        misaligned: shift and scale frames by the errors of a phone's focus motor.
        device: that samples the lens, as in `World.light`.
    """

    data: SceneData
    count: int
    endless: bool
    misaligned: bool
    device: str = "cpu"
    kept: dict[int, Sample] = field(default_factory=dict, compare=False, repr=False)

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        """Return the name of a scene of the first epoch."""
        return f"scene {index:06d}"

    def part(self, index: int) -> int:
        """Return 0: there is one data set."""
        return 0

    def open(self, index: int, epoch: int = 0) -> Sample:
        """Render a scene, or take it from memory."""
        number = index + (epoch * self.count if self.endless else 0)
        if number in self.kept:
            return self.kept[number]
        sample = self._rendered(number)
        if not self.endless and (len(self.kept) + 1) * _size(sample) <= _KEPT_BYTES:
            self.kept[number] = sample
        return sample

    def stack(self, index: int) -> FocalStack:
        """Return a stack with focus positions and lens of a scene, which is not rendered: its frames are black."""
        world = self._world(index)
        return FocalStack.from_arrays(np.zeros((len(world.axis), 1, 1, 3), np.uint8), world.axis, optics=world.optics)

    def _rendered(self, number: int) -> Sample:
        sample = self._world(number).sample(self.device)
        return _disturbed(sample, number) if self.misaligned else sample

    def _world(self, number: int) -> World:
        from focaldepth.scenes.world import SceneSettings, make_world

        names = ("height", "width", "frames", "scale", "samples", "blur", "seed")
        return make_world(SceneSettings(**{name: getattr(self.data, name) for name in names}), number)


@dataclass(frozen=True)
class Mixed(Source):
    """Several sources one after the other, for an order that mixes them.

    Attributes:
        names: of the data sets.
        sources: their stacks.
    """

    names: tuple[str, ...]
    sources: tuple[Source, ...]

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        return tuple(accumulate(len(one) for one in self.sources))

    def __len__(self) -> int:
        return self._ends[-1]

    def name(self, index: int) -> str:
        """Return the names of data set and stack."""
        part, inner = self._at(index)
        return f"{self.names[part]}, {self.sources[part].name(inner)}"

    def part(self, index: int) -> int:
        """Return the number of the data set."""
        return self._at(index)[0]

    def open(self, index: int, epoch: int = 0) -> Sample:
        """Read or render a stack for an epoch."""
        part, inner = self._at(index)
        return self.sources[part].open(inner, epoch)

    def stack(self, index: int) -> FocalStack:
        """Return a stack for the facts of its frames and lens."""
        part, inner = self._at(index)
        return self.sources[part].stack(inner)

    def _at(self, index: int) -> tuple[int, int]:
        """Number of the data set, and of the stack in it."""
        part = bisect_right(self._ends, index)
        return part, index - (self._ends[part - 1] if part else 0)


def _size(sample: Sample) -> int:
    """Bytes of a rendered scene: frames, truth, mask and picture."""
    h, w, c = sample.stack.shape
    return h * w * ((len(sample.stack) + 1) * c + 5)


def _disturbed(sample: Sample, number: int) -> Sample:
    """Put breathing and the errors of a phone's focus motor on a scene; the frame that shows least keeps its place."""
    from focaldepth.optics.faults._apply import Camera, apply
    from focaldepth.optics.faults.geometry import MOTORS, FocusMotor

    stack = sample.stack
    metres = stack.axis.to(Unit.METRE, stack.optics).values
    focal = stack.optics.need("focal_length_m", "breathing")
    reference = int(metres.argmin())
    random = np.random.default_rng([number, 7])
    camera = Camera(tuple(float(m) for m in metres), focal, (stack.shape[0], stack.shape[1]), reference)
    motor = FocusMotor(str(random.choice(sorted(MOTORS))))
    frames = np.stack([frame.astype(np.float32) for frame in stack.frames()])
    moved, _ = apply(frames, camera, [motor], seed=number)
    pixels = np.clip(np.rint(moved), 0, 255).astype(np.uint8)
    made = FocalStack.from_arrays(pixels, stack.axis, optics=stack.optics, transfer=Transfer.SRGB, name=sample.name)
    return replace(sample, stack=made, reference=reference)

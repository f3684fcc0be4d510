"""Where stacks come from: a data set on disk, or scenes that are rendered when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError, SettingError
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack, Transfer
from focaldepth.training._recipe import SCENES, Stage, group
from focaldepth.training._settings import SceneData

if TYPE_CHECKING:
    from focaldepth.scenes.world import World

_SPLITS = ("", "train", "validation")
_KEPT_BYTES = 256 << 20
"""Memory of scenes that come again, in each process that makes batches."""
_VALIDATION_SEED = 1_000_003
"""Added to the seed of a series, so that validation never shows a scene that is trained on."""
_ASKED = 16
"""Stacks from which the range of a training is told."""


@dataclass(frozen=True)
class Items:
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

    def open(self, index: int, epoch: int = 0) -> Sample:
        """Read a stack; the same in every epoch."""
        return self.openers[index]()

    def stack(self, index: int) -> FocalStack:
        """Return a stack for the facts of its frames and lens."""
        return self.open(index).stack


@dataclass(frozen=True)
class Scenes:
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


Source = Items | Scenes


def source(stage: Stage, root: str | Path | None, *, validation: bool = False, device: str = "cpu") -> Source:
    """Return the stacks that a stage is trained on, or validated on.

    Args:
        stage: says which.
        root: folder of a data set.
        validation: the ones to compare weights on.
        device: that renders scenes.

    Raises:
        ReadError: the data are not there (says what was looked for, where, and how to get it), or there are none.
        UnknownNameError: the data set has no split of that name.
        SettingError: scenes of a size or scale that cannot be rendered.
    """
    settings = stage.settings
    split = settings.validation_split if validation else settings.train_split
    if settings.data == SCENES:
        if split not in _SPLITS:
            raise SettingError(f"scenes have no split {split!r}.", where="recipe", hint=f"There are {_SPLITS[1:]}.")
        return _scenes(stage, validation, device)
    from focaldepth.datasets._dataset import dataset

    made = dataset(settings.data, **group(stage.texts, "data_options"))
    if root is None:
        raise ReadError(
            f"{settings.data} is a data set on disk, and it was not said where it lies.",
            where="--root",
            hint=f"Give its folder with --root, or train on --data scenes. {made.spec.title}: {made.spec.address}",
        )
    found = made.items(root, split)
    if not found:
        raise ReadError(f"holds no stack of the split {split!r}.", where=root, hint="Look at `focaldepth data check`.")
    return Items(tuple(item.name for item in found), tuple(item.open for item in found))


def _scenes(stage: Stage, validation: bool, device: str) -> Scenes:
    data = stage.scenes
    if validation:
        others = replace(data, seed=data.seed + _VALIDATION_SEED)
        return Scenes(others, data.validation, endless=False, misaligned=stage.settings.misaligned)
    return Scenes(data, data.count, data.endless, stage.settings.misaligned, device)


def thinned(found: Source, count: int) -> Sequence[int]:
    """Return the indices of `count` stacks, evenly spread over a source; of all for 0."""
    if not count or count >= len(found):
        return range(len(found))
    return [int(i) for i in np.linspace(0, len(found) - 1, count)]


def trained_range(found: Source, stage: Stage) -> dict[str, list[float]]:
    """Return what the stacks of a training span, from a few of them, for the card of the weights.

    Args:
        found: the stacks.
        stage: says the unit, and how many frames of a stack are taken.
    """
    from focaldepth.networks._domain import domain_of

    most = stage.augment.frames
    stacks = (found.stack(index) for index in thinned(found, _ASKED))
    return domain_of(stacks, stage.convention.unit, (stage.augment.fewest or most, most) if most else None)


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

"""Where the stacks of a stage come from, and what they span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from focaldepth.core.errors import SettingError
from focaldepth.networks._spec import FocusForm
from focaldepth.training._keys import ALSO, SCENES, group
from focaldepth.training._recipe import Stage
from focaldepth.training._roots import Place, Roots
from focaldepth.training._stacks import Items, Mixed, Scenes, Source

_SPLITS = ("", "train", "validation")
_VALIDATION_SEED = 1_000_003
"""Added to the seed of a series, so that validation never shows a scene that is trained on."""
_ASKED = 16
"""Stacks of a data set from which the range of a training is told."""


def source(
    stage: Stage, root: Place | Mapping[str, Place] | None, *, validation: bool = False, device: str = "cpu"
) -> Source:
    """Return the stacks that a stage is trained on, or validated on.

    Args:
        stage: says which.
        root: folder of the data sets, or their folders by name (see `Roots.of`).
        validation: the ones to compare weights on.
        device: that renders scenes.

    Raises:
        ReadError: the data are not there (says what was looked for, where, and how to get it), or there are none.
        UnknownNameError: the data set has no split of that name.
        SettingError: scenes of a size or scale that cannot be rendered; data sets of different numbers of frames.
    """
    roots = Roots.of(root)
    if validation:
        judged = stage.settings.validate_on or stage.settings.data
        return _one(stage.judged, judged, roots, several=len(stage.parts) > 1, validation=True)
    made = {
        name: _one(part, name, roots, several=len(stage.parts) > 1, device=device) for name, part in stage.parts.items()
    }
    if len(made) == 1:
        return made[stage.settings.data]
    _check_frames(made, stage)
    return Mixed(tuple(made), tuple(made.values()))


def _one(
    stage: Stage, name: str, roots: Roots, *, several: bool, validation: bool = False, device: str = "cpu"
) -> Source:
    """Return the stacks of one data set."""
    settings = stage.settings
    split = settings.validation_split if validation else settings.train_split
    if settings.data == SCENES:
        if split not in _SPLITS:
            raise SettingError(f"scenes have no split {split!r}.", where="recipe", hint=f"There are {_SPLITS[1:]}.")
        return _scenes(stage, validation, device)
    from focaldepth.datasets._dataset import dataset

    made = dataset(settings.data, **group(stage.texts, "data_options"))
    found = roots.items(name, made, split, several=several)
    return Items(tuple(item.name for item in found), tuple(item.open for item in found))


def _scenes(stage: Stage, validation: bool, device: str) -> Scenes:
    data = stage.scenes
    if validation:
        others = replace(data, seed=data.seed + _VALIDATION_SEED)
        return Scenes(others, data.validation, endless=False, misaligned=stage.settings.misaligned)
    return Scenes(data, data.count, data.endless, stage.settings.misaligned, device)


def _check_frames(made: Mapping[str, Source], stage: Stage) -> None:
    """Compare how many frames the first stacks give: a batch holds stacks of all data sets."""
    if stage.augment.fewest:  # the number is drawn for the whole batch
        return
    counts = {name: stage.parts[name].augment.frames or len(one.stack(0)) for name, one in made.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise SettingError(
            f"a batch has stacks of one number of frames, but there are: {told}.",
            where=f"recipe, {ALSO}",
            hint=f"Give --set augment.frames={min(counts.values())}, which takes so many of every stack.",
        )


def stack_counts(found: Source, stage: Stage) -> dict[str, int]:
    """Return the number of stacks of every data set."""
    sources = found.sources if isinstance(found, Mixed) else (found,)
    return {name: len(one) for name, one in zip(stage.parts, sources, strict=True)}


def thinned(found: Source, count: int) -> Sequence[int]:
    """Return the indices of `count` stacks, evenly spread over a source; of all for 0."""
    if not count or count >= len(found):
        return range(len(found))
    return [int(i) for i in np.linspace(0, len(found) - 1, count)]


def trained_range(found: Source, stage: Stage) -> dict[str, list[float]]:
    """Return what the stacks of a training span, from a few of each data set, for the card of the weights.

    Positions of a further data set count as what the network was told of them: told numbers over `focus_factor` are
    positions in the unit of the card. What one data set does not tell (its lens) is not known of all.

    Args:
        found: the stacks.
        stage: says the unit, and how many frames of a stack are taken.
    """
    from focaldepth.networks._domain import FOCUS, domain_of, spanned

    held = stage.convention
    ranges = []
    for one, part in zip(found.sources if isinstance(found, Mixed) else (found,), stage.parts.values(), strict=True):
        most, own = part.augment.frames, part.convention
        stacks = (one.stack(index) for index in thinned(one, _ASKED))
        frames = (part.augment.fewest or most, most) if most else None
        scaled = held.focus is FocusForm.POSITIONS
        facts = domain_of(stacks, own.unit if scaled else held.unit, frames)
        if scaled and FOCUS in facts:
            factor = own.focus_factor / held.focus_factor
            facts[FOCUS] = sorted(factor * value for value in facts[FOCUS])
        ranges.append(facts)
    told = set(ranges[0]).intersection(*ranges)
    return spanned({name: values for name, values in facts.items() if name in told} for facts in ranges)

"""Everything that a training needs to go on, in one file that is there whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from focaldepth.core.errors import ReadError, SettingError, WeightsError
from focaldepth.networks._net import FocusNet
from focaldepth.training._optimiser import Average

FORMAT = 1
_KEYS = ("place", "network", "optimiser", "average")
_ANEW = "Delete it to begin anew in the same folder."


@dataclass
class Place:
    """How far a training is.

    Attributes:
        stage: number of the stage.
        step: steps of the stage that are done.
        before: steps of the stages before it.
        best: best value of the metric so far; None = none yet.
        best_step: total number of steps at that time.
        log_size: bytes of the log that belong to these steps.
    """

    stage: int = 0
    step: int = 0
    before: int = 0
    best: float | None = None
    best_step: int = 0
    log_size: int = 0


def save_checkpoint(
    path: Path,
    place: Place,
    net: FocusNet,
    optimiser: torch.optim.Optimizer,
    average: Average | None,
    stacks: Mapping[str, int],
) -> None:
    """Write a checkpoint beside and rename it.

    Random numbers have no state to keep: order, augmentation and dropout of a step come from the seed and its number,
    and from how many stacks the data sets have.

    Raises:
        WriteError: the disk is full, or no permission.
    """
    from focaldepth.io._atomic import staged_file

    held = {
        "format": FORMAT,
        "place": vars(place),
        "network": net.state_dict(),
        "optimiser": optimiser.state_dict(),
        "average": None if average is None else average.tensors,
        "stacks": dict(stacks),
    }
    with staged_file(path, overwrite=True) as part:
        torch.save(held, part)


def load_checkpoint(path: Path) -> tuple[Place, dict[str, Any]]:
    """Read a checkpoint.

    Raises:
        ReadError: it is damaged.
        WeightsError: it is of another version.
    """
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged pickle raises is any of a dozen kinds
        raise ReadError("is damaged.", where=path, hint=_ANEW) from error
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise WeightsError(f"is no checkpoint of format {FORMAT}.", where=path, hint="Begin anew with another -o.")
    if not set(_KEYS) <= set(held) or set(held["place"]) != {f.name for f in fields(Place)}:
        raise ReadError("is damaged: a part of it is missing.", where=path, hint=_ANEW)
    return Place(**held["place"]), held


def check_stacks(path: Path, held: Mapping[str, Any], stacks: Mapping[str, int]) -> None:
    """Check that a training goes on with the data sets that it was begun with.

    Raises:
        SettingError: one has another number of stacks, so that the order would be another.
    """
    before = held.get("stacks", stacks)  # older checkpoints do not tell
    for name, count in stacks.items():
        if before.get(name) != count:
            raise SettingError(
                f"{name} has {count} stacks, the training was begun with {before.get(name, 'none')}.",
                where=path.parent,
                hint="Give the same data to go on, or another -o.",
            )


def restore_network(path: Path, held: dict[str, Any], net: FocusNet, average: Average | None) -> None:
    """Put the numbers of a checkpoint into a network and its average.

    Raises:
        WeightsError: they are of another network.
    """
    try:
        net.load_state_dict(held["network"])
    except RuntimeError as error:
        raise WeightsError(
            "is of another network than the recipe's.", where=path, hint="Give the recipe it was begun with."
        ) from error
    if average is not None and held["average"] is not None:
        average.load(held["average"])

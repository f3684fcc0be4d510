"""How the official code of each network is fed and what it returns: one file per network, found by its `OFFICIAL`."""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from focaldepth.networks._net import FocusNet

Arrays = Mapping[str, Tensor]


def bare(weights: Arrays, constructor: Mapping[str, Any]) -> Any:
    """The state dict itself."""
    return dict(weights)


@dataclass(frozen=True)
class Official:
    """One official network.

    Attributes:
        claims: (name of the case, constructor options) -> name in NETWORKS, or None when it is another network's.
        inputs: arrays of a case that are given; all others are compared.
        run: (network, inputs of a case as tensors) -> the arrays of the official code, by name.
        wrap: (weights, constructor options) -> what the official training script saves.
        tolerance: array -> largest difference, where the folder's README allows more than the general rule.
    """

    claims: Callable[[str, Mapping[str, Any]], str | None]
    inputs: tuple[str, ...]
    run: Callable[[FocusNet, Arrays], dict[str, Tensor]]
    wrap: Callable[[Arrays, Mapping[str, Any]], Any] = bare
    tolerance: Mapping[str, float] = field(default_factory=dict)


@cache
def every_official() -> tuple[Official, ...]:
    """All files of this folder."""
    return tuple(import_module(f"{__name__}.{m.name}").OFFICIAL for m in pkgutil.iter_modules(__path__))


def claimed(name: str, constructor: Mapping[str, Any]) -> tuple[Official, str]:
    """The official network of a case and its name here; fails when none or several claim it."""
    found = [(one, claim) for one in every_official() if (claim := one.claims(name, constructor))]
    assert len(found) == 1, f"{name} {dict(constructor)} is claimed by {[claim for _, claim in found]}"
    return found[0]


def parallel(weights: Arrays, constructor: Mapping[str, Any]) -> Any:
    """A training checkpoint of a network inside DataParallel."""
    return {"epoch": 3, "best": torch.tensor(0.5), "state_dict": {f"module.{k}": v for k, v in weights.items()}}

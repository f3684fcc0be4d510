"""The card of a set of weights: a JSON file beside the safetensors file that says what the numbers are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any

from focaldepth.core.errors import ReadError, WeightsError
from focaldepth.networks._spec import NETWORKS, Convention, Options

FORMAT = 1
"""Raised when the meaning of a field changes; older cards are then refused or moved on reading."""

DOMAIN = ("focus", "frames", "focal_length_m", "f_number")
"""Facts of a training that a stack is compared with."""


@dataclass(frozen=True)
class Card:
    """Facts of a set of weights.

    Attributes:
        network: name of the network, of `NETWORKS`.
        options: architecture options, field -> value.
        convention: how pixels and focus positions become inputs.
        sha256: of the safetensors file.
        parameters: number of trained numbers.
        tag: short name; the weights are called ``network.tag``.
        trained_on: data sets, in words.
        licence: of the weights, in words.
        metrics: name -> value that the weights are known to reach.
        seen: fact of `DOMAIN` -> least and largest value in training: focus positions in the unit of the convention,
            frames per stack, focal length in metres, f-number. Facts that nobody knows are absent. Of several data sets
            positions are those that the network was told, as the convention of these weights reads them.
        source: where they came from: file name and sha256 of the checkpoint, what was dropped.
        format: version of the card.
    """

    network: str
    options: Mapping[str, Any]
    convention: Convention
    sha256: str
    parameters: int
    tag: str = ""
    trained_on: str = ""
    licence: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    seen: Mapping[str, Sequence[float]] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def name(self) -> str:
        """``network.tag``, or the network alone."""
        return f"{self.network}.{self.tag}" if self.tag else self.network

    def made_options(self) -> Options:
        """Return the options as the network takes them; raises WeightsError when it does not know them."""
        default: Any = NETWORKS.get(self.network).default
        try:
            made: Options = type(default)(**self.options)
        except (TypeError, ValueError) as error:
            raise WeightsError(
                f"the card's options do not fit {self.network}: {error}.", hint="Import the weights again."
            ) from error
        return made


def card_path(weights: Path) -> Path:
    """Return where the card of a safetensors file lies: the same name with .json."""
    return weights.with_suffix(".json")


def write_card(card: Card, path: Path) -> None:
    """Write a card."""
    values = {**asdict(card), "convention": card.convention.as_dict()}
    path.write_text(json.dumps(values, indent=2) + "\n", "utf-8")


def read_card(weights: Path) -> Card:
    """Read the card of a safetensors file.

    Raises:
        ReadError: there is none, or it is no JSON.
        WeightsError: it is incomplete or of a later version.
    """
    path = card_path(weights)
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ReadError(
            "the weights have no card.", where=path, hint="Keep both files together, or import the checkpoint again."
        ) from error
    except (OSError, ValueError) as error:
        raise ReadError(f"the card cannot be read: {error}.", where=path, hint="Import the weights again.") from error
    known = {f.name for f in fields(Card)}
    whole = isinstance(values, dict) and known - {"seen"} <= set(values) <= known
    if not whole or values.get("format") != FORMAT or not is_domain(values.get("seen", {})):
        raise WeightsError(
            f"is no card of format {FORMAT}.", where=path, hint="Import the checkpoint again with this version."
        )
    return Card(**{**values, "convention": Convention.from_dict(values["convention"])})


def is_domain(seen: object) -> bool:
    """Return whether something is known facts with their least and largest value, as in `Card.seen`."""
    return isinstance(seen, dict) and all(
        name in DOMAIN and isinstance(ends, list) and len(ends) == 2
        and all(isinstance(v, int | float) and isfinite(v) for v in ends) and ends[0] <= ends[1]
        for name, ends in seen.items()
    )  # fmt: skip


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Weights into networks and out of them: strict, whole, and with the facts that belong to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from focaldepth.core.errors import ReadError, WeightsError, WriteError
from focaldepth.core.settings import parse
from focaldepth.io._atomic import staged_file
from focaldepth.networks._card import Card, card_path, read_card, sha256_of, write_card
from focaldepth.networks._checkpoint import Checkpoint, read_checkpoint
from focaldepth.networks._net import FocusNet, build
from focaldepth.networks._spec import NETWORKS, Convention, Options

_SHOWN = 3
"""Keys that a message names before it counts the rest."""


def from_checkpoint(path: Path, name: str, stated: Mapping[str, str] | None = None) -> tuple[FocusNet, Checkpoint]:
    """Make a network from a checkpoint of the official code; options are read from its tensors.

    Args:
        path: see `read_checkpoint`.
        name: which network it is, a name of `NETWORKS`.
        stated: options as texts, for what leaves no trace in tensors; they count more than what was read.

    Returns:
        The network in evaluation mode, and the checkpoint as read.

    Raises:
        ReadError, WeightsError: the file is damaged, of another network, lacks keys, has surplus ones, or holds NaN.
        UnknownNameError, SettingError: no such option, or not that value.
    """
    name, spec = NETWORKS.resolve(name), NETWORKS.get(name)
    found = read_checkpoint(path)
    if spec.translate is not None:
        found = replace(found, tensors=spec.translate(found.tensors))
    dropped = tuple(k for k in found.tensors if any(part in k for part in spec.ignored))
    found = replace(found, tensors={k: v for k, v in found.tensors.items() if k not in dropped}, dropped=dropped)
    try:
        _check_signature(found, name)
        texts = stated or {}
        options = _with(spec.read_options(found.shapes, {**found.stated, **texts}), texts)
        return with_weights(name, options, found.tensors), found
    except WeightsError as error:
        raise WeightsError(error.what, where=path, hint=_larger(found, name) or error.hint) from error


def _larger(found: Checkpoint, name: str) -> str:
    """Name the network that a checkpoint is of, where it holds all of this one and more."""
    own = set(NETWORKS.get(name).signature)
    larger = [n for n in NETWORKS.names() if own < set(NETWORKS.get(n).signature) <= set(found.tensors)]
    return f"These are weights of {' or '.join(larger)}: give that with --as." if larger else ""


def _with(options: Options, stated: Mapping[str, str]) -> Options:
    """Return options with those that were stated."""
    cls: Any = type(options)
    parsed = parse(cls, stated)
    names = {key.replace("-", "_") for key in stated}
    changed: Options = replace(options, **{name: getattr(parsed, name) for name in names})  # type: ignore[type-var]
    return changed


def import_checkpoint(
    path: Path,
    name: str,
    output: Path,
    *,
    options: Mapping[str, str] | None = None,
    convention: Convention | None = None,
    overwrite: bool = False,
    **facts: Any,
) -> Card:
    """Convert a checkpoint into a safetensors file with its card.

    Args:
        path, name: see `from_checkpoint`.
        output: the .safetensors file to write; the card lies beside it.
        options: see `from_checkpoint`, `stated`.
        convention: how the network was fed in training; None = as the official code does.
        overwrite: replace an existing file.
        **facts: `tag`, `trained_on`, `licence`, `metrics` of the card.
    """
    net, found = from_checkpoint(path, name, options)
    source = {"file": path.name, "sha256": sha256_of(path), "dropped": list(found.dropped)}
    name = NETWORKS.resolve(name)
    return save_weights(net, name, output, convention=convention, overwrite=overwrite, source=source, **facts)


def check_output(output: Path, *, overwrite: bool = False) -> None:
    """Raise WriteError for a name under which weights cannot be saved."""
    if output.suffix != ".safetensors":
        raise WriteError("is no .safetensors file.", where=output, hint="Give a name that ends so.")
    if output.exists() and not overwrite:
        raise WriteError("exists already.", where=output, hint="Give another name, or replace it with --overwrite.")


def save_weights(
    net: FocusNet,
    name: str,
    output: Path,
    *,
    convention: Convention | None = None,
    overwrite: bool = False,
    **facts: Any,
) -> Card:
    """Write the weights of a network as safetensors, with a card; both are there in the end, or neither.

    Raises:
        WriteError: the file exists already, does not end in .safetensors, or cannot be written.
    """
    from safetensors.torch import save_file

    check_output(output, overwrite=overwrite)
    tensors = {key: value.detach().cpu().contiguous() for key, value in net.state_dict().items()}
    options: Any = net.options
    with staged_file(output, overwrite) as file, staged_file(card_path(output), overwrite=True) as beside:
        save_file(tensors, file)
        card = Card(
            network=name,
            options=asdict(options),
            convention=convention or NETWORKS.get(name).convention,
            sha256=sha256_of(file),
            parameters=sum(p.numel() for p in net.parameters()),
            **facts,
        )
        write_card(card, beside)
        file.chmod(beside.stat().st_mode)  # safetensors keeps others from reading
    return card


def load_weights(path: Path) -> tuple[FocusNet, Card]:
    """Make the network of a safetensors file and its card, in evaluation mode.

    Raises:
        ReadError: a file is missing or cut off.
        WeightsError: the file is not the one that the card describes, or does not fit the network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ReadError("there is no such file.", where=path, hint="Give the path of a .safetensors file.")
    card = read_card(path)
    if sha256_of(path) != card.sha256:
        raise WeightsError(
            "is not the file that its card describes.", where=path, hint="Copy both again, or import the checkpoint."
        )
    try:
        return with_weights(card.network, card.made_options(), load_file(path)), card
    except SafetensorError as error:
        raise ReadError(f"is no safetensors file: {error}.", where=path, hint="Import the checkpoint again.") from error
    except WeightsError as error:
        raise WeightsError(error.what, where=path, hint=error.hint) from error


def with_weights(name: str, options: Options, tensors: Mapping[str, Tensor]) -> FocusNet:
    """Make a network and load all its weights, strictly; raises WeightsError for what does not fit."""
    with torch.device("meta"):  # numbers to begin with would be drawn for nothing
        net = build(name, options)
    own = net.state_dict()
    # Checkpoints from before PyTorch 0.4.1 do not count batches; nothing depends on the count in use.
    missing = [k for k in own if k not in tensors and not k.endswith("num_batches_tracked")]
    surplus = [k for k in tensors if k not in own]
    shaped = [k for k in own if k in tensors and tensors[k].shape != own[k].shape]
    for keys, what in ((missing, "lacks"), (surplus, "has unknown"), (shaped, "has other shapes of")):
        if keys:
            raise WeightsError(
                f"{what} {_listed(keys)} of {len(own)} tensors of {name}.",
                hint=f"Check that the file is complete and of {name} with options {options}.",
            )
    _check_numbers(tensors)
    counts = {k: torch.zeros(own[k].shape, dtype=own[k].dtype) for k in own if k not in tensors}
    net.load_state_dict({**counts, **{k: v.to(own[k].dtype) for k, v in tensors.items()}}, assign=True)
    return net


def _listed(keys: list[str]) -> str:
    rest = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + rest


def _check_signature(found: Checkpoint, name: str) -> None:
    """Tell a checkpoint of another network from a damaged one of this."""
    absent = [key for key in NETWORKS.get(name).signature if key not in found.tensors]
    if not absent:
        return
    others = [n for n in NETWORKS.names() if set(NETWORKS.get(n).signature) <= set(found.tensors)]
    hint = f"These are weights of {' or '.join(others)}: give that with --as." if others else "Give another file."
    raise WeightsError(f"is no checkpoint of {name}: it has no {absent[0]}.", hint=hint)


def _check_numbers(tensors: Mapping[str, Tensor]) -> None:
    for key, value in tensors.items():
        if not torch.isfinite(value).all():
            bad = int((~torch.isfinite(value)).sum())
            raise WeightsError(f"{key} holds {bad} numbers that are not finite.", hint="The training diverged.")
        if key.endswith("running_var") and (value < 0).any():
            raise WeightsError(f"{key} is negative somewhere.", hint="The network was saved before it was trained.")

"""Which weights there are, and which of them a name means. Nothing is downloaded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from focaldepth.core.errors import ReadError, UnknownNameError, WeightsError
from focaldepth.networks._card import Card, read_card
from focaldepth.networks._spec import NETWORKS

VARIABLE = "FOCALDEPTH_WEIGHTS"
"""Environment variable with folders of weights, separated like those of PATH."""
SUFFIX = ".safetensors"


def folders() -> list[Path]:
    """Return the folders in which weights are looked up by name; the first is where `focaldepth import` puts them."""
    named = [Path(part) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    return named or [_data_folder() / "focaldepth" / "weights"]


def _data_folder() -> Path:
    """The user's folder for data of programs, as each system has it."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def available() -> dict[Path, Card]:
    """Return the weights of all folders, file -> card; files without a readable card are left out."""
    found = {}
    for folder in folders():
        for path in sorted(folder.glob("*" + SUFFIX)):
            try:
                found[path] = read_card(path)
            except (ReadError, WeightsError):
                continue
    return found


def find_weights(text: str, network: str = "") -> Path:
    """Return the file that a path or a name such as ``dfv.ddff12`` means.

    Args:
        text: path of a .safetensors file, or name of weights in one of `folders`.
        network: network that they shall be of, for the message; empty = any.

    Raises:
        WeightsError: none were named, two sets have the name, or the file is no imported one.
        UnknownNameError: no set of weights has the name.
        ReadError: there is no such file.
    """
    there = available()
    if not text:
        raise WeightsError(f"{network} needs weights.", where="weights", hint=_how(network, there))
    named = [path for path, card in there.items() if card.name == text]
    if len(named) > 1:
        both = " and ".join(map(str, named))
        raise WeightsError(f"{text} is the name of {both}.", where="weights", hint="Give the path of one.")
    if named:
        return named[0]
    path = Path(text)
    if path.suffix == SUFFIX:
        if not path.is_file():
            raise ReadError("there is no such file.", where=path, hint=_how(network, there))
        return path
    if path.exists():
        raise WeightsError(
            "is no .safetensors file.", where=path, hint=f"Import it: focaldepth import {path} --as {network or 'dfv'}"
        )
    if text.partition(".")[0] in NETWORKS.names() and there:
        raise UnknownNameError("weights", text, [card.name for card in there.values()])
    raise WeightsError(f"there are no weights {text!r}.", where="weights", hint=_how(network, there))


def _how(network: str, there: dict[Path, Card]) -> str:
    """Say which weights exist, and how to get some."""
    own = sorted({card.name for card in there.values() if card.network == network})
    if own:
        return f"There are: {', '.join(own)}. Give one with --weights."
    place = folders()[0]
    official = NETWORKS.get(network).official if network else ""
    source = f"a checkpoint of {official}" if official else "a checkpoint"
    return (
        f"{place} holds none of {network or 'any network'}. Import {source}: focaldepth import CHECKPOINT "
        f"--as {network or 'NETWORK'}; or give --weights random to try a run whose depth means nothing."
    )

"""Networks ready to run: weights found and loaded, on their device, in the form and precision asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from focaldepth.core.errors import SettingError, WeightsError
from focaldepth.networks._card import card_path, read_card
from focaldepth.networks._catalogue import find_weights
from focaldepth.networks._fast import Fast
from focaldepth.networks._method import RANDOM, NetworkMethod
from focaldepth.networks._net import FocusNet, NetOutput, build
from focaldepth.networks._spec import NETWORKS, Convention, Options
from focaldepth.networks._weights import load_weights

WANTED = ("depth", "probability", "all_in_focus_probability", "aligned")
"""What a run needs of a network's output."""
_SEED = 0
_ONE = Lock()


@dataclass(frozen=True)
class Choice:
    """Which network with which weights, in which form, on what; what is loaded once for equal choices.

    Attributes:
        network: name.
        file: the weights; None = random ones.
        changed: when the file changed, so that another one is loaded anew.
        options, convention: of the weights.
        device, precision, form: see `NetworkMethod`.
    """

    network: str
    file: Path | None
    changed: int
    options: Options
    convention: Convention
    device: str
    precision: str
    form: str


def choose(method: NetworkMethod) -> Choice:
    """Find what a method means, from the card alone.

    Raises:
        WeightsError, ReadError, UnknownNameError: there are no such weights, or they are of another network.
        SettingError: there is no such device.
    """
    spec = NETWORKS.get(method.network)
    run_on = {"device": str(device_of(method.device)), "precision": method.precision, "form": method.form}
    if method.weights == RANDOM:
        return Choice(method.network, None, 0, spec.default, spec.convention, **run_on)
    path = find_weights(method.weights, method.network)
    card = read_card(path)
    if card.network != method.network:
        raise WeightsError(
            f"are weights of {card.network}.", where=path, hint=f"Give --method {card.network}, or other weights."
        )
    changed = path.stat().st_mtime_ns
    return Choice(method.network, path, changed, card.made_options(), card.convention, **run_on)


def device_of(text: str) -> torch.device:
    """Return the device of a name; raises SettingError when it is not there."""
    if text in ("", "auto"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(text)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        cuda = f", cuda (to cuda:{torch.cuda.device_count() - 1})" if torch.cuda.is_available() else ""
        raise SettingError(
            f"{text!r} cannot be used here.", where="device", hint=f"Here are: auto, cpu{cuda}."
        ) from error
    return device


@dataclass(frozen=True)
class Loaded:
    """A network that runs, and the facts of its weights."""

    net: FocusNet
    card: Mapping[str, Any]
    choice: Choice

    def __call__(self, inputs: Mapping[str, Tensor]) -> NetOutput:
        """Run it on inputs on its device."""
        narrow = self.choice.precision == "bfloat16" and self.choice.form != "fast"
        device = self.choice.device.partition(":")[0]
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=narrow):
            made: NetOutput = self.net(**inputs)
            return made


@lru_cache(maxsize=1)
def load(choice: Choice) -> Loaded:
    """Load a network; equal choices get the same one.

    Raises:
        ReadError, WeightsError: the file is damaged.
    """
    with _ONE:
        if choice.file is None:
            net, card = random_net(choice.network, choice.options), {"name": RANDOM, "seed": _SEED}
        else:
            net, found = load_weights(choice.file)
            card = {"name": found.name, **asdict(found), "convention": found.convention.as_dict()}
            card |= {"file": str(choice.file), "card": str(card_path(choice.file))}
    net = net.to(choice.device).requires_grad_(False)
    if choice.form == "fast":
        net = Fast(net, bfloat16=choice.precision == "bfloat16", wanted=WANTED)
    elif choice.form == "compiled":
        net.compile(dynamic=False)
    return Loaded(net, card, choice)


def random_net(name: str, options: Options) -> FocusNet:
    """Return a network as it is before training, the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        return build(name, options)

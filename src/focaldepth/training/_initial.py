"""Weights to begin with: of the whole network, or of its trunk as trained on ImageNet. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from focaldepth.core.errors import WeightsError
from focaldepth.networks._checkpoint import read_checkpoint
from focaldepth.networks._net import FocusNet, build
from focaldepth.networks._spec import NETWORKS, Options
from focaldepth.networks._weights import from_checkpoint, load_weights

_VGG = {
    False: (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    True: (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40),
}
"""With batch norm or not -> indices of the convolutions of VGG-16 in the usual files."""
_VGG_LAYERS = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3")
_TRUNKS = {"dfv": "feature_extraction.encoder.", "fv": "feature_extraction.encoder.", "pspnet-dff": "encoder."}
"""Network -> beginning of the keys of its residual trunk."""


def fresh(name: str, options: Options, seed: int) -> FocusNet:
    """Return a network with the weights that it is initialised with; the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(name, options)


def initialise(net: FocusNet, name: str, path: Path) -> str:
    """Put weights of a file into a network; return what was put in, in words.

    Args:
        net: the network.
        name: of it.
        path: of a .safetensors file with its card, of a checkpoint of the official code, or of an ImageNet checkpoint
            (VGG-16 with or without batch norm for ddffnet, ResNet-18 for dfv and fv, ResNet-50 or 101 for pspnet-dff).

    Raises:
        ReadError: there is no such file, or it is damaged.
        WeightsError: it is of another network.
    """
    own = net.state_dict()
    if path.suffix == ".safetensors":
        other, card = load_weights(path)
        return _put(net, other.state_dict(), path, f"weights of {card.name}", f"they are weights of {card.network}")
    found = dict(read_checkpoint(path).tensors)
    trunk = _trunk(found, name, own)
    if trunk:
        net.load_state_dict({**own, **trunk})
        return f"the trunk, {len(trunk)} of {len(own)} tensors"
    if set(NETWORKS.get(name).signature) <= set(found):
        other, _ = from_checkpoint(path, name)
        return _put(net, other.state_dict(), path, "the whole network", "its layers are others")
    raise WeightsError(
        f"holds neither weights of {name} nor of its trunk.",
        where=path,
        hint=_EXPECTED.get(name, "Give other weights."),
    )


_EXPECTED = {
    "ddffnet": "ImageNet weights of VGG-16, with batch norm or without, begin a ddffnet.",
    "dfv": "ImageNet weights of ResNet-18 begin a dfv.",
    "fv": "ImageNet weights of ResNet-18 begin an fv.",
    "pspnet-dff": "ImageNet weights of ResNet-50 begin a pspnet-dff.",
}


def _put(net: FocusNet, tensors: Mapping[str, Tensor], path: Path, words: str, otherwise: str) -> str:
    """Load a whole state; layers may be missing in it where a network grew by a stage, but none may differ."""
    own = net.state_dict()
    shared = {key: t for key, t in tensors.items() if key in own and own[key].shape == t.shape}
    if len(shared) < len(tensors):
        raise WeightsError(f"does not fit the network: {otherwise}.", where=path, hint="Give weights of this network.")
    net.load_state_dict({**own, **shared})
    return words if len(shared) == len(own) else f"{words}, {len(shared)} of {len(own)} tensors"


def _trunk(found: Mapping[str, Tensor], name: str, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of an ImageNet checkpoint under the names of the network; empty where it is none for it."""
    renamed = _vgg(found) if name == "ddffnet" else {}
    if name in _TRUNKS and "layer1.0.conv1.weight" in found:
        renamed = {_TRUNKS[name] + key: tensor for key, tensor in found.items()}
    fitting = {key: t for key, t in renamed.items() if key in own and own[key].shape == t.shape}
    odd = [key for key in renamed if key in own and key not in fitting]
    return {} if odd else fitting


def _vgg(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """VGG-16's features under the names of DDFFNet's encoder."""
    norm = "features.1.running_mean" in found
    renamed = {}
    for index, layer in zip(_VGG[norm], _VGG_LAYERS, strict=True):
        for kind in ("weight", "bias"):
            renamed[f"autoencoder.conv{layer}.{kind}"] = found.get(f"features.{index}.{kind}")
        for kind in ("weight", "bias", "running_mean", "running_var") if norm else ():
            renamed[f"autoencoder.conv{layer}_bn.{kind}"] = found.get(f"features.{index + 1}.{kind}")
    return {key: tensor for key, tensor in renamed.items() if tensor is not None}

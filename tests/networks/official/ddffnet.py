"""soyers/ddff-pytorch: `DDFFNet(focal_stack_size, output_dims, cc1_enabled ... cc5_enabled, bias)`."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from focaldepth.networks._net import FocusNet

from . import Arrays, Official


def claims(name: str, constructor: Mapping[str, Any]) -> str | None:
    return "ddffnet" if name.partition("_")[0] == "ddffnet" else None


def run(net: FocusNet, case: Arrays) -> dict[str, Tensor]:
    frames = case["stack"]
    out = net(frames, torch.zeros(frames.shape[:2]))
    features = out.extras["activation"].transpose(1, 2).flatten(0, 1)
    return {"features": features, "depth": out.extras.get("outputs", out.depth)}


def wrap(weights: Arrays, constructor: Mapping[str, Any]) -> Any:
    settings = {"lr": 1e-3, "momentum": 0.9, "weight_decay": 5e-4, "params": [0, 1]}
    return {"epoch": 200, "state_dict": dict(weights), "optimizer": {"state": {}, "param_groups": [settings]}}


OFFICIAL = Official(claims, ("stack",), run, wrap)

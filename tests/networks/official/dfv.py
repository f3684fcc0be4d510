"""fuy34/DFV: `DFFNet(clean, level, use_diff)`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from focaldepth.networks._net import FocusNet

from . import Arrays, Official


def claims(name: str, constructor: Mapping[str, Any]) -> str | None:
    family = name.partition("_")[0]
    if family not in ("dfv", "fv"):
        return None
    return "dfv" if constructor.get("use_diff", family == "dfv") else "fv"


def run(net: FocusNet, case: Arrays) -> dict[str, Tensor]:
    net.every_scale = True
    out = net(case["stack"], case["focus"])
    found = {}
    for i, scale in enumerate(out.scales, 1):
        found |= {f"level{i}_depth": scale.depth, f"level{i}_std": scale.spread, f"level{i}_cost": scale.scores}
    return {**found, "depth": out.depth, "std": out.spread.squeeze(), "prob": out.probability.squeeze()}


def wrap(weights: Arrays, constructor: Mapping[str, Any]) -> Any:
    best = np.float64(0.5)  # the training script keeps numpy's number
    state = {f"module.{key}": value for key, value in weights.items()}
    return {"epoch": 699, "iters": 10**5, "best": best, "state_dict": state, "optimize": {"state": {}}}


OFFICIAL = Official(claims, ("stack", "focus"), run, wrap)

"""dvl-tum/defocus-net: `AENet(in_dim, out_dim, num_filter, flag_step2)`, called with stacked channels."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from focaldepth.networks._net import FocusNet

from . import Arrays, Official


def claims(name: str, constructor: Mapping[str, Any]) -> str | None:
    if name.partition("_")[0] != "defocusnet" or "arch2" in name:
        return None
    return "defocusnet" if constructor.get("flag_step2", "step1" not in name) else "defocusnet-coc"


def run(net: FocusNet, case: Arrays) -> dict[str, Tensor]:
    frames = case["stack"].unflatten(1, (-1, 3))
    maps = case.get("focus_maps", torch.ones(1, 1, 1, 1))
    out = net(frames, maps[:, :, 0, 0].expand(frames.shape[:2]))
    return {"coc": out.extras["circle_of_confusion"], "depth": out.depth}


OFFICIAL = Official(claims, ("stack", "focus", "focus_maps"), run)

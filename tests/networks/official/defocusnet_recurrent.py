"""dvl-tum/defocus-net: `RecurrentAE(input_nc)`, fed one frame per call after one `reset_hidden()`."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from focaldepth.networks._net import FocusNet

from . import Arrays, Official


def claims(name: str, constructor: Mapping[str, Any]) -> str | None:
    return "defocusnet-recurrent" if name.startswith("defocusnet_arch2") else None


def run(net: FocusNet, case: Arrays) -> dict[str, Tensor]:
    frames = case["frames"][None]
    focus = frames[:, :, -1, 0, 0]  # of four channels the last is constant: the focus position
    out = net(frames[:, :, :3], focus)
    return {"outputs": out.extras["after_frame"].transpose(0, 1), "hidden_bottleneck": out.extras["memory"]}


OFFICIAL = Official(claims, ("frames",), run)

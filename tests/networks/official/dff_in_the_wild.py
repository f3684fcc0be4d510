"""wcy199705/DfFintheWild: both classes called `Network`, of depth and end to end."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from focaldepth.networks._net import FocusNet
from focaldepth.networks.modules.dff_in_the_wild_e2e import EndToEnd, flow

from . import Arrays, Official


def claims(name: str, constructor: Mapping[str, Any]) -> str | None:
    return name.replace("_", "-") if name in ("dff_in_the_wild", "dff_in_the_wild_e2e") else None


def run(net: FocusNet, case: Arrays) -> dict[str, Tensor]:
    net.every_scale = True
    frames, focus = case["stack"].transpose(1, 2), case["focus"].flatten(1)
    extra = {"field_of_view": case["fov"].flatten(1)} if "fov" in case else {}
    out = net(frames, focus, **extra)
    found = {}
    for i, scale in enumerate(reversed(out.scales), 1):
        found |= {f"depth{i}": scale.depth.squeeze(1), f"cost{i}": scale.scores}
    return found | alignment(net, case, out.extras) if extra else found


def alignment(net: FocusNet, case: Arrays, extras: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Coefficients after each scale, the final flow at the corners, the aligned frames that the case holds."""
    assert isinstance(net, EndToEnd)
    field_of_view, size = case["fov"].flatten(1), case["stack"].shape[-2:]
    levels = net.optical_flow_aggregation(case["stack"], field_of_view)
    torch.testing.assert_close(extras["coefficients"], levels[-1])
    corners = flow(extras["coefficients"], field_of_view, *size)[..., [0, 0, -1, -1], [0, -1, 0, -1]]
    aligned = extras["aligned"].transpose(1, 2)
    if "aligned_slices" in case:
        aligned = aligned[:, :, case["aligned_slices"]]
    found = {f"coeff_level{3 - i}": level.transpose(1, 2) for i, level in enumerate(levels)}
    return {**found, "flow_corners": corners, "aligned": aligned}


def wrap(weights: Arrays, constructor: Mapping[str, Any]) -> Any:
    """The scripts save bare state dicts, but for that of the DefocusNet set, which saves the parallel wrapper."""
    return dict(weights) if "optical_flow_aggregation.conv1.6.bias" in weights else parallel(weights)


def parallel(weights: Arrays) -> dict[str, Tensor]:
    return {f"module.{key}": value for key, value in weights.items()}


OFFICIAL = Official(
    claims,
    ("stack", "focus", "fov", "aligned_slices"),
    run,
    wrap,
    tolerance={"coeff_level1": 1e-4, "coeff_level2": 1e-4, "coeff_level3": 1e-4, "flow_corners": 1e-3, "aligned": 1e-3},
)

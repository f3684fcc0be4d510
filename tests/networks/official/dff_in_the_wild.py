"""wcy199705/DfFintheWild: both classes called `Network`, of depth and end to end."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from focaldepth.networks._net import FocusNet
from focaldepth.networks.modules.dff_in_the_wild_e2e import flow

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
    return found | alignment(case, out.extras) if extra else found


def alignment(case: Arrays, extras: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Coefficients after each scale, the final flow at the corners, the aligned frames that the case holds."""
    levels = {1: "coefficients", 2: "coefficients_half", 3: "coefficients_quarter"}
    found = {f"coeff_level{k}": extras[name].transpose(1, 2) for k, name in levels.items()}
    moved = flow(extras["coefficients"], case["fov"].flatten(1), *case["stack"].shape[-2:])
    aligned = extras["aligned"].transpose(1, 2)
    if "aligned_slices" in case:
        aligned = aligned[:, :, case["aligned_slices"]]
    return {**found, "flow_corners": moved[..., [0, 0, -1, -1], [0, -1, 0, -1]], "aligned": aligned}


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

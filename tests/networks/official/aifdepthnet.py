"""albert100121/AiFDepthNet: `AiFDepthNet(n_channels, n_classes, n_stack, normalize_attention, stage2, ...)`.

The loss cases feed the official `compute_loss`; depth and picture go through the same formulas here.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from focaldepth.networks._net import FocusNet

from . import Arrays, Official

AIF, SMOOTH = 0.5, 0.25
"""Weights of the loss cases; that of depth is 1."""


def claims(name: str, constructor: Mapping[str, Any]) -> str | None:
    return "aifdepthnet" if name.partition("_")[0] == "aifdepthnet" else None


def run(net: FocusNet, case: Arrays) -> dict[str, Tensor]:
    frames = case["stack"].transpose(1, 2)
    focus = case["focus"].flatten(1) if "focus" in case else torch.zeros(frames.shape[:2])
    out = net(frames, focus)
    found = {"depth": out.depth, "aif": out.all_in_focus, "logits": out.extras["logits"]}
    if out.probability is not None:
        found |= {"attention": out.probability, "attention_aif": out.extras["all_in_focus_probability"]}
    if "gt_depth" in case:
        found |= losses(out.depth, out.all_in_focus, case["gt_depth"], case["gt_aif"], focus)
    return found


def losses(depth: Tensor, picture: Tensor, truth: Tensor, sharp: Tensor, focus: Tensor) -> dict[str, Tensor]:
    """All terms of the three tasks under both masks."""
    aif, smooth = (picture - sharp).abs().mean(), smoothness(depth, sharp)
    low, high = focus.amin(1).view(-1, 1, 1, 1), focus.amax(1).view(-1, 1, 1, 1)
    found = {}
    for name, mask in {"positive": truth > 0, "range": (truth >= low) & (truth <= high)}.items():
        off = (depth - truth)[mask]
        error, squared = off.abs().mean(), off.square().mean()
        picture_terms = {"AiF": aif, "smooth": smooth}
        weighted = AIF * aif + SMOOTH * smooth
        tasks = {
            "D_FS": {"depth": error, "disp_MSE": squared, "total": error},
            "A_FS": {**picture_terms, "total": weighted},
            "DA_FS": {"depth": error, **picture_terms, "total": error + weighted},
        }
        found |= {f"loss_{task}_{name}_{t}": value for task, terms in tasks.items() for t, value in terms.items()}
    return found


def smoothness(depth: Tensor, sharp: Tensor) -> Tensor:
    """Slopes of depth, forgiven where the sharp picture has an edge; the mean of both directions."""
    terms = []
    for axis in (-2, -1):
        edge = torch.exp(-(150 * sharp.diff(dim=axis)).square().mean(1, keepdim=True))
        terms.append((edge * (depth.diff(dim=axis).square() + 0.001**2).sqrt()).mean())
    return (terms[0] + terms[1]) / 2


def wrap(weights: Arrays, constructor: Mapping[str, Any]) -> Any:
    model = {"model_setting": {"model": "models.AiFDepthNet.AiFDepthNet"}, "model_kwargs": dict(constructor)}
    state = {f"module.{key}": value for key, value in weights.items()}
    arguments = {"device": torch.device("cuda:0"), "stack_num": constructor.get("n_stack", 10), "test": True}
    return {"args_dict": arguments, "args_model": model, "state_dict": state}


OFFICIAL = Official(claims, ("stack", "focus", "gt_depth", "gt_aif"), run, wrap)

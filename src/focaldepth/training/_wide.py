"""Layers that must not compute in half precision."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def keep_wide(net: nn.Module) -> None:
    """Let 3D convolutions of a network on the processor compute in float32 where the rest is in bfloat16.

    Their gradient in bfloat16 by oneDNN for AMX (torch 2.13) writes beyond its memory, for up to 32 output channels
    from about 72 pixels of width on: the process dies, or numbers of something else change.

    Args:
        net: its layers are changed in place; their weights and the names of these stay as they are.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Conv3d):
            layer.forward = _in_float32(layer.forward)  # type: ignore[assignment,method-assign]


def _in_float32(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def wide(x: Tensor) -> Tensor:
        if not torch.is_autocast_enabled("cpu"):
            return forward(x)
        with torch.autocast("cpu", enabled=False):
            return forward(x.float())

    return wide

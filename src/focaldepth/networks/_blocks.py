"""From scores of frames to depth: what the heads of several networks share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.networks._net import Scale


def resized(scores: Tensor, height: int, width: int) -> Tensor:
    """Enlarge (B, N, h, w) bilinearly to (B, N, H, W), as all official codes do (corners not aligned)."""
    if scores.shape[-2:] == (height, width):
        return scores
    return F.interpolate(scores, size=(height, width), mode="bilinear", align_corners=False)


def masked(scores: Tensor, frame_valid: Tensor | None) -> Tensor:
    """Return (B, N, h, w) scores that give no weight to frames where `frame_valid` (B, N) is False."""
    if frame_valid is None:
        return scores
    return scores.masked_fill(~frame_valid[:, :, None, None], -torch.inf)


def normalised_softplus(scores: Tensor, floor: float = 0.0) -> Tensor:
    """Return softplus(scores) + floor divided by its sum over N, (B, N, H, W); a score of -inf gets exactly 0."""
    weights = F.softplus(scores) + floor
    if floor:
        weights = weights.masked_fill(torch.isneginf(scores), 0.0)
    total: Tensor = weights / weights.sum(1, keepdim=True)
    return total


def expected(probability: Tensor, focus: Tensor) -> Tensor:
    """Return depth (B, 1, H, W) = sum over frames of probability (B, N, H, W) times focus position (B, N)."""
    return (probability * focus[:, :, None, None]).sum(1, keepdim=True)


@torch.no_grad()
def spread(probability: Tensor, focus: Tensor, depth: Tensor) -> Tensor:
    """Return sqrt(sum p_i (depth - f_i)^2), (B, 1, H, W): the uncertainty of DFV, in the unit of `focus`."""
    off = depth - focus[:, :, None, None]
    return (probability * off * off).sum(1, keepdim=True).sqrt()


def softmax_scale(scores: Tensor, focus: Tensor, frame_valid: Tensor | None, height: int, width: int) -> Scale:
    """Enlarge scores (B, N, h, w), take the softmax over N, and read depth and its spread from it."""
    probability = masked(resized(scores, height, width), frame_valid).softmax(1)
    depth = expected(probability, focus)
    return Scale(depth, scores, probability, spread(probability, focus, depth))


def init_3d(net: nn.Module) -> None:
    """Draw the weights of 3D convolutions from N(0, sqrt(2 / (k^3 out))) and clear their biases, as DFV does."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv3d):
            fan = layer.out_channels * layer.kernel_size[0] * layer.kernel_size[1] * layer.kernel_size[2]
            nn.init.normal_(layer.weight, 0.0, (2.0 / fan) ** 0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

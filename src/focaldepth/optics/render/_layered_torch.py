"""The layered renderer on tensors: CPU or GPU, differentiable in the picture and in the depth.

The same slices, blur and composition as `layered.Layered` (Ikoma et al. 2021, eqs. 5-6), without cropping; a gradient
of the depth flows through the shares of the slices between which a pixel lies.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from focaldepth.core.errors import SettingError
from focaldepth.optics.aperture import Aperture

_NOTHING = 1e-3
_MOST_SLICES = 256


def render(
    picture: Tensor,
    nearness: Tensor,
    focus: Tensor,
    scale: Tensor,
    *,
    step: float = 0.5,
    aperture: Aperture | None = None,
    hidden: tuple[Tensor, Tensor, Tensor] | None = None,
) -> Tensor:
    """Render frames of a batch of pictures with depth.

    Args:
        picture: (B, C, H, W) float, linear light.
        nearness: (B, H, W), dioptres or disparity: blur is linear, larger is nearer.
        focus: (B, N) positions on the same axis.
        scale: (B, N) blur radius in px per unit.
        step: blur between two slices in px.
        aperture: shape of the opening, the same over the whole field; None = disc.
        hidden: colour (B, C, H, W), alpha (B, H, W) and nearness (B, H, W) of what goes on behind depth edges; see
            `_surfaces.with_hidden`. None = nothing.

    Returns:
        (B, N, C, H, W).

    Raises:
        SettingError: shapes that do not fit together, or an aperture that varies over the field.

    >>> out = render(torch.ones(1, 3, 8, 8), torch.ones(1, 8, 8), torch.tensor([[0.5, 2.0]]), torch.ones(1, 2))
    >>> out.shape, bool((out - 1).abs().max() < 1e-5)
    (torch.Size([1, 2, 3, 8, 8]), True)
    """
    opening = aperture or Aperture()
    b, c, h, w = _checked(picture, nearness, focus, scale, opening)
    out = picture.new_empty(b, focus.shape[1], c, h, w)
    for k in range(b):
        behind = None if hidden is None else (hidden[0][k], hidden[1][k], hidden[2][k])
        sheets = _sheets(picture[k], nearness[k], behind, step, float(scale[k].max()))
        for n in range(focus.shape[1]):
            out[k, n] = _frame(sheets, float(focus[k, n]), float(scale[k, n]), opening)
    return out


Sheet = tuple[float, Tensor]
"""Nearness of a slice, and its (C + 2, H, W) colour times alpha, alpha with what is hidden, alpha of what is seen."""


def _sheets(
    picture: Tensor, nearness: Tensor, hidden: tuple[Tensor, Tensor, Tensor] | None, step: float, scale: float
) -> list[Sheet]:
    depths = [nearness.detach()] + ([] if hidden is None else [hidden[2].detach()])
    low, high = min(float(d.min()) for d in depths), max(float(d.max()) for d in depths)
    width = step / scale if scale > 0 else math.inf
    count = 1 if high <= low else min(_MOST_SLICES, math.ceil((high - low) / width) + 1)
    place = (count - 1) / (high - low) if count > 1 else 0.0
    made = []
    for k in range(count):
        seen = (1 - ((nearness - low) * place - k).abs()).clamp(min=0)
        content, alpha = picture * seen, seen
        if hidden is not None:
            share = (1 - ((hidden[2] - low) * place - k).abs()).clamp(min=0) * hidden[1]
            content, alpha = content + hidden[0] * share, alpha + share
        if bool((alpha > 0).any()):
            made.append((low + k / place if place else low, torch.cat([content, alpha[None], seen[None]])))
    return made


def _frame(sheets: list[Sheet], focus: float, scale: float, aperture: Aperture) -> Tensor:
    c, h, w = sheets[0][1].shape
    out = sheets[0][1].new_zeros(c - 1, h, w)
    covered = out.new_zeros(h, w)
    for nearness, sheet in sheets:
        covered = covered + sheet[-1]
        whole = (covered + sheet[-2] - sheet[-1]).clamp(max=1)
        blurred = _blurred(torch.cat([sheet[:-1], whole[None]]), scale * (nearness - focus), aperture)
        there = blurred[-1:] > _NOTHING
        share = torch.where(there, blurred[:-1] / blurred[-1:].clamp(min=_NOTHING), torch.zeros_like(blurred[:-1]))
        out = out * (1 - share[-1:].clamp(0, 1)) + share
    return torch.where(out[-1:] > _NOTHING, out[:-1] / out[-1:].clamp(min=_NOTHING), torch.zeros_like(out[:-1]))


def _blurred(content: Tensor, radius: float, aperture: Aperture) -> Tensor:
    """Convolve every channel with the opening; the border is mirrored with its edge pixels repeated."""
    kernel = aperture.kernel(radius)
    if kernel.size == 1:
        return content
    half = kernel.shape[0] // 2
    weights = torch.from_numpy(kernel.copy()).to(content).flip(0, 1)
    wide = _mirrored(_mirrored(content, half, 1), half, 2)
    channels = content.shape[0]
    return functional.conv2d(wide[:, None], weights[None, None], groups=1).reshape(channels, *content.shape[1:])


def _mirrored(content: Tensor, half: int, axis: int) -> Tensor:
    size = content.shape[axis]
    at = torch.arange(-half, size + half, device=content.device) % (2 * size)
    return content.index_select(axis, torch.where(at < size, at, 2 * size - 1 - at))


def _checked(
    picture: Tensor, nearness: Tensor, focus: Tensor, scale: Tensor, aperture: Aperture
) -> tuple[int, int, int, int]:
    b, c, h, w = picture.shape if picture.ndim == 4 else (0, 0, 0, 0)
    if nearness.shape != (b, h, w) or focus.ndim != 2 or focus.shape[0] != b or scale.shape != focus.shape:
        raise SettingError(
            f"picture {tuple(picture.shape)}, depth {tuple(nearness.shape)}, focus {tuple(focus.shape)} and scale "
            f"{tuple(scale.shape)} do not fit together.",
            where="rendering",
            hint="Give (B, C, H, W), (B, H, W), (B, N) and (B, N).",
        )
    if aperture.varies:
        raise SettingError("a cat's eye varies over the field.", where="rendering", hint="Use the renderer on arrays.")
    return b, c, h, w

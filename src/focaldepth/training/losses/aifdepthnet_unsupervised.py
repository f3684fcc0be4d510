"""AiFDepthNet, unsupervised: absolute error of the all-in-focus picture, and depth that is smooth away from edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from focaldepth.core.errors import SettingError
from focaldepth.core.settings import check, setting
from focaldepth.networks._net import NetOutput
from focaldepth.training._batch import Batch
from focaldepth.training.losses._loss import Loss, Part, masked_sum, pixels
from focaldepth.training.losses.aifdepthnet import SOURCE

_EDGE = 150.0
_ROUND = 1e-3


def smoothness(depth: Tensor, picture: Tensor, dim: int) -> Tensor:
    """Return how uneven depth is along a side where the picture is even, (B, 1, H', W').

    exp(-mean over channels of (150 dI)^2) * sqrt(dd^2 + 0.001^2), first forward differences (the official program calls
    them second).

    Args:
        depth: (B, 1, H, W).
        picture: (B, 3, H, W) all-in-focus, 0 to 1.
        dim: 2 = along rows' numbers (vertical), 3 = horizontal.
    """
    edge = torch.exp(-(_EDGE * picture.diff(dim=dim)).square().mean(1, keepdim=True))
    return edge * (depth.diff(dim=dim).square() + _ROUND**2).sqrt()


@dataclass(frozen=True)
class AifDepthNetUnsupervisedLoss(Loss):
    """Weighted sum of the mean absolute error of the picture, of smoothness, and, where asked, of depth.

    The weights were not published; with the default the ablation of supervision (supplement, table 4) has the terms of
    its rows "with smoothness", with ``smooth=0`` those without.
    """

    source: ClassVar[str] = SOURCE
    needs: ClassVar[tuple[str, ...]] = ("all_in_focus",)

    picture: float = setting(1.0, "weight of the all-in-focus picture", low=0)
    smooth: float = setting(0.002, "weight of smoothness", low=0)
    depth: float = setting(0.0, "weight of the absolute error of depth where truth is known", low=0)

    def __post_init__(self) -> None:
        check(self)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """See `Loss`."""
        b, _, h, w = batch.truth.shape
        sizes = {"values": 3 * b * h * w, "vertical": b * (h - 1) * w, "horizontal": b * h * (w - 1)}
        counts = {name: batch.truth.new_tensor(n, dtype=torch.float64) for name, n in sizes.items()}
        return {**counts, "pixels": pixels(batch.valid)}

    def parts(self, out: NetOutput, batch: Batch) -> Sequence[Part]:
        """See `Loss`."""
        sharp = batch.sharp
        if out.all_in_focus is None or sharp is None:
            raise SettingError(
                "the network gives no all-in-focus picture.",
                where="aifdepthnet-unsupervised",
                hint="Train aifdepthnet with it, on data that has such pictures.",
            )
        light = batch.as_light(sharp)
        found = [Part("picture", (batch.as_light(out.all_in_focus) - light).abs().sum(), "values", self.picture)]
        for name, dim in (("vertical", 2), ("horizontal", 3)):
            found.append(Part(name, smoothness(out.depth, light, dim).sum(), name, self.smooth / 2))
        if self.depth:
            total = masked_sum((out.depth - batch.truth).abs(), batch.valid)
            found.append(Part("depth", total, "pixels", self.depth))
        return found


LOSS = AifDepthNetUnsupervisedLoss

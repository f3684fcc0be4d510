"""DFV: smooth L1 at every scale of the decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from focaldepth.core.settings import check, setting
from focaldepth.networks._net import NetOutput
from focaldepth.training._batch import Batch
from focaldepth.training.losses._loss import Loss, Part, masked_sum, pixels


def level_weights(levels: int) -> list[float]:
    """Return the weight of every scale, finest first: each half of the one before, in all 1.

    >>> [round(15 * weight, 9) for weight in level_weights(4)]
    [8.0, 4.0, 2.0, 1.0]
    """
    whole = 2**levels - 1
    return [2 ** (levels - 1 - k) / whole for k in range(levels)]


@dataclass(frozen=True)
class DfvLoss(Loss):
    """Mean smooth L1 of every scale against the full truth, weighted 8/15, 4/15, 2/15, 1/15 from the finest on."""

    source: ClassVar[str] = (
        "Yang, Huang, Zhou, Deep Depth from Focus with Differential Focus Volume, CVPR 2022; as in the official program"
    )
    every_scale: ClassVar[bool] = True

    beta: float = setting(1.0, "error up to which it counts squared", low=1e-6)

    def __post_init__(self) -> None:
        check(self)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """See `Loss`."""
        return {"pixels": pixels(batch.valid)}

    def parts(self, out: NetOutput, batch: Batch) -> Sequence[Part]:
        """See `Loss`."""
        weights = level_weights(len(out.scales))
        return [
            Part(f"scale_{k}", self._sum(scale.depth, batch), "pixels", weight)
            for k, (scale, weight) in enumerate(zip(out.scales, weights, strict=True))
        ]

    def _sum(self, depth: Tensor, batch: Batch) -> Tensor:
        error = F.smooth_l1_loss(depth, batch.truth, reduction="none", beta=self.beta)
        return masked_sum(error, batch.valid)


LOSS = DfvLoss

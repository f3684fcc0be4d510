"""In the wild: squared error at every scale of the decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from focaldepth.networks._net import NetOutput
from focaldepth.training._batch import Batch
from focaldepth.training.losses._loss import Loss, Part, masked_sum

WEIGHTS = (1.0, 0.7, 0.5, 0.3)
"""Of the scales, finest first."""


@dataclass(frozen=True)
class InTheWildLoss(Loss):
    """0.3 D1 + 0.5 D2 + 0.7 D3 + 1.0 D4, coarse to fine; each is a mean of (d - t)^2 over the valid pixels.

    The paper writes a norm, the official program takes the mean of squares. Where the truth of a data set comes with a
    confidence (Smartphone), squares are weighted by it and divided by its sum.
    """

    source: ClassVar[str] = "Won and Jeon, Learning Depth from Focus in the Wild, ECCV 2022, equation 3"
    every_scale: ClassVar[bool] = True

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """See `Loss`."""
        return {"weight": masked_sum(_weight(batch), batch.valid).double()}

    def parts(self, out: NetOutput, batch: Batch) -> Sequence[Part]:
        """See `Loss`."""
        weight = _weight(batch)
        return [
            Part(f"scale_{k}", masked_sum(weight * (scale.depth - batch.truth).square(), batch.valid), "weight", w)
            for k, (scale, w) in enumerate(zip(out.scales, WEIGHTS, strict=True))
        ]


def _weight(batch: Batch) -> Tensor:
    """(B, 1, H, W) weight of every pixel."""
    return torch.ones_like(batch.truth) if batch.confidence is None else batch.confidence


LOSS = InTheWildLoss

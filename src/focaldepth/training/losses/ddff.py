"""DDFF: sum of squared errors over the valid pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from focaldepth.core.settings import check, setting
from focaldepth.networks._net import NetOutput
from focaldepth.training._batch import Batch
from focaldepth.training.losses._loss import Loss, Part, masked_sum, pixels


@dataclass(frozen=True)
class DdffLoss(Loss):
    """sum over valid pixels of (d - t)^2; the penalty of the weights is the optimiser's `weight_decay`.

    In equation 5 the penalty is lambda W^2, whose gradient 2 lambda W is what a weight decay of 2 lambda adds.
    """

    source: ClassVar[str] = "Hazirbas et al., Deep Depth From Focus, ACCV 2018, equation 5"

    mean: bool = setting(False, "divide by the number of valid pixels (a flag of the official program)")

    def __post_init__(self) -> None:
        check(self)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """See `Loss`."""
        return {"pixels": pixels(batch.valid)}

    def parts(self, out: NetOutput, batch: Batch) -> Sequence[Part]:
        """See `Loss`."""
        total = masked_sum((out.depth - batch.truth).square(), batch.valid)
        return [Part("depth", total, per="pixels" if self.mean else "")]


LOSS = DdffLoss

"""AiFDepthNet, supervised: absolute error of depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from focaldepth.networks._net import NetOutput
from focaldepth.training._batch import Batch
from focaldepth.training.losses._loss import Loss, Part, masked_sum, pixels

SOURCE = (
    "Wang et al., Bridging Unsupervised and Supervised Depth from Focus via All-in-Focus Supervision, ICCV 2021; as in "
    "`compute_loss` of the official program"
)


@dataclass(frozen=True)
class AifDepthNetLoss(Loss):
    """Mean of abs(d - t) over the valid pixels."""

    source: ClassVar[str] = SOURCE

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """See `Loss`."""
        return {"pixels": pixels(batch.valid)}

    def parts(self, out: NetOutput, batch: Batch) -> Sequence[Part]:
        """See `Loss`."""
        return [Part("depth", masked_sum((out.depth - batch.truth).abs(), batch.valid), "pixels")]


LOSS = AifDepthNetLoss

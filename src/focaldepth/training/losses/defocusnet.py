"""DefocusNet: squared errors of the circles of confusion of every frame and of depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from focaldepth.core.errors import SettingError
from focaldepth.core.settings import check, setting
from focaldepth.networks._net import NetOutput
from focaldepth.training._batch import Batch
from focaldepth.training.losses._loss import Loss, Part, masked_sum, pixels

SHOWN = "circle_of_confusion"


@dataclass(frozen=True)
class DefocusNetLoss(Loss):
    """Weighted sum of the mean squared error of circles of confusion and that of depth; both weights are 1."""

    source: ClassVar[str] = "Maximov, Galim, Leal-Taixé, Focus on Defocus, CVPR 2020, section 3; official program"
    needs: ClassVar[tuple[str, ...]] = ("truth", "circles")

    circles: float = setting(1.0, "weight of the circles of confusion", low=0)
    depth: float = setting(1.0, "weight of depth; 0 trains the first stage alone", low=0)

    def __post_init__(self) -> None:
        check(self)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """See `Loss`."""
        known = pixels(batch.valid)
        return {"pixels": known, "circles": known * batch.focus.shape[1]}

    def parts(self, out: NetOutput, batch: Batch) -> Sequence[Part]:
        """See `Loss`."""
        found = out.extras.get(SHOWN)
        if found is None or batch.circles is None:
            raise SettingError(
                "the network shows no circles of confusion.", where="defocusnet", hint="Train defocusnet with it."
            )
        made = []
        if self.circles:
            total = masked_sum((found - batch.circles).square(), batch.valid.expand_as(found))
            made.append(Part("circles", total, "circles", self.circles))
        if self.depth:
            total = masked_sum((out.depth - batch.truth).square(), batch.valid)
            made.append(Part("depth", total, "pixels", self.depth))
        return made


LOSS = DefocusNetLoss

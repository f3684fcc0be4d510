"""In the wild, alignment: aligned frames shall look like the one with the smallest field of view, whatever the blur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from focaldepth.core.errors import SettingError
from focaldepth.core.settings import check, setting
from focaldepth.networks._net import FocusNet, NetOutput, Scale
from focaldepth.training._batch import Batch
from focaldepth.training.losses._loss import Loss, Part


@dataclass(frozen=True)
class AlignmentLoss(Loss):
    """Sum over frames of the mean of (abs(aligned - target) + epsilon)^q, differences in values from 0 to 1.

    The paper writes a sum over pixels; the mean over pixels and channels is our reading. The official training program
    of the alignment network was not published. Depth is not computed.
    """

    source: ClassVar[str] = "Won and Jeon, Learning Depth from Focus in the Wild, ECCV 2022, equation 2"
    needs: ClassVar[tuple[str, ...]] = ("field_of_view",)

    epsilon: float = setting(0.01, "what is added to the difference", low=1e-9)
    q: float = setting(0.4, "exponent", low=0.05, high=2)

    def __post_init__(self) -> None:
        check(self)

    def run(self, net: FocusNet, batch: Batch) -> NetOutput:
        """Align the frames of a batch."""
        from focaldepth.networks.modules.dff_in_the_wild_e2e import EndToEnd, field_of_view_in, flow, warp

        if not isinstance(net, EndToEnd):
            raise SettingError(
                "the network does not align frames.",
                where="dff-in-the-wild-alignment",
                hint="Train dff-in-the-wild-e2e.",
            )
        view = field_of_view_in(batch.extra, batch.focus)
        x = batch.frames.transpose(1, 2)
        coefficients = net.coefficients(x, view)[-1]
        aligned = warp(x, flow(coefficients, view, *x.shape[-2:])).transpose(1, 2)
        depth = Scale(batch.truth.new_zeros(batch.truth.shape))
        return NetOutput((depth,), extras={"aligned": aligned, "coefficients": coefficients})

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """See `Loss`."""
        b, _, c, h, w = batch.frames.shape
        return {"values": batch.truth.new_tensor(b * c * h * w, dtype=torch.float64)}

    def parts(self, out: NetOutput, batch: Batch) -> Sequence[Part]:
        """See `Loss`; the target is the last frame as it was aligned."""
        aligned = batch.as_light(out.extras["aligned"])
        difference = (aligned - aligned[:, -1:]).abs()
        return [Part("alignment", (difference + self.epsilon).pow(self.q).sum(), "values")]


LOSS = AlignmentLoss

"""What a loss is: sums over a part of a batch, and what they are divided by, apart.

The two are apart so that a batch gives the same gradient whether one process computes it, several do, or one does it in
several parts: counts of all parts are added first, then every part divides its sums by them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from focaldepth.core.registry import Registry
from focaldepth.networks._net import FocusNet, NetOutput
from focaldepth.training._batch import Batch


@dataclass(frozen=True)
class Part:
    """One term of a loss.

    Attributes:
        name: for the log.
        total: () sum over the pixels that count.
        per: name of the count that it is divided by; empty = it stays a sum.
        weight: of the term.
    """

    name: str
    total: Tensor
    per: str = ""
    weight: float = 1.0


class Loss(ABC):
    """A loss; sub-classes are frozen dataclasses whose fields are settings.

    Attributes:
        source: paper with equation, or program.
        every_scale: it judges every scale of the decoder, not only the finest.
        needs: what a batch must hold beside frames and focus: "truth", "all_in_focus", "circles", "field_of_view".
    """

    source: ClassVar[str]
    every_scale: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = ("truth",)

    def run(self, net: FocusNet, batch: Batch) -> NetOutput:
        """Run the network on a batch."""
        made: NetOutput = net(batch.frames, batch.focus, batch.frame_valid, **batch.extra)
        return made

    @abstractmethod
    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """Return what the sums are divided by, name -> (), float64."""

    @abstractmethod
    def parts(self, out: NetOutput, batch: Batch) -> Sequence[Part]:
        """Return the terms."""


LOSSES: Registry[type[Loss]] = Registry("loss", ("training.losses",), "LOSS")
"""All losses: files of ``focaldepth/training/losses`` and entry points ``focaldepth.losses``."""


def value(parts: Sequence[Part], counts: Mapping[str, Tensor]) -> Tensor:
    """Return the weighted sum of the terms, (); a term without a pixel is 0."""
    return torch.stack([part.weight * _mean(part, counts) for part in parts]).sum()


def told(parts: Sequence[Part], counts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return every term by name, without gradient and weight."""
    return {part.name: _mean(part, counts).detach() for part in parts}


def _mean(part: Part, counts: Mapping[str, Tensor]) -> Tensor:
    if not part.per:
        return part.total
    count = counts[part.per].to(part.total.dtype)
    return part.total / torch.where(count > 0, count, torch.ones_like(count))


def masked_sum(values: Tensor, valid: Tensor) -> Tensor:
    """Sum of values, (B, 1, H, W), where they are valid; what is not valid may hold anything, NaN included."""
    return torch.where(valid, values, torch.zeros_like(values)).sum()


def pixels(valid: Tensor) -> Tensor:
    """Number of valid pixels, () float64."""
    return valid.sum(dtype=torch.float64)

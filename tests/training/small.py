"""A network that trains in no time: a measure of sharpness that is learnt, with batch norm and dropout."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.core.axis import Unit
from focaldepth.core.method import Citation
from focaldepth.core.settings import check, setting
from focaldepth.estimate import METHODS
from focaldepth.networks._blocks import softmax_scale
from focaldepth.networks._method import method_class
from focaldepth.networks._net import FocusNet, NetOutput
from focaldepth.networks._spec import NETWORKS, Convention, Limits, NetworkSpec

NAME = "small"


@dataclass(frozen=True)
class SmallOptions:
    """Options."""

    channels: int = setting(8, "channels", low=1, high=64)
    dropped: float = setting(0.2, "share that dropout sets to 0", low=0, high=1)

    def __post_init__(self) -> None:
        check(self)

    @property
    def limits(self) -> Limits:
        """See `SmallOptions`."""
        return Limits(4, 8)


class Small(FocusNet):
    """The network."""

    options: SmallOptions

    def __init__(self, options: SmallOptions) -> None:
        super().__init__(options)
        self.first = nn.Sequential(nn.Conv2d(3, options.channels, 3, padding=1), nn.BatchNorm2d(options.channels))
        self.second = nn.Conv2d(options.channels, options.channels, 3, padding=1)
        self.last = nn.Conv2d(options.channels, 1, 3, padding=1)

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`."""
        b, n, _, h, w = frames.shape
        x = self.first(frames.flatten(0, 1)).abs()
        x = F.dropout(x, self.options.dropped, self.training)
        x = F.avg_pool2d(F.relu(self.second(x)), 7, 1, 3, count_include_pad=False)
        return NetOutput((softmax_scale(self.last(x).view(b, n, h, w), focus, frame_valid, h, w),))


NETWORK = NetworkSpec(
    title="Small",
    summary="For tests. It learns.",
    module=f"{__name__}:Small",
    default=SmallOptions(),
    read_options=lambda shapes, stated: SmallOptions(),
    signature=("first.0.weight",),
    convention=Convention(Unit.DIOPTRE, black=-1.0),
    gives=("probability", "spread"),
    citations=(Citation("small2026", "Small.", bibtex="@misc{small2026}"),),
)


@contextmanager
def registered() -> Iterator[None]:
    """Let the network be known by its name."""
    patch = pytest.MonkeyPatch()
    holder: Any = type("Holder", (), {"NETWORK": NETWORK})
    patch.setitem(sys.modules, "small_facts", holder)
    patch.setitem(NETWORKS.__dict__, "_where", {**NETWORKS.where(), NAME: "small_facts"})
    patch.setitem(METHODS.__dict__, "_where", {**METHODS.where(), NAME: f"focaldepth.networks._method:{NAME}"})
    method_class.cache_clear()
    try:
        yield
    finally:
        patch.undo()
        method_class.cache_clear()

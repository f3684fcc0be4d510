"""A network that needs no training: it looks nine pixels far, and finds depth by how strong the Laplacian is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.core.axis import Unit
from focaldepth.core.method import Citation
from focaldepth.core.settings import check, setting
from focaldepth.estimate import METHODS
from focaldepth.networks._blocks import softmax_scale
from focaldepth.networks._method import NetworkMethod, method_class
from focaldepth.networks._net import FocusNet, NetOutput, Scale
from focaldepth.networks._spec import NETWORKS, Convention, Limits, NetworkSpec

STRIDE = 8


@dataclass(frozen=True)
class ToyOptions:
    """Options."""

    frames: int = setting(0, "N, where it is fixed; else 0", low=0, high=100)
    tiles: bool = setting(True, "may see tiles")
    weighs: bool = setting(True, "gives probabilities")

    def __post_init__(self) -> None:
        check(self)

    @property
    def limits(self) -> Limits:
        """See `ToyOptions`."""
        return Limits(STRIDE, 16, self.frames or 1, self.frames or None, tiles=self.tiles)


class Toy(FocusNet):
    """The network."""

    options: ToyOptions

    def __init__(self, options: ToyOptions) -> None:
        super().__init__(options)
        self.conv = nn.Conv2d(3, 1, 3, padding=1, bias=False)
        edge = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])
        self.conv.weight.data[:] = edge / 3

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`."""
        b, n, _, h, w = frames.shape
        strength = F.avg_pool2d(self.conv(frames.flatten(0, 1)).abs(), 13, 1, 6, count_include_pad=False)
        scale = softmax_scale(300 * strength.view(b, n, h, w), focus, frame_valid, h, w)
        return NetOutput((scale if self.options.weighs else Scale(scale.depth),))


NETWORK = NetworkSpec(
    title="Toy",
    summary="For tests. Depth is right where there is texture.",
    module=f"{__name__}:Toy",
    default=ToyOptions(),
    read_options=lambda shapes, stated: ToyOptions(frames=int(stated.get("frames", 0))),
    signature=("conv.weight",),
    convention=Convention(Unit.DIOPTRE),
    gives=("probability", "spread"),
    citations=(Citation("toy2026", "A toy.", bibtex="@misc{toy2026}"),),
)


@contextmanager
def registered(**changes: Any) -> Iterator[type[NetworkMethod]]:
    """Let the toy be a network called "toy"; `changes` are those of its facts."""
    spec = replace(NETWORK, **changes)
    where = NETWORKS.where()
    patch = pytest.MonkeyPatch()
    holder = type("Holder", (), {"NETWORK": spec})
    patch.setitem(__import__("sys").modules, "toy_facts", holder)
    patch.setitem(NETWORKS.__dict__, "_where", {**where, "toy": "toy_facts"})
    patch.setitem(METHODS.__dict__, "_where", {**METHODS.where(), "toy": "focaldepth.networks._method:toy"})
    method_class.cache_clear()
    try:
        yield method_class("toy")
    finally:
        patch.undo()
        method_class.cache_clear()

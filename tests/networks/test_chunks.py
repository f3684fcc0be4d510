"""Frames that are treated alike are treated some at a time: the same numbers in less memory."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.networks import _chunks
from focaldepth.networks._chunks import InChunks
from focaldepth.networks._fast import Fast
from focaldepth.networks._net import FocusNet, NetOutput, Scale

from .toy import ToyOptions

FRAMES, SIDE = 5, 16
ONE = 8 * SIDE * SIDE * 4
"""Bytes of eight channels of a frame."""


class Net(FocusNet):
    """Depth is the mean over frames of what `does` makes of (B N, 3, H, W)."""

    def __init__(self, does: Callable[["Net", Tensor], Tensor]) -> None:
        super().__init__(ToyOptions())
        self.a, self.b, self.c = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1), nn.Conv2d(8, 5, 1)
        self.norm, self.down = nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, 2, 1)
        self.does = does

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        b, n, _, h, w = frames.shape
        made = self.does(self, frames.flatten(0, 1))
        return NetOutput((Scale(F.interpolate(made, (h, w)).view(b, n, -1, h, w).mean((1, 2))[:, None]),))


def pooled(net: Net, x: Tensor) -> Tensor:
    deep = F.relu(net.norm(net.b(F.max_pool2d(net.a(x), 2))))
    return torch.cat((net.a(x), F.interpolate(deep, scale_factor=2, mode="bilinear")), 1)


def largest_over_frames(net: Net, x: Tensor) -> Tensor:
    y = net.b(F.leaky_relu(net.a(x), 0.2))
    most = y.view(-1, FRAMES, *y.shape[1:]).amax(1, keepdim=True).expand(-1, FRAMES, -1, -1, -1).flatten(0, 1)
    return net.c(F.relu(y * most))


BODIES: dict[str, Callable[[Net, Tensor], Tensor]] = {
    "a row": lambda net, x: net.c(F.relu(net.b(F.relu(net.a(x))))),
    "one layer": lambda net, x: net.a(x),
    "residual": lambda net, x: F.relu(net.b(F.relu(y := net.a(x))) + y),
    "pooled and enlarged": pooled,
    "strided": lambda net, x: net.b(net.down(net.a(x))),
    "a number for all": lambda net, x: net.b(net.a(x) * torch.linspace(1, 2, SIDE, device=x.device) + 3),
    "a weight for all": lambda net, x: net.b(net.a(x) * net.norm.weight[:, None, None]),
    "frames see each other": largest_over_frames,
    "neighbouring frames": lambda net, x: net.b((y := net.a(x)) - y.roll(1, 0)),
    "as many channels as frames": lambda net, x: F.relu(net.c(net.a(x)).transpose(0, 1)).transpose(0, 1),
}


def made(name: str) -> Net:
    torch.manual_seed(0)
    net = Net(BODIES[name])
    nn.init.normal_(net.norm.weight)
    net.norm.running_mean.normal_()  # type: ignore[union-attr]
    return net.eval()


def given(batch: int = 1) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(1)
    frames = torch.randn(batch, FRAMES, 3, SIDE, SIDE, generator=random)
    return {"frames": frames, "focus": torch.linspace(0.1, 1, FRAMES).repeat(batch, 1)}


def chunks(fast: Fast, inputs: dict[str, Tensor]) -> list[InChunks]:
    return [step.op for step in fast.tape(inputs).steps if isinstance(step.op, InChunks)]


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("name", BODIES)
def test_nothing_changes(name: str, size: int, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not the last chunk is full."""
    monkeypatch.setattr(_chunks, "CHUNK_BYTES", size * ONE)
    inputs = given(batch)
    with torch.inference_mode():
        wanted = made(name)(**inputs).depth
        fast = Fast(made(name))
        for _ in range(2):
            torch.testing.assert_close(fast(**inputs).depth, wanted, rtol=1e-4, atol=1e-5)
    assert not fast.plain_because
    assert chunks(fast, inputs)


def test_steps_between_which_frames_see_each_other_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chunks, "CHUNK_BYTES", ONE)
    assert len(chunks(Fast(made("a row")), given())) == 1
    found = chunks(Fast(made("frames see each other")), given())
    assert [len(one.part.outputs) for one in found] == [1, 1]


def test_as_many_frames_at_a_time_as_the_largest_tensor_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chunks, "CHUNK_BYTES", round(3.5 * ONE))
    assert [one.size for one in chunks(Fast(made("a row")), given())] == [3]
    monkeypatch.setattr(_chunks, "CHUNK_BYTES", FRAMES * ONE)
    assert not chunks(Fast(made("a row")), given())


def test_less_memory_is_planned_and_counted_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """All frames after two layers, and within a chunk what a layer reads and what it makes."""
    fast = Fast(made("a row"), wanted=("depth",))
    hollow = {name: tensor.to("meta") for name, tensor in given().items()}
    whole = fast.peak_bytes(hollow)
    assert whole == 2 * FRAMES * ONE
    monkeypatch.setattr(_chunks, "CHUNK_BYTES", ONE)
    result = FRAMES * 5 * SIDE * SIDE * 4
    assert fast.peak_bytes(hollow) == result + 2 * ONE


def test_bfloat16_goes_through_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chunks, "CHUNK_BYTES", ONE)
    with torch.inference_mode():
        wanted = made("pooled and enlarged")(**given()).depth
        fast = Fast(made("pooled and enlarged"), bfloat16=True)
        found = fast(**given()).depth
    assert chunks(fast, given())
    assert (found - wanted).abs().max() < 0.05 * wanted.abs().max()

"""The fast form computes what the reference computes, whatever the reference is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from focaldepth.networks._convolution import COLUMNS, FRAMES, Convolution
from focaldepth.networks._fast import Fast
from focaldepth.networks._net import FocusNet, NetOutput, Scale
from focaldepth.networks._spec import Limits
from focaldepth.networks._tape import Tape


@dataclass(frozen=True)
class AnyOptions:
    @property
    def limits(self) -> Limits:
        return Limits(stride=1)


class Around(FocusNet):
    """Makes a network of a body (B, 3, N, H, W) -> (B, 1, N, H, W) or (B, C, N, h, w)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__(AnyOptions())
        self.body = body

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        y = self.body(frames.transpose(1, 2))
        return NetOutput((Scale(y.mean((1, 2))[:, None]),), extras={"y": y, "twice": 2 * y})


class Body(nn.Module):
    """Layers by name, and what is done with them."""

    def __init__(self, does: Callable[..., Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.does = does
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.does(self, x)


def conv(inner: int, outer: int, kernel: Any, stride: Any = 1, **more: Any) -> nn.Conv3d:
    kernel = (kernel,) * 3 if isinstance(kernel, int) else kernel
    return nn.Conv3d(inner, outer, kernel, stride, tuple(k // 2 for k in kernel), **more)


def up(kernel: int) -> nn.ConvTranspose3d:
    return nn.ConvTranspose3d(3, 8, (kernel, 4, 4), (1, 2, 2), (kernel // 2, 1, 1))


def two_d(does: Callable[..., Tensor], **layers: nn.Module) -> Body:
    def by_frames(self: Any, x: Tensor) -> Tensor:
        b, n = x.shape[0], x.shape[2]
        y = does(self, x.transpose(1, 2).flatten(0, 1))
        return y.unflatten(0, (b, n)).transpose(1, 2)

    return Body(by_frames, **layers)


BODIES: dict[str, Callable[[], Body]] = {
    "conv": lambda: Body(lambda s, x: s.a(x), a=conv(3, 8, 3)),
    "norm": lambda: Body(lambda s, x: s.b(s.a(x)), a=conv(3, 8, 3, bias=False), b=nn.BatchNorm3d(8)),
    "norm without affine": lambda: Body(lambda s, x: s.b(s.a(x)), a=conv(3, 8, 3), b=nn.BatchNorm3d(8, affine=False)),
    "relu": lambda: Body(lambda s, x: F.relu(s.b(s.a(x))), a=conv(3, 8, 3), b=nn.BatchNorm3d(8)),
    "leaky": lambda: Body(lambda s, x: F.leaky_relu(s.a(x), 0.2), a=conv(3, 8, 3)),
    "two leaky": lambda: Body(lambda s, x: F.leaky_relu(F.leaky_relu(s.a(x), 0.2), 0.2), a=conv(3, 8, 3)),
    "norm first": lambda: Body(lambda s, x: s.a(s.b(x)), a=conv(3, 8, 3), b=nn.BatchNorm3d(3)),
    "read twice": lambda: Body(lambda s, x: s.a(x) + s.b(s.a(x)), a=conv(3, 8, 3), b=nn.BatchNorm3d(8)),
    "shared by two norms": lambda: Body(
        lambda s, x: s.b(s.a(x)) * s.c(s.a(x)), a=conv(3, 8, 3), b=nn.BatchNorm3d(8), c=nn.BatchNorm3d(8)
    ),
    "result and norm": lambda: Body(
        lambda s, x: torch.cat((y := s.a(x), s.b(y)), 1), a=conv(3, 8, 3), b=nn.BatchNorm3d(8)
    ),
    "residual": lambda: Body(lambda s, x: F.relu(s.b(F.relu(s.a(x))) + s.a(x)), a=conv(3, 8, 3), b=conv(8, 8, 3)),
    "residual without relu": lambda: Body(lambda s, x: s.b(y := s.a(x)) + y, a=conv(3, 8, 3), b=conv(8, 8, 3)),
    "residual of the input": lambda: Body(lambda s, x: F.relu(x + s.b(s.a(x))), a=conv(3, 8, 3), b=conv(8, 3, 3)),
    "shortcut": lambda: Body(lambda s, x: F.relu(s.a(x) + s.b(x)), a=conv(3, 8, 3), b=conv(3, 8, 1)),
    "sum of itself": lambda: Body(lambda s, x: (y := s.a(x)) + y, a=conv(3, 8, 3)),
    "three summands": lambda: Body(
        lambda s, x: s.a(x) + s.b(x) + s.c(x), a=conv(3, 4, 3), b=conv(3, 4, 1), c=conv(3, 4, 1)
    ),
    "frame by frame": lambda: Body(lambda s, x: F.relu(s.a(x)), a=conv(3, 8, (1, 3, 3), (1, 2, 2))),
    "dilated": lambda: Body(lambda s, x: s.a(x), a=nn.Conv3d(3, 8, (1, 5, 5), padding=(0, 4, 4), dilation=(1, 2, 2))),
    "along frames": lambda: Body(lambda s, x: F.relu(s.a(x)), a=conv(3, 8, (3, 1, 1), bias=False)),
    "residual by frames": lambda: Body(
        lambda s, x: F.relu(s.b(y := s.a(x)) + y), a=conv(3, 8, (1, 3, 3)), b=conv(8, 8, (3, 1, 1))
    ),
    "strided": lambda: Body(lambda s, x: s.a(x), a=conv(3, 8, 3, (1, 2, 2))),
    "groups": lambda: Body(lambda s, x: s.b(s.a(x)), a=conv(3, 6, 3, groups=3), b=nn.BatchNorm3d(6)),
    "up": lambda: Body(lambda s, x: F.relu(s.b(s.a(x))), a=up(3), b=nn.BatchNorm3d(8)),
    "up by frames": lambda: Body(lambda s, x: F.relu(s.b(s.a(x))), a=up(1), b=nn.BatchNorm3d(8)),
    "up and a sum": lambda: Body(lambda s, x: F.relu(s.a(x) + s.b(x)), a=up(3), b=up(1)),
    "2D": lambda: two_d(
        lambda s, x: F.relu(s.b(s.a(x)) + s.c(x)), a=nn.Conv2d(3, 8, 3, 2, 1), b=nn.BatchNorm2d(8),
        c=nn.Conv2d(3, 8, 1, 2),
    ),
    "2D up": lambda: two_d(lambda s, x: s.b(s.a(x)), a=nn.ConvTranspose2d(3, 8, 4, 2, 1), b=nn.BatchNorm2d(8)),
    "2D pools": lambda: two_d(lambda s, x: F.avg_pool2d(F.max_pool2d(s.a(x), 3, 2, 1), 2), a=nn.Conv2d(3, 8, 3)),
    "pool by frames": lambda: Body(lambda s, x: F.max_pool3d(s.a(x), (1, 3, 3), (1, 2, 2), (0, 1, 1)), a=conv(3, 8, 1)),
    "pool of two": lambda: Body(lambda s, x: F.max_pool3d(s.a(x), (1, 2, 2)), a=conv(3, 8, 1)),
    "pool of neighbours": lambda: Body(lambda s, x: F.max_pool3d(s.a(x), 3, 1, 1), a=conv(3, 8, 1)),
    "pool of five": lambda: Body(lambda s, x: F.max_pool3d(s.a(x), 5, 1, 2), a=conv(3, 8, 1)),
    "pool of all": lambda: Body(lambda s, x: F.max_pool3d(s.a(x), 2, 2), a=conv(3, 8, 1)),
    "mean by frames": lambda: Body(lambda s, x: F.avg_pool3d(s.a(x), (1, 4, 4)), a=conv(3, 8, 1)),
    "padded mean": lambda: Body(
        lambda s, x: F.avg_pool3d(s.a(x), (1, 3, 3), (1, 2, 2), (0, 1, 1), count_include_pad=False), a=conv(3, 8, 1)
    ),
    "enlarged": lambda: Body(
        lambda s, x: F.interpolate(s.a(x), scale_factor=(1, 2, 2), mode="trilinear", align_corners=False),
        a=conv(3, 8, 1),
    ),
    "enlarged to corners": lambda: Body(
        lambda s, x: F.interpolate(s.a(x), (5, 13, 17), mode="trilinear", align_corners=True), a=conv(3, 8, 1)
    ),
    "enlarged along frames": lambda: Body(
        lambda s, x: F.interpolate(s.a(x), (9, 13, 17), mode="trilinear", align_corners=False),
        a=conv(3, 8, 1),
    ),
    "enlarged by copying": lambda: Body(
        lambda s, x: F.interpolate(s.a(x), (5, 24, 32), mode="nearest"), a=conv(3, 8, 1)
    ),
    "sum from zeros": lambda: Body(lambda s, x: torch.zeros_like(y := s.a(x)) + F.relu(y) + y, a=conv(3, 8, 1)),
    "constants": lambda: Body(
        lambda s, x: s.a(x) * torch.linspace(-1, 1, x.shape[-1], device=x.device)
        + torch.arange(x.shape[2], device=x.device).view(-1, 1, 1),
        a=conv(3, 8, 1),
    ),
    "numbers": lambda: Body(lambda s, x: (1 - s.a(x)) / 3 + 0.5 * s.a(x).abs(), a=conv(3, 8, 1)),
    "slices": lambda: Body(
        lambda s, x: torch.cat(((y := s.a(x))[:, :, :-1] - y[:, :, 1:], y[:, :, -1:]), 2).relu(), a=conv(3, 8, 1)
    ),
    "view written later": lambda: Body(lambda s, x: F.relu((y := s.a(x))[:, :4]) + y[:, 4:], a=conv(3, 8, 1)),
    "softmax": lambda: Body(lambda s, x: s.a(x).softmax(2), a=conv(3, 1, 3)),
    "flat": lambda: Body(lambda s, x: s.a(x).flatten(2, 3).view(x.shape[0], 8, -1, *x.shape[3:]), a=conv(3, 8, 3)),
}  # fmt: skip


def made(name: str) -> Around:
    """A network of the body with numbers in its norms, as after training."""
    torch.manual_seed(3)
    net = Around(BODIES[name]()).eval()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d):
            layer.running_mean.normal_(0, 0.3)  # type: ignore[union-attr]
            layer.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
            if layer.affine:
                nn.init.normal_(layer.weight)
                nn.init.normal_(layer.bias)
    return net


def given(batch: int = 1, frames: int = 5, height: int = 12, width: int = 16) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(1)
    x = torch.randn(batch, frames, 3, height, width, generator=random)
    return {"frames": x, "focus": torch.linspace(0.1, 1, frames).repeat(batch, 1)}


def outputs(net: FocusNet, inputs: dict[str, Tensor]) -> list[Tensor]:
    with torch.inference_mode():
        out = net(**inputs)
    return [out.depth, out.extras["y"], out.extras["twice"]]


def tape_of(net: Fast, inputs: dict[str, Tensor]) -> Tape:
    return net.tape(inputs)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", BODIES)
def test_it_equals_the_reference(name: str, batch: int) -> None:
    inputs = given(batch)
    wanted = outputs(made(name), inputs)
    fast = Fast(made(name))
    kept = {key: value.clone() for key, value in inputs.items()}
    for _ in range(2):  # nothing that the first run wrote over is needed by the second
        for one, two in zip(outputs(fast, inputs), wanted, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(value, kept[key]) for key, value in inputs.items())
    assert not fast.plain_because


@pytest.mark.parametrize("name", BODIES)
def test_it_equals_the_reference_without_the_operators_of_intel(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("focaldepth.networks._convolution._has_fused", lambda weight: False)
    for one, two in zip(outputs(Fast(made(name)), given()), outputs(made(name), given()), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def convolutions(fast: Fast) -> list[tuple[Convolution, int]]:
    return [(s.op, len(s.args)) for s in tape_of(fast, given()).steps if isinstance(s.op, Convolution)]


def names_of_steps(fast: Fast) -> list[str]:
    return [type(s.op).__name__ if isinstance(s.op, Convolution) else str(s.op) for s in tape_of(fast, given()).steps]


def test_norm_sum_and_activation_go_into_the_convolution() -> None:
    fast = Fast(made("2D"))
    first, second = convolutions(fast)
    assert {first[0].activation, second[0].activation} == {"none", "relu"}
    assert sorted((first[1], second[1])) == [1, 2]
    assert sum(one.layer.norm is not None for one, _ in (first, second)) == 1
    assert not [name for name in names_of_steps(fast) if "norm" in name or "relu" in name]


def test_a_norm_stays_where_others_read_the_convolution() -> None:
    assert [one.layer.norm for one, _ in convolutions(Fast(made("result and norm")))] == [None]


@pytest.mark.parametrize(("name", "plane"), [("frame by frame", FRAMES), ("along frames", COLUMNS), ("conv", "")])
def test_3d_becomes_2d_where_it_can(name: str, plane: str) -> None:
    assert [one.layer.plane for one, _ in convolutions(Fast(made(name)))] == [plane]


def test_a_sum_is_written_over_what_nobody_reads_later() -> None:
    assert [one.overwrites for one, count in convolutions(Fast(made("residual"))) if count == 2] == [True]
    assert not any(one.overwrites for one, _ in convolutions(Fast(made("residual of the input"))))


def test_constants_are_computed_once() -> None:
    fast = Fast(made("constants"))
    assert len(tape_of(fast, given()).constants) == 2
    assert not [name for name in names_of_steps(fast) if "linspace" in name or "arange" in name]


def test_only_what_is_wanted_is_computed() -> None:
    every, one = Fast(made("relu")), Fast(made("relu"), wanted=("depth",))
    assert len(names_of_steps(one)) < len(names_of_steps(every))
    out = one(**given())
    assert not out.extras
    torch.testing.assert_close(out.depth, every(**given()).depth)


def test_every_shape_gets_its_own_steps_and_all_share_the_weights() -> None:
    fast = Fast(made("norm"))
    for shape in ((5, 12, 16), (3, 12, 16), (5, 20, 8), (5, 12, 16)):
        inputs = given(1, *shape)
        torch.testing.assert_close(outputs(fast, inputs)[1], outputs(made("norm"), inputs)[1], rtol=1e-4, atol=1e-5)
    assert len(fast._tapes) == 3
    assert len(fast._layers) == 1


def test_the_reference_is_left_without_weights() -> None:
    net = made("norm")
    Fast(net)
    assert all(p.device.type == "meta" for p in net.parameters())


def test_prepared_weights_are_not_held_twice() -> None:
    fast = Fast(made("norm"))
    before = len(fast._tensors)
    outputs(fast, given())
    assert len(fast._tensors) == before - 1


@pytest.mark.parametrize("name", ["relu", "residual", "2D", "up", "softmax", "pool of neighbours"])
def test_bfloat16_is_near(name: str) -> None:
    wanted = outputs(made(name), given())[1]
    found = outputs(Fast(made(name), bfloat16=True), given())[1]
    assert found.dtype is torch.float32
    assert (found - wanted).abs().max() < 0.03 * wanted.abs().max()
    assert not torch.equal(found, wanted)


def test_it_takes_less_memory_than_the_reference() -> None:
    fast = Fast(made("residual"))
    hollow = {name: tensor.to("meta") for name, tensor in given().items()}
    assert fast.peak_bytes(hollow) < fast.peak_bytes(hollow, merged=False)


def test_peak_memory_is_counted_exactly() -> None:
    """Two volumes of 8 channels are there at once: what a convolution reads and what it makes; and the mean of one."""
    body = Body(lambda s, x: s.c(s.b(s.a(x))), a=conv(3, 8, 3), b=conv(8, 8, 3), c=conv(8, 1, 3))
    fast = Fast(Around(body).eval(), wanted=("depth",))
    volume = 5 * 12 * 16 * 8 * 4
    assert fast.peak_bytes({name: tensor.to("meta") for name, tensor in given().items()}) == 2 * volume


@pytest.mark.parametrize(
    "does",
    [lambda s, x: s.a(x).relu_(), lambda s, x: s.a(x) * float(x.mean()), lambda s, x: s.a(x) * torch.tensor(3.0)],
    ids=["in place", "looks at numbers", "a tensor out of nothing"],
)
def test_what_cannot_be_written_down_runs_as_it_is(does: Callable[..., Tensor]) -> None:
    torch.manual_seed(0)
    net = Around(Body(does, a=conv(3, 8, 3))).eval()
    wanted = outputs(net, given())
    fast = Fast(net)
    for one, two in zip(outputs(fast, given()), wanted, strict=True):
        torch.testing.assert_close(one, two)
    assert fast.plain_because

"""One contract for every network: a new file in networks/ is checked on the day it lands."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from focaldepth.core.errors import StackError, WeightsError
from focaldepth.networks._net import FocusNet, NetOutput, build
from focaldepth.networks._spec import NETWORKS, Convention, NetworkSpec

NAMES = NETWORKS.names()


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def spec(name: str) -> NetworkSpec:
    return NETWORKS.get(name)


FEW = 3
"""Frames of networks that fix their number: what is checked does not depend on it, and time does."""


@cache
def built(name: str) -> FocusNet:
    torch.manual_seed(0)
    default: Any = NETWORKS.get(name).default
    return build(name, replace(default, frames=FEW) if default.limits.fixed_frames else default)


@pytest.fixture
def net(name: str) -> FocusNet:
    found = built(name)
    found.eval()
    found.every_scale = False
    return found


def inputs(net: FocusNet, spec: NetworkSpec, batch: int = 1, frames: int | None = None) -> dict[str, Tensor]:
    """The smallest input that is not square, with focus positions of uneven steps."""
    limits = net.limits
    n = frames or limits.fixed_frames or max(3, limits.min_frames)
    side = -(-limits.min_side // limits.stride) * limits.stride
    random = torch.Generator().manual_seed(n)
    focus = torch.linspace(0.1, 1.0, n).square().expand(batch, n).contiguous()
    extra = {key: torch.ones(batch, n) for key in spec.inputs}
    frames_in = torch.rand(batch, n, limits.channels, side, side + limits.stride, generator=random)
    return {"frames": frames_in, "focus": focus, **extra}


def every_tensor(out: NetOutput) -> list[Tensor]:
    found: list[Any] = [out.all_in_focus, *out.extras.values()]
    for scale in out.scales:
        found += [scale.depth, scale.scores, scale.probability, scale.spread]
    return [one for one in found if one is not None]


@torch.inference_mode()
def test_it_gives_what_it_says(net: FocusNet, spec: NetworkSpec) -> None:
    given = inputs(net, spec)
    b, n, _, h, w = given["frames"].shape
    out = net(**given)
    has = {"probability": out.probability, "spread": out.spread, "all_in_focus": out.all_in_focus, **out.extras}
    assert {key for key, value in has.items() if value is not None} == set(spec.gives)
    assert out.depth.shape[0] == b
    assert out.depth.shape[2:] == (h, w)
    if out.probability is not None:
        assert out.probability.shape == (b, n, h, w)
        torch.testing.assert_close(out.probability.sum(1), torch.ones(b, h, w))
    if out.all_in_focus is not None:
        assert out.all_in_focus.shape == (b, 3, h, w)
    assert all(torch.isfinite(one).all() for one in every_tensor(out))


@torch.inference_mode()
def test_any_number_of_frames_it_claims_to_take(net: FocusNet, spec: NetworkSpec) -> None:
    fixed, least = net.limits.fixed_frames, net.limits.min_frames
    for n in [fixed] if fixed else sorted({least, 2, 3, 7, 15} - set(range(least))):
        assert torch.isfinite(net(**inputs(net, spec, frames=n)).depth).all()


@torch.inference_mode()
def test_stacks_of_a_batch_do_not_mix(net: FocusNet, spec: NetworkSpec) -> None:
    given = inputs(net, spec, batch=2)
    given["focus"] = given["focus"] * torch.tensor([[1.0], [0.5]])
    both = net(**given).depth
    for i in range(2):
        alone = net(**{key: value[i : i + 1] for key, value in given.items()}).depth
        torch.testing.assert_close(both[i : i + 1], alone, rtol=1e-3, atol=1e-4)


@torch.inference_mode()
def test_asking_for_every_scale_leaves_the_finest(net: FocusNet, spec: NetworkSpec) -> None:
    given = inputs(net, spec)
    one = net(**given)
    net.every_scale = True
    more = net(**given)
    assert len(one.scales) == 1
    assert torch.equal(one.depth, more.depth)
    assert all(scale.depth.shape == one.depth.shape for scale in more.scales)


def test_training_returns_the_same_kind_with_gradients(net: FocusNet, spec: NetworkSpec) -> None:
    """Batch norm needs more than one number per channel, hence a batch of two."""
    own = build_again(net)
    own.train()
    own.every_scale = True
    out = own(**inputs(own, spec, batch=2))
    assert isinstance(out, NetOutput)
    sum(scale.depth.mean() for scale in out.scales).backward()  # type: ignore[union-attr]
    used = [p for p in own.parameters() if p.grad is not None]
    assert len(used) > 0.9 * len(list(own.parameters()))
    assert all(torch.isfinite(p.grad).all() for p in used if p.grad is not None)


def build_again(net: FocusNet) -> FocusNet:
    torch.manual_seed(2)
    return type(net)(net.options)


@torch.inference_mode()
def test_frames_that_do_not_count_get_no_weight(net: FocusNet, spec: NetworkSpec) -> None:
    given = inputs(net, spec)
    valid = torch.ones_like(given["focus"], dtype=torch.bool)
    assert torch.equal(net(**given, frame_valid=valid).depth, net(**given).depth)
    valid[:, -1] = False
    out = net(**given, frame_valid=valid)
    assert torch.isfinite(out.depth).all()
    if out.probability is not None:
        assert (out.probability[:, -1] == 0).all()


def test_what_it_cannot_take_is_refused(net: FocusNet, spec: NetworkSpec) -> None:
    given = inputs(net, spec)
    frames, focus = given["frames"], given["focus"]
    extra = {key: given[key] for key in spec.inputs}
    wrong: list[tuple[Tensor, Tensor, str]] = [
        (frames[..., 1:], focus, "it takes multiples of"),
        (frames[:, :, :1].expand(-1, -1, 7, -1, -1), focus, "7 channels, the network takes"),
        (frames, focus[:, 1:], r"Give frames \(B, N, C, H, W\)"),
        (frames[0], focus, "Give frames"),
    ]
    if net.limits.min_frames > 1:
        wrong.append((frames[:, :1], focus[:, :1], "1 frames, the network takes"))
    if net.limits.fixed_frames:
        wrong.append((frames.repeat(1, 2, 1, 1, 1), focus.repeat(1, 2), "the network takes"))
    for bad, where, message in wrong:
        with pytest.raises(StackError, match=message):
            net(bad, where, **extra)
    with pytest.raises(StackError, match="frame_valid is"):
        net(frames, focus, torch.ones(1, 1, dtype=torch.bool).expand(3, 1), **extra)


def test_its_options_are_read_from_its_own_weights(name: str, spec: NetworkSpec) -> None:
    with torch.device("meta"):
        net = build(name)
    shapes = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    assert set(spec.signature) <= set(shapes)
    assert spec.read_options(shapes, {}) == spec.default == net.options
    with pytest.raises(WeightsError):
        spec.read_options({"nothing": (1,)}, {})


def test_the_same_frames_give_the_same_depth(net: FocusNet, spec: NetworkSpec) -> None:
    """Nothing of a run stays in the network, and nothing is drawn at random in use."""
    given = inputs(net, spec)
    with torch.inference_mode():
        first = net(**given).depth
        net(**inputs(net, spec, batch=2))
        assert torch.equal(net(**given).depth, first)


@torch.inference_mode()
def test_invariance_to_the_order_of_frames_holds_where_claimed(net: FocusNet, spec: NetworkSpec) -> None:
    if "frame order" not in spec.invariances:
        pytest.skip("not claimed")
    given = inputs(net, spec, frames=5)
    turned = {key: value.flip(1) for key, value in given.items()}
    torch.testing.assert_close(net(**turned).depth, net(**given).depth, rtol=1e-3, atol=1e-4)


def test_its_facts_are_complete(spec: NetworkSpec) -> None:
    assert spec.title
    assert spec.summary.count(". ") >= 1
    assert spec.citations
    assert Convention.from_dict(spec.convention.as_dict()) == spec.convention

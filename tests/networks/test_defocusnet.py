"""DefocusNet: what the largest value over frames promises; its circles of confusion; its recurrent sibling."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from focaldepth.core.errors import WeightsError
from focaldepth.networks._net import FocusNet, NetOutput, build
from focaldepth.networks._spec import NETWORKS, FocusForm, Options
from focaldepth.networks._weights import from_checkpoint
from focaldepth.networks.defocusnet import DefocusNetOptions
from focaldepth.networks.defocusnet_recurrent import RecurrentOptions
from focaldepth.networks.modules.defocusnet import largest, sharpness, with_largest

TOTALS: list[tuple[str, Options, int, float]] = [
    ("defocusnet", DefocusNetOptions(), 3_729_042, 116.72),
    ("defocusnet-coc", DefocusNetOptions(depth=False), 1_766_673, 58.38),
    ("defocusnet-recurrent", RecurrentOptions(), 1_501_633, 71.25),
    ("defocusnet-recurrent", RecurrentOptions(focus_channel=True), 1_501_921, 71.54),
]
BOTH = ["defocusnet", "defocusnet-coc"]
STACKS = st.integers(1, 6)
few = settings(max_examples=12)


@cache
def made(name: str, options: Options | None = None) -> FocusNet:
    torch.manual_seed(4)
    return build(name, options)


def stack(n: int, side: int = 32) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(n)
    focus = torch.rand(1, n, generator=random).cumsum(1) + 0.1
    return torch.rand(1, n, 3, side, 2 * side, generator=random), focus


@torch.inference_mode()
def run(name: str, frames: Tensor, focus: Tensor, valid: Tensor | None = None) -> NetOutput:
    out = made(name)(frames, focus, valid)
    assert isinstance(out, NetOutput)
    return out


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "options", "total", "gflop"), TOTALS)
def test_every_variant_has_the_size_and_cost_of_the_official_one(
    name: str, options: Options, total: int, gflop: float
) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        net = build(name, options)
        net(torch.rand(1, 10, 3, 224, 224), torch.rand(1, 10))
    assert sum(p.numel() for p in net.parameters()) == total
    assert round(counter.get_total_flops() / 1e9, 2) == gflop


def test_one_layer_of_the_official_network_is_never_used() -> None:
    net = build("defocusnet")
    net(*stack(2)).depth.sum().backward()
    unused = {name: p.numel() for name, p in net.named_parameters() if p.grad is None}
    assert set(unused) == {"conv_joint2_4.0.weight", "conv_joint2_4.0.bias"}
    assert sum(unused.values()) == 6_928


@pytest.mark.parametrize("name", BOTH)
@few
@given(data=st.data(), n=STACKS)
def test_the_order_of_frames_does_not_matter(name: str, data: st.DataObject, n: int) -> None:
    order = data.draw(st.permutations(range(n)))
    frames, focus = stack(n)
    out, other = run(name, frames, focus), run(name, frames[:, order], focus[:, order])
    close(other.depth, out.depth)
    close(other.extras["circle_of_confusion"], out.extras["circle_of_confusion"][:, order])


@pytest.mark.parametrize("name", BOTH)
@few
@given(n=STACKS, times=st.integers(2, 3))
def test_the_same_frames_again_change_nothing(name: str, n: int, times: int) -> None:
    """The largest of equal values is that value; a mean over frames would pass too, a sum would not."""
    frames, focus = stack(n)
    again = run(name, frames.repeat(1, times, 1, 1, 1), focus.repeat(1, times))
    close(again.depth, run(name, frames, focus).depth)


@pytest.mark.parametrize("name", [*BOTH, "defocusnet-recurrent"])
@few
@given(valid=st.lists(st.booleans(), min_size=2, max_size=5).filter(any))
def test_frames_that_do_not_count_might_as_well_not_be_there(name: str, valid: list[bool]) -> None:
    frames, focus = stack(len(valid))
    mask = torch.tensor([valid])
    out, rest = run(name, frames, focus, mask), run(name, frames[:, valid], focus[:, valid])
    close(out.depth, rest.depth)
    if "memory" in rest.extras:
        close(out.extras["memory"], rest.extras["memory"])
    else:
        close(out.extras["circle_of_confusion"][:, valid], rest.extras["circle_of_confusion"])


def test_every_stack_of_a_batch_has_its_own_frames_that_count() -> None:
    frames, focus = stack(3)
    masks = torch.tensor([[True, True, False], [False, True, True]])
    for name in (*BOTH, "defocusnet-recurrent"):
        both = run(name, frames.repeat(2, 1, 1, 1, 1), focus.repeat(2, 1), masks).depth
        for i, mask in enumerate(masks):
            close(both[i : i + 1], run(name, frames[:, mask], focus[:, mask]).depth)


def test_what_all_frames_share_is_their_largest_value() -> None:
    x = torch.tensor([1.0, 5.0, 3.0, 8.0, 2.0, 7.0]).view(6, 1, 1, 1)  # two stacks of three frames
    assert largest(x, 3, None).flatten().tolist() == [5, 8]
    valid = torch.tensor([[True, False, True], [False, True, True]])
    assert largest(x, 3, valid).flatten().tolist() == [3, 7]
    assert with_largest(x, 3, None)[:, 1].flatten().tolist() == [5, 5, 5, 8, 8, 8]
    assert torch.equal(with_largest(x, 3, None)[:, :1], x)


def test_the_second_stage_sees_focus_positions() -> None:
    frames, focus = stack(3)
    one, two = run("defocusnet", frames, focus), run("defocusnet", frames, 2 * focus)
    assert torch.equal(one.extras["circle_of_confusion"], two.extras["circle_of_confusion"])
    assert (one.depth - two.depth).abs().max() > 1e-3
    assert NETWORKS.get("defocusnet").convention.focus is FocusForm.OVER_LAST


def circles(focus: list[float], depth: float, growth: float) -> tuple[Tensor, Tensor]:
    positions = torch.tensor(focus).view(1, -1, 1, 1)
    return growth * (positions - depth).abs(), positions


@given(
    focus=st.lists(st.floats(0, 10), min_size=2, max_size=6, unique=True),
    depth=st.floats(0, 10),
    growth=st.floats(0.5, 5),
)
def test_depth_from_circles_lies_among_the_sharpest_frames(focus: list[float], depth: float, growth: float) -> None:
    coc, positions = circles(focus, depth, growth)
    weights = sharpness(coc, None)
    torch.testing.assert_close(weights.sum(1), torch.ones(1, 1, 1))
    assert weights.argmax() == coc.argmin() or weights.amax() == weights.flatten()[coc.argmin()]
    assert positions.min() - 1e-4 <= (weights * positions).sum() <= positions.max() + 1e-4


def test_depth_from_circles_is_exact_at_a_frame_and_in_the_middle() -> None:
    for depth in (2.0, 3.0, 4.0, 2.5, 3.5):
        coc, positions = circles([2.0, 3.0, 4.0], depth, 8.0)
        far = 0.12 if depth % 1 else 1e-4  # the third frame pulls where the point is between two
        assert abs((sharpness(coc, None) * positions).sum() - depth) < far
    coc, positions = circles([2.0, 4.0], 3.0, 1.0)
    assert (sharpness(coc, None) * positions).sum() == 3
    assert sharpness(coc, torch.tensor([[False, True]])).flatten().tolist() == [0, 1]


def test_depth_of_the_first_stage_is_that_of_its_circles() -> None:
    frames, focus = stack(4)
    out = run("defocusnet-coc", frames, focus)
    coc = out.extras["circle_of_confusion"].double()
    weights = 1 / (coc**2 + 1e-4)
    mean = (weights * focus[:, :, None, None]).sum(1, keepdim=True) / weights.sum(1, keepdim=True)
    close(out.depth, mean.float())
    assert out.probability is not None
    assert torch.equal(out.probability.argmax(1), coc.abs().argmin(1))


def test_a_narrower_network_is_read_from_its_checkpoint(tmp_path: Path) -> None:
    options = DefocusNetOptions(filters=4)
    torch.save(build("defocusnet", options).state_dict(), tmp_path / "a.pth")
    assert from_checkpoint(tmp_path / "a.pth", "defocusnet")[0].options == options


def test_a_first_stage_alone_is_told_from_the_whole_network(tmp_path: Path) -> None:
    torch.save(build("defocusnet-coc", DefocusNetOptions(False, 4)).state_dict(), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"has no conv_out2.*These are weights of defocusnet-coc: give that with"):
        from_checkpoint(tmp_path / "a.pth", "defocusnet")
    assert from_checkpoint(tmp_path / "a.pth", "defocusnet-coc")[0].options == DefocusNetOptions(False, 4)


@pytest.mark.parametrize(
    ("name", "key", "shape"),
    [("defocusnet", "conv_down_0.0.weight", (16, 5, 3, 3)), ("defocusnet-recurrent", "d1.l1.0.weight", (32, 5, 3, 3))],
)
def test_other_numbers_of_channels_are_refused(name: str, key: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightsError, match=r"the first convolution is \(\d+, 5, 3, 3\).*has"):
        NETWORKS.get(name).read_options({key: shape}, {})


@few
@given(n=st.integers(2, 5), data=st.data())
def test_the_recurrent_network_never_looks_ahead(n: int, data: st.DataObject) -> None:
    frames, focus = stack(n)
    first = data.draw(st.integers(1, n))
    whole = run("defocusnet-recurrent", frames, focus).extras["after_frame"]
    part = run("defocusnet-recurrent", frames[:, :first], focus[:, :first])
    close(whole[:, :first], part.extras["after_frame"])
    assert torch.equal(part.depth, part.extras["after_frame"][:, -1:])


def test_the_recurrent_network_remembers() -> None:
    frames, focus = stack(3)
    changed = frames.clone()
    changed[:, 0] = 0
    for other, where in ((frames.flip(1), focus.flip(1)), (changed, focus)):
        assert (
            run("defocusnet-recurrent", other, where).depth - run("defocusnet-recurrent", frames, focus).depth
        ).any()


def test_the_focus_channel_is_a_constant_map() -> None:
    """The network of four channels equals that of three, with the fourth channel's weights times the position added."""
    frames, focus = stack(1)
    four = made("defocusnet-recurrent", RecurrentOptions(focus_channel=True))
    three = build("defocusnet-recurrent")
    state: dict[str, Any] = dict(four.state_dict())
    first = state["d1.l1.0.weight"]
    state["d1.l1.0.weight"] = first[:, :3]
    three.load_state_dict(state)
    layer: Any = three.get_submodule("d1").get_submodule("l1").get_submodule("0")
    position = torch.full((1, 1, 32, 64), focus.item())
    added = torch.nn.functional.conv2d(position, first[:, 3:], padding=1)
    layer.register_forward_hook(lambda module, given, out: out + added)
    with torch.inference_mode():
        close(three(frames, focus).depth, four(frames, focus).depth)

"""In the wild: sizes beside the paper's, the modules of figure 11, what the alignment network promises."""

from functools import lru_cache
from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from focaldepth.core.errors import SettingError, StackError, WeightsError
from focaldepth.networks._blocks import normalised_softplus
from focaldepth.networks._net import FocusNet, build
from focaldepth.networks._spec import NETWORKS
from focaldepth.networks._weights import from_checkpoint
from focaldepth.networks.dff_in_the_wild import DETECTORS, DOWNSAMPLINGS, InTheWildOptions
from focaldepth.networks.dff_in_the_wild_e2e import EndToEndOptions
from focaldepth.networks.modules.dff_in_the_wild import Downsampling, PlainDetector, SharpRegionDetector, detector
from focaldepth.networks.modules.dff_in_the_wild_e2e import EndToEnd, flow, warp

DEPTH, BOTH = "dff-in-the-wild", "dff-in-the-wild-e2e"
VARIANTS = [InTheWildOptions(*kinds) for kinds in product(DETECTORS, DOWNSAMPLINGS)]
few = settings(max_examples=8)


@lru_cache(maxsize=4)
def made(name: str, options: InTheWildOptions | None = None) -> FocusNet:
    torch.manual_seed(4)
    net = build(name, options)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):  # as after training: not the identity
            module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.7, 1.4)  # type: ignore[union-attr]
            module.bias.data.uniform_(-0.1, 0.1)
    return net


def stack(n: int, height: int = 32, width: int = 32, batch: int = 1) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(n)
    focus = torch.rand(batch, n, generator=random).cumsum(1)
    return 2 * torch.rand(batch, n, 3, height, width, generator=random) - 1, focus


def field_of_view(n: int, batch: int = 1, most: float = 1.06) -> Tensor:
    return torch.linspace(most, 1, n).repeat(batch, 1)


def count(net: nn.Module, *prefixes: str) -> int:
    return sum(p.numel() for name, p in net.named_parameters() if name.startswith(prefixes or ""))


def test_parameters_of_each_part_are_those_of_the_paper() -> None:
    """Section 4: 0.195 + 0.067 + 2.883 + 1.067 = 4.212 million, which does not count layers that are never used."""
    net = made(BOTH)
    refinement = tuple(f"DFF_net.{part}" for part in ("confidence", "dres", "deconv", "classif"))
    unused = [count(net, "DFF_net.SPP_module.redir3"), *(count(net, f"DFF_net.dres{k}.pre_conv") for k in (2, 3, 4))]
    assert unused == [16_640, 4_224, 1_088, 288]
    assert count(net, "optical_flow_aggregation") == 195_593  # 0.1956, which the paper cuts off
    assert count(net, "DFF_net.FM_") == 66_504
    assert count(net, "DFF_net.SPP_module") - unused[0] == 2_882_944
    assert count(net, *refinement) - sum(unused[1:]) == 1_067_144
    assert count(net) == 4_234_425
    assert count(net) - sum(unused) == 4_212_185
    assert count(made(DEPTH)) == 4_038_832


def test_what_is_never_used_changes_nothing() -> None:
    net, given = made(DEPTH), stack(2)
    before = net(*given).depth
    state = net.state_dict()
    spoiled = {k: torch.full_like(v, 7) if "redir3" in k or "pre_conv" in k else v for k, v in state.items()}
    other = build(DEPTH)
    other.load_state_dict(spoiled)
    assert torch.equal(other(*given).depth, before)


@pytest.mark.parametrize(("name", "frames", "gflop"), [(DEPTH, 5, 23.47), (DEPTH, 10, 46.95), (BOTH, 10, 75.30)])
def test_cost_is_that_of_the_official_code(name: str, frames: int, gflop: float) -> None:
    with torch.device("meta"):
        net = build(name)
        shape = torch.empty(1, frames)
        extra = dict.fromkeys(NETWORKS.get(name).inputs, shape)
        with FlopCounterMode(display=False) as counter:
            net.every_scale = True
            net(torch.empty(1, frames, 3, 224, 224), shape, **extra)
    assert counter.get_total_flops() / 1e9 == pytest.approx(gflop, abs=0.02)


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_modules_of_figure_11_run_and_are_read_from_their_weights(options: InTheWildOptions, tmp_path: Path) -> None:
    net = made(DEPTH, options)
    out = net(*stack(2))
    assert torch.isfinite(out.depth).all()
    torch.save(net.state_dict(), tmp_path / "a.pth")
    found, _ = from_checkpoint(tmp_path / "a.pth", DEPTH)
    assert found.options == options
    assert torch.equal(found(*stack(2)).depth, out.depth)


def test_sizes_of_the_modules_of_figure_11() -> None:
    """Of two modules of 8 channels, by hand: convolutions without bias, two numbers per channel of a norm."""
    sizes = {kind: count(detector(kind, 8)) for kind in DETECTORS}
    plain = 2 * (8 * 8 * 9 + 2 * 8)
    assert sizes == {"srd": plain + 8 * 8 * 3 + 8 * 8, "resnet_2d": plain, "resnet_3d": 2 * (8 * 8 * 27 + 2 * 8)}
    one = 8 * 16 * 27 + 2 * 16
    down = {kind: count(Downsampling(kind, 8, 16)) for kind in DOWNSAMPLINGS}
    assert down == {"efd": 2 * one, "max_pool": one, "average_pool": one, "strided": one, "pool_3d": 2 * one}


def reach_along_frames(module: nn.Module, channels: int) -> int:
    """How many frames before and after one that changes see a change."""
    x = torch.zeros(1, channels, 11, 4, 4)
    y = x.clone()
    y[:, :, 5] = 1
    moved = (module.eval()(y) - module(x)).abs().amax((0, 1, 3, 4)) > 0
    seen = moved.nonzero().flatten()
    return int((seen - 5).abs().max())


def test_who_compares_frames() -> None:
    """A 2D block sees its own frame, the detector its neighbours, a 3D block two on each side; so do downsamplings."""
    torch.manual_seed(1)
    assert reach_along_frames(PlainDetector(4, (1, 3, 3)), 4) == 0
    assert reach_along_frames(SharpRegionDetector(4), 4) == 1
    assert reach_along_frames(PlainDetector(4, (3, 3, 3)), 4) == 2
    reach = {kind: reach_along_frames(Downsampling(kind, 4, 8), 4) for kind in DOWNSAMPLINGS}
    assert reach == {"efd": 1, "max_pool": 1, "average_pool": 1, "strided": 1, "pool_3d": 2}


def test_the_detector_adds_its_score() -> None:
    """Figure 5 and the code add a score that is never negative; they do not multiply by it."""
    torch.manual_seed(2)
    net, x = SharpRegionDetector(4).eval(), torch.randn(1, 4, 3, 8, 8)
    added = net(x) - net.Focus_Measure(x)
    assert (added >= -1e-6).all()
    assert added.max() > 0.01


def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(SettingError, match="detector"):
        InTheWildOptions(detector="other")
    with pytest.raises(SettingError, match="alignment"):
        EndToEndOptions(alignment="other")


TOLD_APART = [
    (BOTH, DEPTH, "has an alignment network too.*dff-in-the-wild-e2e"),
    (DEPTH, BOTH, "no checkpoint of dff-in-the-wild-e2e.*these are weights of dff-in-the-wild"),
]


@pytest.mark.parametrize(("saved", "taken", "message"), TOLD_APART, ids=["with", "without"])
def test_the_two_networks_are_told_apart(saved: str, taken: str, message: str, tmp_path: Path) -> None:
    torch.save(made(saved).state_dict(), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=f"(?i){message}"):
        from_checkpoint(tmp_path / "a.pth", taken)


def test_a_checkpoint_without_features_is_refused(tmp_path: Path) -> None:
    state = {k: v for k, v in made(DEPTH).state_dict().items() if "FM_conv1.0" not in k}
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="feature extraction is none that is known"):
        from_checkpoint(tmp_path / "a.pth", DEPTH)


def test_weights_of_a_picture_sum_to_one_and_are_never_zero() -> None:
    """The softplus has a floor, so that the sum is never zero."""
    out = made(DEPTH)(*stack(4))
    assert out.probability is not None
    assert out.scales[0].scores is not None
    assert (out.probability > 0).all()
    far = -1e4 * torch.ones(1, 3, 2, 2)
    torch.testing.assert_close(normalised_softplus(far, 1e-6), torch.full_like(far, 1 / 3))


@few
@given(st.integers(1, 4), st.floats(0.5, 2), st.floats(-3, 3))
def test_depth_follows_the_focus_positions(n: int, factor: float, shift: float) -> None:
    """Positions only weigh in at the end, so depth moves with them as a line."""
    frames, focus = stack(n)
    net = made(DEPTH)
    moved = net(frames, factor * focus + shift).depth
    torch.testing.assert_close(moved, factor * net(frames, focus).depth + shift, rtol=1e-4, atol=1e-4)


# --- alignment -------------------------------------------------------------------------------------------------------


def test_flow_by_hand() -> None:
    """Zoom 1.1 at the border of 9 columns: half the width, floored, times 0.1; shifts are added."""
    coefficients = torch.tensor([[[0.04, 2.0, -1.0], [0.0, 0.0, 0.0]]])
    moved = flow(coefficients, torch.tensor([[1.06, 1.0]]), 5, 9)
    assert moved.shape == (1, 2, 2, 5, 9)
    torch.testing.assert_close(moved[0, 0, 0, 0], 2 + 0.1 * torch.arange(-4.0, 5))
    torch.testing.assert_close(moved[0, 1, 0, :, 3], -1 + 0.1 * torch.arange(-2.0, 3))
    assert (moved[:, :, 1] == 0).all()


@few
@given(st.integers(-5, 5), st.integers(-5, 5))
def test_whole_shifts_move_pixels_and_leave_black(x: int, y: int) -> None:
    volume = torch.rand(2, 3, 2, 12, 16)
    coefficients = torch.tensor([0.0, x, y]).expand(2, 2, 3)
    found = warp(volume, flow(coefficients, torch.ones(2, 2), 12, 16))
    padded = torch.nn.functional.pad(volume, (6, 6, 6, 6))
    wanted = padded[..., 6 - y : 18 - y, 6 - x : 22 - x]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_target_stays_where_it_is_without_coefficients() -> None:
    options = EndToEndOptions(alignment="field_of_view")
    frames, focus = stack(4)
    net = made(BOTH, options)
    out = net(frames, focus, field_of_view=field_of_view(4))
    assert (out.extras["coefficients"] == 0).all()
    torch.testing.assert_close(out.extras["aligned"][:, -1], frames[:, -1], rtol=1e-5, atol=1e-5)
    assert (out.extras["aligned"][:, 0] - frames[:, 0]).abs().max() > 0.1
    assert not any("optical_flow" in key for key in net.state_dict())


def test_same_fields_of_view_and_no_network_leave_the_depth_network_alone() -> None:
    frames, focus = stack(3)
    net = made(BOTH, EndToEndOptions(alignment="field_of_view"))
    alone = build(DEPTH)
    alone.load_state_dict(net.state_dict())
    found = net(frames, focus, field_of_view=torch.ones(1, 3)).depth
    torch.testing.assert_close(found, alone(frames, focus).depth, rtol=1e-3, atol=1e-4)


@few
@given(st.sets(st.integers(0, 5), min_size=1))
def test_a_frame_is_aligned_to_the_last_whatever_stands_between(kept: set[int]) -> None:
    """So any number of frames will do, though the official code was written for ten."""
    net = made(BOTH)
    assert isinstance(net, EndToEnd)
    frames, _ = stack(7)
    x, fov, chosen = frames.transpose(1, 2), field_of_view(7), [*sorted(kept), 6]
    every = net.coefficients(x, fov)
    some = net.coefficients(x[:, :, chosen], fov[:, chosen])
    for all_, part in zip(every, some, strict=True):
        torch.testing.assert_close(part, all_[:, chosen], rtol=1e-4, atol=1e-5)


def test_without_field_of_view_the_error_says_what_to_give() -> None:
    frames, focus = stack(3)
    with pytest.raises(StackError, match=r"without the field of view.*shape \(1, 3\)"):
        made(BOTH)(frames, focus)
    with pytest.raises(StackError, match="without the field of view"):
        made(BOTH)(frames, focus, field_of_view=torch.ones(1, 2))


def test_coarser_coefficients_come_on_request() -> None:
    frames, focus = stack(3)
    net = made(BOTH)
    net.every_scale = True
    extras = net(frames, focus, field_of_view=field_of_view(3)).extras
    net.every_scale = False
    assert set(extras) == {"aligned", "coefficients", "coefficients_half", "coefficients_quarter"}
    assert (extras["coefficients_quarter"][..., 0].abs() < 0.1).all()  # found zoom counts a thousandth


def test_a_picture_is_not_cut_before_it_is_aligned() -> None:
    assert made(DEPTH).limits.tiles
    assert not made(BOTH).limits.tiles

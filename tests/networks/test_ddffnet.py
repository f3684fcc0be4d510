"""DDFFNet and DFLF: frames share weights, depth is a sum over their maps, skips and up-sampling; options from files."""

from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from focaldepth.core.errors import SettingError, WeightsError
from focaldepth.networks import ddffnet as facts
from focaldepth.networks._net import NetOutput, build
from focaldepth.networks._spec import NETWORKS
from focaldepth.networks._weights import from_checkpoint
from focaldepth.networks.ddffnet import BILINEAR, UNPOOL, UPSAMPLINGS, DdffNetOptions, from_tflearn, read_options
from focaldepth.networks.modules import ddffnet as layers
from focaldepth.networks.modules.ddffnet import DdffNet, unpool

NO_SKIP = {"cc3": False}
TOTALS = [
    (DdffNetOptions(frames=5), 39_790_343, 359.79),
    (DdffNetOptions(), 39_790_348, 719.58),
    (DdffNetOptions(**NO_SKIP, cc1=True), 39_237_388, 719.58),
    (DdffNetOptions(**NO_SKIP, cc2=True), 39_347_980, 719.58),
    (DdffNetOptions(**NO_SKIP), 39_200_524, 682.59),
    # By hand: without the 16 C^2 weights of every up-convolution, and their 32 C^2 operations per pixel below.
    (DdffNetOptions(**NO_SKIP, upsampling=BILINEAR), 29_435_660, 612.71),
    (DdffNetOptions(**NO_SKIP, upsampling=UNPOOL), 29_435_660, 612.71),
]
NARROW = {scale: (2 + scale, count) for scale, (_, count) in facts.SCALES.items()}
"""Few channels, different at every scale, so that tests of laws are quick."""
SKIPS = [set(some) for k in range(6) for some in combinations(range(1, 6), k)]
few = settings(max_examples=15)


def with_skips(scales: set[int], **more: Any) -> DdffNetOptions:
    return DdffNetOptions(**{f"cc{scale}": scale in scales for scale in range(1, 6)}, **more)


@cache
def narrow(options: DdffNetOptions) -> DdffNet:
    """A network of few channels, with batch norms that let signals through."""
    torch.manual_seed(5)
    with patch.object(layers, "SCALES", NARROW):
        net = DdffNet(options).eval()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, 0.0, 0.5)
    return net


def stack(n: int, batch: int = 1) -> Tensor:
    return torch.rand(batch, n, 3, 32, 64, generator=torch.Generator().manual_seed(n))


@torch.inference_mode()
def run(options: DdffNetOptions, frames: Tensor, valid: Tensor | None = None) -> NetOutput:
    out = narrow(options)(frames, torch.zeros(frames.shape[:2]), valid)
    assert isinstance(out, NetOutput)
    return out


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("options", "total", "gflop"), TOTALS)
def test_every_variant_has_the_size_and_cost_of_the_official_one(
    options: DdffNetOptions, total: int, gflop: float
) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        net = DdffNet(options).eval()
        net(torch.rand(1, options.frames, 3, 224, 224), torch.rand(1, options.frames))
    assert sum(p.numel() for p in net.parameters()) == total
    assert round(counter.get_total_flops() / 1e9, 2) == gflop


def test_unpooling_puts_every_value_into_the_upper_left_of_its_cell() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]
    wanted = [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]
    assert unpool(x)[0, 0].tolist() == wanted


@given(b=st.integers(1, 2), c=st.integers(1, 3), h=st.integers(1, 5), w=st.integers(1, 5))
def test_pooling_takes_back_what_unpooling_gave(b: int, c: int, h: int, w: int) -> None:
    x = torch.rand(b, c, h, w)
    up = unpool(x)
    assert up.shape == (b, c, 2 * h, 2 * w)
    assert torch.equal(up[:, :, ::2, ::2], x)
    assert torch.equal(nn.functional.max_pool2d(up, 2), x)
    close(up.sum(), x.sum())


def test_bilinear_doubling_keeps_a_ramp() -> None:
    encoder = narrow(DdffNetOptions(upsampling=BILINEAR)).autoencoder
    ramp = torch.arange(4.0).expand(1, 1, 3, 4)
    assert encoder._doubled(1, ramp)[0, 0, 0].tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@few
@given(n=st.integers(1, 4), data=st.data())
def test_frames_share_weights_and_do_not_see_each_other(upsampling: str, n: int, data: st.DataObject) -> None:
    frames, options = stack(n), DdffNetOptions(n, upsampling=upsampling)
    maps = run(options, frames).extras["activation"]
    assert maps.shape == (1, 1, n, 32, 64)
    order = data.draw(st.permutations(range(n)))
    close(run(options, frames[:, order]).extras["activation"], maps[:, :, order])
    changed = frames.clone()
    changed[:, 0] = 0
    other = run(options, changed).extras["activation"]
    close(other[:, :, 1:], maps[:, :, 1:])
    assert (other[:, :, 0] - maps[:, :, 0]).abs().max() > 1e-3


@few
@given(n=st.integers(1, 4), outputs=st.integers(1, 3), batch=st.integers(1, 2))
def test_outputs_are_sums_over_the_maps_of_frames_in_their_order(n: int, outputs: int, batch: int) -> None:
    options = DdffNetOptions(n, outputs)
    out = run(options, stack(n, batch))
    maps = out.extras["activation"]
    assert (maps >= 0).all()
    weights = narrow(options).scoring.weight.view(outputs, n, outputs)  # of output, frame, map
    wanted = torch.einsum("onk,bknhw->bohw", weights, maps)
    close(out.depth, wanted[:, :1])
    assert ("outputs" in out.extras) == (outputs > 1)
    if outputs > 1:
        close(out.extras["outputs"], wanted)


def test_a_frame_that_does_not_count_adds_nothing() -> None:
    options = DdffNetOptions(3)
    valid = torch.tensor([[True, False, True]])
    out = run(options, stack(3), valid)
    weights = narrow(options).scoring.weight.view(1, 1, 3, 1, 1) * valid.view(1, 1, 3, 1, 1)
    close(out.depth, (weights * out.extras["activation"]).sum(2))
    changed = stack(3)
    changed[:, 1] = 0
    close(run(options, changed, valid).depth, out.depth)


def test_focus_positions_are_not_looked_at() -> None:
    net, frames = narrow(DdffNetOptions(2)), stack(2)
    with torch.inference_mode():
        assert torch.equal(net(frames, torch.rand(1, 2)).depth, net(frames, torch.rand(1, 2)).depth)


@pytest.mark.parametrize("scale", range(1, 6))
def test_a_skip_joins_the_encoder_map_of_its_scale_after_the_decoders(scale: int) -> None:
    """With zeros for what is joined, the network is the one without the skip; with ones, it is not."""
    first, channels = f"autoencoder.conv{scale}_{NARROW[scale][1]}_D.weight", NARROW[scale][0]
    plain, joined = with_skips(set(), frames=2), with_skips({scale}, frames=2)
    with patch.object(layers, "SCALES", NARROW):
        net = DdffNet(joined).eval()
    state = dict(narrow(plain).state_dict())
    for added in (0.0, 1.0):
        more = torch.full_like(state[first], added)
        net.load_state_dict({**state, first: torch.cat((state[first], more), 1)})
        assert net.get_parameter(first).shape[1] == 2 * channels
        with torch.inference_mode():
            off = (net(stack(2), torch.zeros(1, 2)).depth - run(plain, stack(2)).depth).abs().max()
        assert off < 1e-4 if added == 0 else off > 1e-3


@torch.inference_mode()
def test_training_drops_values_and_use_does_not() -> None:
    net, frames = narrow(DdffNetOptions(2)).autoencoder, stack(2)[0]
    assert torch.equal(net(frames), net(frames))
    net.training = True  # batch norms stay as they are
    first, second = net(frames), net(frames)
    net.training = False
    assert (first - second).abs().max() > 1e-3


def shapes_of(options: DdffNetOptions) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in DdffNet(options).state_dict().items()}


@few
@given(
    n=st.integers(1, 20),
    outputs=st.integers(1, 3),
    skips=st.sampled_from(SKIPS),
    bias=st.booleans(),
    upsampling=st.sampled_from(UPSAMPLINGS),
)
def test_options_are_read_from_shapes(n: int, outputs: int, skips: set[int], bias: bool, upsampling: str) -> None:
    options = with_skips(skips, frames=n, outputs=outputs, bias=bias, upsampling=upsampling)
    assert options.skips == tuple(sorted(skips))
    assert read_options(shapes_of(options), {"upsampling": upsampling}) == options


def test_upsampling_without_weights_has_to_be_stated() -> None:
    shapes = shapes_of(DdffNetOptions(upsampling=UNPOOL))
    for stated in ({}, {"upsampling": "nearest"}, {"upsampling": "upconv "}):
        with pytest.raises(WeightsError, match=r"has no up-convolutions.*--set upsampling=bilinear or upsampling=unp"):
            read_options(shapes, stated)


@pytest.mark.parametrize("upsampling", [BILINEAR, UNPOOL])
def test_upsampling_without_weights_is_stated_at_the_import(upsampling: str, tmp_path: Path) -> None:
    net = narrow(DdffNetOptions(2, upsampling=upsampling))
    torch.save(net.state_dict(), tmp_path / "own.pth")
    with patch.object(layers, "SCALES", NARROW), patch.object(facts, "SCALES", NARROW):
        assert from_checkpoint(tmp_path / "own.pth", "ddffnet", {"upsampling": upsampling})[0].options == net.options
        with pytest.raises(WeightsError, match="State it"):
            from_checkpoint(tmp_path / "own.pth", "ddffnet")


def test_a_file_without_up_convolutions_cannot_state_that_it_has_them() -> None:
    stated = {"upsampling": "upconv"}
    assert read_options(shapes_of(DdffNetOptions()), stated).upsampling == "upconv"
    with pytest.raises(WeightsError, match="has no up-convolutions"):
        read_options(shapes_of(DdffNetOptions(upsampling=BILINEAR)), stated)


@pytest.mark.parametrize(
    ("key", "shape", "message"),
    [
        ("scoring.weight", (2, 9, 1, 1), r"scoring layer is \(2, 9, 1, 1\).*N \* K"),
        ("scoring.weight", (0, 0, 1, 1), "scoring layer is"),
        ("autoencoder.conv2_2_D.weight", (128, 192, 3, 3), "conv2_2_D is .*128 input channels, or 256"),
    ],
)
def test_other_layers_are_refused(key: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        read_options({**shapes_of(DdffNetOptions()), key: shape}, {})


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"outputs": 0}, {"upsampling": "nearest"}, {"cc3": 3}])
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=f"{next(iter(wrong))} is"):
        DdffNetOptions(**wrong)


def as_tflearn(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Write a state dict down as TFLearn does."""
    norms = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    found = {}
    for key, value in state.items():
        layer, _, kind = key.removeprefix("autoencoder.").rpartition(".")
        layer = "conv_disp" if layer == "scoring" else layer
        if value.ndim == 4:
            found[f"{layer}/{'up_filter' if 'upconv' in layer else 'W'}:0"] = value.permute(2, 3, 1, 0).contiguous()
        elif kind in norms:
            found[f"{layer}/{norms[kind]}:0"] = value
    return found


def test_the_published_archive_is_read(tmp_path: Path) -> None:
    net = narrow(DdffNetOptions(3))
    archive = {key: value.numpy() for key, value in as_tflearn(net.state_dict()).items()}
    np.savez(tmp_path / "snapshot.npz", **archive)
    with patch.object(layers, "SCALES", NARROW), patch.object(facts, "SCALES", NARROW):
        found, _ = from_checkpoint(tmp_path / "snapshot.npz", "ddffnet")
    assert found.options == net.options
    assert found.state_dict().keys() == net.state_dict().keys()
    assert all(torch.equal(value, found.state_dict()[key]) for key, value in net.state_dict().items())


def test_keys_that_are_not_of_the_archive_stay() -> None:
    values = {"scoring.weight": torch.zeros(1, 2, 1, 1), "conv1_1/other:0": torch.zeros(2), "W:0": torch.zeros(1)}
    assert from_tflearn(values) == values


def test_the_views_of_dflf_span_the_grid_and_are_symmetric() -> None:
    spec = NETWORKS.get("dflf")
    views = set(spec.views)
    assert len(views) == len(spec.views) == 11 == spec.default.limits.fixed_frames
    assert (0, 0) in views
    assert views == {(-r, c) for r, c in views} == {(r, -c) for r, c in views}
    assert {r for r, _ in views} | {c for _, c in views} == set(range(-4, 5))
    assert NETWORKS.get("psp-lf").views == spec.views
    assert not NETWORKS.get("ddffnet").views


def test_dflf_is_ddffnet_on_eleven_pictures() -> None:
    with torch.device("meta"):
        net = build("dflf")
    assert isinstance(net, DdffNet)
    assert net.options == DdffNetOptions(11)
    with pytest.raises(WeightsError, match=r"takes 10 pictures, not 11 views.*as ddffnet"):
        NETWORKS.get("dflf").read_options(shapes_of(DdffNetOptions()), {})

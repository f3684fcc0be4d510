"""AiFDepthNet: what its attention promises, exactly, in every variant; and its options out of a checkpoint."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from focaldepth.core.errors import SettingError, StackError, WeightsError
from focaldepth.networks._net import NetOutput, build
from focaldepth.networks._weights import from_checkpoint
from focaldepth.networks.aifdepthnet import AifDepthNetOptions
from focaldepth.networks.aifdepthnet import read_options as read
from focaldepth.networks.modules.aifdepthnet import AifDepthNet, with_index

PARTS = {
    "conv3d_1a": 66_048, "conv3d_2b": 4_288, "conv3d_2c": 332_352, "Mixed_3b": 386_640, "Mixed_3c": 838_528,
    "Mixed_4b": 738_384, "Mixed_4c": 905_112, "Mixed_4d": 1_104_328, "Mixed_4e": 1_357_376, "Mixed_4f": 1_800_192,
    "Mixed_5b": 1_975_296, "Mixed_5c": 2_786_000, "up_5c": 3_256_704, "up_4f": 53_440, "up_5c4f": 504_192,
    "up_3c": 30_912, "up_5c4f3c": 224_448, "up_2c": 6_240, "up_5c4f3c2c": 112_272, "up_1a": 1_072, "final_up": 49_184,
    "out": 865,
}  # fmt: skip
"""Trained numbers of the official code."""
TOTALS = [
    (AifDepthNetOptions(), 16_533_873, 60.14),
    (AifDepthNetOptions(heads=2), 16_534_738, 60.58),
    (AifDepthNetOptions(index_channel=True), 16_555_825, 62.90),
    (AifDepthNetOptions(direct_frames=5), 16_533_897, 60.15),
]
ATTENTIVE = [
    AifDepthNetOptions(dims=dims, heads=heads, normalised=normalised)
    for dims in (2, 3)
    for heads in (1, 2)
    for normalised in (False, True)
]
FRAMES = st.integers(1, 5)
few = settings(max_examples=6)


@lru_cache(maxsize=2)
def made(options: AifDepthNetOptions) -> AifDepthNet:
    """Random weights, with scores far enough apart for the attention to differ from a plain mean."""
    torch.manual_seed(3)
    net = build("aifdepthnet", options)
    assert isinstance(net, AifDepthNet)
    net.out.weight.data *= 30
    return net


def stack(n: int, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(n)
    focus = torch.rand(batch, n, generator=random).cumsum(1) - 1
    return torch.rand(batch, n, 3, 32, 32, generator=random), focus


def run(options: AifDepthNetOptions, n: int, **more: Any) -> tuple[NetOutput, torch.Tensor, torch.Tensor]:
    frames, focus = stack(n)
    with torch.inference_mode():
        return made(options)(frames, focus, **more), frames, focus


def test_every_part_has_the_size_of_the_official_one() -> None:
    with torch.device("meta"):
        net = AifDepthNet(AifDepthNetOptions())
    assert {name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()} == PARTS


@pytest.mark.parametrize(("options", "total", "gflop"), TOTALS)
def test_every_variant_has_the_size_and_cost_of_the_official_one(
    options: AifDepthNetOptions, total: int, gflop: float
) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        net = AifDepthNet(options).eval()
        net(torch.rand(1, 5, 3, 224, 224), torch.rand(1, 5))
    assert sum(p.numel() for p in net.parameters()) == total
    assert round(counter.get_total_flops() / 1e9, 2) == gflop


def test_the_2d_network_is_the_3d_one_without_extent_along_the_frames() -> None:
    with torch.device("meta"):
        flat, deep = (AifDepthNet(AifDepthNetOptions(dims=dims)).state_dict() for dims in (2, 3))
    assert list(flat) == list(deep)
    for key, value in deep.items():
        wanted = (*value.shape[:2], 1, *value.shape[3:]) if value.ndim == 5 else value.shape
        assert flat[key].shape == wanted, key


def softmax(scores: NDArray[Any]) -> NDArray[Any]:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def softplus(scores: NDArray[Any]) -> NDArray[Any]:
    positive = np.logaddexp(0, scores)
    return np.asarray(positive / positive.sum(1, keepdims=True))


@pytest.mark.parametrize("options", ATTENTIVE, ids=str)
def test_scores_become_attention_as_the_official_code_does(options: AifDepthNetOptions) -> None:
    """One score for both: softmax makes the picture, whatever makes depth."""
    out, frames, focus = run(options, 4)
    scores = out.extras["logits"].double().numpy()
    assert scores.shape[1] == options.heads
    kind = softplus if options.normalised else softmax
    depth, picture = kind(scores[:, 0]), (kind if options.heads == 2 else softmax)(scores[:, -1])
    positions = focus.double().numpy()[:, :, None, None]
    np.testing.assert_allclose(out.probability, depth, atol=1e-6)
    np.testing.assert_allclose(out.extras["all_in_focus_probability"], picture, atol=1e-6)
    np.testing.assert_allclose(out.depth, (depth * positions).sum(1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(out.all_in_focus, (picture[:, :, None] * frames.numpy()).sum(1), atol=1e-5)
    assert np.ptp(depth, 1).max() > 0.05  # the attention is no plain mean


@pytest.mark.parametrize("options", ATTENTIVE, ids=str)
@few
@given(n=FRAMES)
def test_depth_and_picture_are_means_of_what_the_frames_hold(options: AifDepthNetOptions, n: int) -> None:
    out, frames, focus = run(options, n)
    assert out.all_in_focus is not None
    for weights in (out.probability, out.extras["all_in_focus_probability"]):
        assert weights is not None
        assert (weights >= 0).all()
        torch.testing.assert_close(weights.sum(1), torch.ones(1, 32, 32))
    tiny = 1e-5
    assert (out.all_in_focus >= frames.amin(1) - tiny).all()
    assert (out.all_in_focus <= frames.amax(1) + tiny).all()
    assert out.depth.min() >= focus.min() - tiny
    assert out.depth.max() <= focus.max() + tiny


@few
@given(factor=st.floats(-3, 3), offset=st.floats(-3, 3))
def test_depth_follows_the_focus_positions(factor: float, offset: float) -> None:
    """The unit of the positions is that of depth; the attention never sees them."""
    out, frames, focus = run(AifDepthNetOptions(), 3)
    with torch.inference_mode():
        moved = made(AifDepthNetOptions())(frames, factor * focus + offset)
    torch.testing.assert_close(moved.depth, factor * out.depth + offset, rtol=1e-4, atol=1e-4)
    assert out.spread is not None
    torch.testing.assert_close(moved.spread, abs(factor) * out.spread, rtol=1e-3, atol=1e-3)


def test_a_single_frame_is_its_own_depth_and_picture() -> None:
    for options in ATTENTIVE:
        out, frames, focus = run(options, 1)
        assert (out.depth == focus.item()).all()
        torch.testing.assert_close(out.all_in_focus, frames[:, 0])


@settings(max_examples=8)
@given(order=st.permutations(range(4)))
def test_the_2d_network_does_not_see_the_order_of_frames(order: list[int]) -> None:
    options = AifDepthNetOptions(dims=2)
    out, frames, focus = run(options, 4)
    with torch.inference_mode():
        other = made(options)(frames[:, order], focus[:, order])
        alone = made(options)(frames[:, order[:1]], focus[:, order[:1]])
    torch.testing.assert_close(other.depth, out.depth, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(other.all_in_focus, out.all_in_focus, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(alone.extras["logits"], other.extras["logits"][:, :, :1], rtol=1e-3, atol=1e-3)


def test_the_3d_network_sees_neighbouring_frames() -> None:
    out, frames, focus = run(AifDepthNetOptions(), 3)
    frames[:, 0] = 0
    with torch.inference_mode():
        changed = made(AifDepthNetOptions())(frames, focus).extras["logits"]
    assert (changed - out.extras["logits"])[:, :, 1:].abs().max() > 0.01


def test_the_index_channel_counts_from_one_over_n_to_one() -> None:
    volume = with_index(torch.zeros(2, 3, 4, 1, 2))
    assert volume.shape == (2, 4, 4, 1, 2)
    assert (volume[:, :3] == 0).all()
    assert volume[1, 3, :, 0, 1].tolist() == [0.25, 0.5, 0.75, 1.0]


def test_the_index_channel_shows_the_order_of_frames_to_the_2d_network() -> None:
    options = AifDepthNetOptions(dims=2, index_channel=True)
    out, frames, focus = run(options, 3)
    with torch.inference_mode():
        turned = made(options)(frames.flip(1), focus.flip(1))
    assert (turned.depth - out.depth).abs().max() > 1e-3


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("valid", [None, [True, False, True, True]])
def test_direct_output_is_one_convolution_over_all_scores(heads: int, valid: list[bool] | None) -> None:
    options = AifDepthNetOptions(heads=heads, direct_frames=4)
    mask = None if valid is None else torch.tensor([valid])
    out, frames, focus = run(options, 4, frame_valid=mask)
    net = made(options)
    scores = out.extras["logits"] * (1 if mask is None else mask[:, None, :, None, None])
    picture: Any = net.AiF_out[0]
    with torch.inference_mode():
        depth = torch.einsum("bnhw,n->bhw", scores[:, 0], net.d_out.weight[0, :, 0, 0]) + net.d_out.bias
        sharp = torch.einsum("bnhw,cn->bchw", scores[:, -1], picture.weight[:, :, 0, 0])
        elsewhere = net(frames, focus + 1, mask).depth
    torch.testing.assert_close(out.depth[:, 0], depth, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out.all_in_focus, (sharp + picture.bias[:, None, None]).sigmoid(), rtol=1e-4, atol=1e-4)
    assert torch.equal(elsewhere, out.depth)  # focus positions play no part
    assert out.probability is None


def test_direct_output_takes_its_number_of_frames_only() -> None:
    with pytest.raises(StackError, match="3 frames, the network takes 4"):
        run(AifDepthNetOptions(direct_frames=4), 3)


@pytest.mark.parametrize("options", ATTENTIVE, ids=str)
def test_a_frame_that_does_not_count_is_not_in_the_picture(options: AifDepthNetOptions) -> None:
    out, frames, _ = run(options, 3, frame_valid=torch.tensor([[True, False, True]]))
    weights = out.extras["all_in_focus_probability"]
    assert (weights[:, 1] == 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(1, 32, 32))
    torch.testing.assert_close(out.all_in_focus, (weights[:, :, None] * frames).sum(1))


def test_normalised_attention_and_direct_output_exclude_each_other() -> None:
    with pytest.raises(SettingError, match=r"exclude each other.*direct_frames=0"):
        AifDepthNetOptions(normalised=True, direct_frames=5)


def shapes(options: AifDepthNetOptions) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in AifDepthNet(options).state_dict().items()}


@pytest.mark.parametrize(
    "options",
    [*ATTENTIVE, AifDepthNetOptions(heads=2, index_channel=True, direct_frames=7)],
    ids=str,
)
def test_options_come_back_from_tensors_and_from_what_the_file_states(options: AifDepthNetOptions) -> None:
    stated = {"model_kwargs": {"normalize_attention": options.normalised}, "n_classes": 2}
    for outer in (stated, {"args_model": stated}, {"args_model": {"model_setting": stated}, "args_dict": {"a": 1}}):
        assert read(shapes(options), outer) == options


def test_softmax_is_meant_where_the_file_does_not_say() -> None:
    assert not read(shapes(AifDepthNetOptions(normalised=True)), {}).normalised


def test_a_flag_without_effect_is_not_taken_over() -> None:
    """The official constructor takes normalised attention together with direct output and ignores it."""
    options = AifDepthNetOptions(direct_frames=5)
    assert read(shapes(options), {"args_model": {"model_kwargs": {"normalize_attention": True}}}) == options


@pytest.mark.parametrize("change", [{"conv3d_1a.conv3d.0.weight": (64, 5, 7, 7, 7)}, {"out.weight": (3, 32, 3, 3, 3)}])
def test_other_first_and_last_layers_are_refused(change: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(WeightsError, match="AiFDepthNet has"):
        read({**shapes(AifDepthNetOptions()), **change}, {})


def test_the_normalised_network_comes_out_of_an_official_file(tmp_path: Path) -> None:
    options = AifDepthNetOptions(normalised=True)
    state = {f"module.{key}": value for key, value in made(options).state_dict().items()}
    kept = {"model_setting": {"model": "models.a.B"}, "model_kwargs": {"normalize_attention": True, "n_stack": 10}}
    torch.save({"args_dict": {"stack_num": 5}, "args_model": kept, "state_dict": state}, tmp_path / "a.pth")
    assert from_checkpoint(tmp_path / "a.pth", "aifdepthnet")[0].options == options

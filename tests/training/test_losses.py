"""Losses: cases by hand, gradients by differences, and the law that a batch may be shared out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import exp, sqrt
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from focaldepth.core.errors import SettingError
from focaldepth.networks._net import NetOutput, Scale
from focaldepth.training._batch import Batch
from focaldepth.training.losses._loss import LOSSES, Loss, value
from focaldepth.training.losses.aifdepthnet import AifDepthNetLoss
from focaldepth.training.losses.aifdepthnet_unsupervised import AifDepthNetUnsupervisedLoss, smoothness
from focaldepth.training.losses.ddff import DdffLoss
from focaldepth.training.losses.defocusnet import DefocusNetLoss
from focaldepth.training.losses.dff_in_the_wild import InTheWildLoss
from focaldepth.training.losses.dff_in_the_wild_alignment import AlignmentLoss
from focaldepth.training.losses.dfv import DfvLoss, level_weights


def plane(*values: float) -> Tensor:
    """(1, 1, 1, W)."""
    return torch.tensor(values).view(1, 1, 1, -1)


def batch(truth: Tensor, valid: Tensor | None = None, frames: int = 2, **more: Any) -> Batch:
    b, _, h, w = truth.shape
    known = torch.isfinite(truth) if valid is None else valid
    more.setdefault("frames", torch.zeros(b, frames, 3, h, w))
    return Batch(focus=torch.zeros(b, frames), truth=torch.nan_to_num(truth), valid=known, **more)


def said(*depths: Tensor, **more: Any) -> NetOutput:
    return NetOutput(tuple(Scale(depth) for depth in depths), **more)


def of(loss: Loss, out: NetOutput, given: Batch) -> float:
    return float(value(loss.parts(out, given), loss.counts(given)))


TRUTH = plane(1.0, 2.0, float("nan"), 4.0)


def test_ddff_sums_squares_over_valid_pixels() -> None:
    out = said(plane(2.0, 2.5, 100.0, 2.0))
    assert of(DdffLoss(), out, batch(TRUTH)) == pytest.approx(1 + 0.25 + 4)
    assert of(DdffLoss(mean=True), out, batch(TRUTH)) == pytest.approx(5.25 / 3)


def test_dfv_weighs_scales_and_is_linear_for_large_errors() -> None:
    out = said(plane(1.5, 2.0, 9.0, 4.0), plane(3.0, 2.0, 9.0, 4.0), plane(1, 2, 9, 7.0), plane(1, 2, 9, 4.0))
    smooth = [0.5 * 0.25, 2 - 0.5, 3 - 0.5, 0.0]
    wanted = sum(w / 15 * error / 3 for w, error in zip((8, 4, 2, 1), smooth, strict=True))
    assert of(DfvLoss(), out, batch(TRUTH)) == pytest.approx(wanted)


@given(st.integers(1, 6))
def test_weights_of_levels_sum_to_one_and_halve(levels: int) -> None:
    weights = level_weights(levels)
    assert sum(weights) == pytest.approx(1)
    assert all(a == pytest.approx(2 * b) for a, b in pairwise(weights))


def test_aifdepthnet_is_the_mean_absolute_error() -> None:
    assert of(AifDepthNetLoss(), said(plane(2.0, 2.5, 0.0, 2.0)), batch(TRUTH)) == pytest.approx(3.5 / 3)


def test_in_the_wild_weighs_the_finest_scale_most() -> None:
    out = said(plane(2, 2, 0, 4.0), plane(1, 4, 0, 4.0), plane(1, 2, 0, 7.0), plane(1, 2, 0, 8.0))
    wanted = (1.0 * 1 + 0.7 * 4 + 0.5 * 9 + 0.3 * 16) / 3
    assert of(InTheWildLoss(), out, batch(TRUTH)) == pytest.approx(wanted)


def test_in_the_wild_divides_by_the_sum_of_confidence() -> None:
    given_ = batch(TRUTH, confidence=plane(0.5, 0.0, 1.0, 0.25))
    out = said(*[plane(2, 9, 0, 6.0)] * 4)
    assert of(InTheWildLoss(), out, given_) == pytest.approx(2.5 * (0.5 * 1 + 0.25 * 4) / 0.75)


def test_alignment_sums_over_frames_the_mean_of_the_robust_difference() -> None:
    frames = torch.zeros(1, 3, 3, 1, 2)
    frames[0, 0], frames[0, 1], frames[0, 2] = 0.5, 0.2, torch.tensor([0.5, 0.2])
    given_ = batch(plane(1.0, 1.0), frames=3)
    given_ = replace(given_, frames=frames)

    def rho(d: float) -> float:
        return float((d + 0.01) ** 0.4)

    wanted = (rho(0) + rho(0.3)) / 2 + (rho(0.3) + rho(0)) / 2 + rho(0)
    out = said(plane(0.0, 0.0), extras={"aligned": frames})
    assert of(AlignmentLoss(), out, given_) == pytest.approx(wanted, rel=1e-5)


def test_alignment_counts_in_values_from_0_to_1_whatever_the_input_range() -> None:
    light = torch.rand(1, 2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    plain = batch(torch.zeros(1, 1, 4, 4), frames=2)
    narrow = replace(plain, frames=2 * light - 1, black=-1.0)
    one = of(AlignmentLoss(), said(torch.zeros(1, 1, 4, 4), extras={"aligned": light}), replace(plain, frames=light))
    other = of(AlignmentLoss(), said(torch.zeros(1, 1, 4, 4), extras={"aligned": 2 * light - 1}), narrow)
    assert one == pytest.approx(other, rel=1e-5)


def test_defocusnet_adds_both_squared_errors() -> None:
    truth = plane(1.0, float("nan"))
    given_ = batch(truth, circles=torch.tensor([[[[0.5, 0.0]], [[0.1, 0.0]]]]))
    out = said(plane(1.5, 7.0), extras={"circle_of_confusion": torch.tensor([[[[0.0, 9.0]], [[0.4, 9.0]]]])})
    assert of(DefocusNetLoss(), out, given_) == pytest.approx((0.25 + 0.09) / 2 + 0.25)
    assert of(DefocusNetLoss(depth=0), out, given_) == pytest.approx(0.17)
    assert of(DefocusNetLoss(circles=0), out, given_) == pytest.approx(0.25)


def test_smoothness_counts_where_the_picture_is_even() -> None:
    depth = plane(0.0, 0.3, 0.7)
    picture = torch.zeros(1, 3, 1, 3)
    picture[:, :, :, 2] = 0.01
    found = smoothness(depth, picture, 3)[0, 0, 0]
    even, edge = sqrt(0.09 + 1e-6), exp(-(1.5**2)) * sqrt(0.16 + 1e-6)
    assert found.tolist() == pytest.approx([even, edge], rel=1e-5)


def test_unsupervised_never_looks_at_depth_and_adds_smoothness() -> None:
    sharp = torch.zeros(1, 3, 2, 2)
    given_ = batch(torch.full((1, 1, 2, 2), 5.0), sharp=sharp)
    depth = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
    out = said(depth, all_in_focus=sharp + 0.25)
    one, none = sqrt(1 + 1e-6), 1e-3
    assert of(AifDepthNetUnsupervisedLoss(smooth=0), out, given_) == pytest.approx(0.25)
    assert of(AifDepthNetUnsupervisedLoss(smooth=1), out, given_) == pytest.approx(0.25 + (one + none) / 2, rel=1e-5)
    assert of(AifDepthNetUnsupervisedLoss(smooth=0, depth=1), out, given_) == pytest.approx(0.25 + 4.5)


@pytest.mark.parametrize("name", ["aifdepthnet-unsupervised", "defocusnet"])
def test_a_network_without_what_the_loss_needs_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="network"):
        LOSSES.get(name)().parts(said(plane(1.0)), batch(plane(1.0)))


@pytest.mark.parametrize("name", LOSSES.names())
def test_every_loss_says_where_it_comes_from(name: str) -> None:
    assert len(LOSSES.get(name).source) > 20


def made(name: str, b: int, seed: int) -> tuple[Loss, Batch, Callable[[Tensor], NetOutput], Tensor]:
    """A loss, a batch, what a network says as a function of numbers (b, k, 4, 4), and such numbers."""
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> Tensor:
        return torch.from_numpy(random.random(shape))

    n = 3
    frames, truth, valid = draw(b, n, 3, 4, 4), draw(b, 1, 4, 4), draw(b, 1, 4, 4) > 0.3
    given_ = Batch(
        frames, draw(b, n), truth, valid, confidence=draw(b, 1, 4, 4), sharp=draw(b, 3, 4, 4), circles=draw(b, n, 4, 4)
    )

    def say(numbers: Tensor) -> NetOutput:
        scales = tuple(Scale(numbers[:, k : k + 1]) for k in range(4))
        extras = {"circle_of_confusion": numbers[:, :n], "aligned": numbers[:, :9].unflatten(1, (n, 3))}
        return NetOutput(scales, numbers[:, 4:7], extras)

    return LOSSES.get(name)(), given_, say, draw(b, 9, 4, 4)


@pytest.mark.parametrize("name", LOSSES.names())
def test_gradients_are_those_of_differences(name: str) -> None:
    loss, given_, say, numbers = made(name, 1, 0)
    counts = loss.counts(given_)
    assert torch.autograd.gradcheck(
        lambda x: value(loss.parts(say(x), given_), counts), (numbers.requires_grad_(),), eps=1e-7, atol=1e-4
    )


def cut(given_: Batch, part: slice) -> Batch:
    return replace(given_, **{name: tensor[part] for name, tensor in given_.tensors().items()})


@pytest.mark.parametrize("name", LOSSES.names())
@given(split=st.integers(1, 3), seed=st.integers(0, 100))
def test_parts_of_a_batch_give_the_gradient_of_the_whole(name: str, split: int, seed: int) -> None:
    loss, given_, say, numbers = made(name, 4, seed)
    whole = numbers.clone().requires_grad_()
    value(loss.parts(say(whole), given_), loss.counts(given_)).backward()
    apart = numbers.clone().requires_grad_()
    parts = [slice(0, split), slice(split, 4)]
    every = [loss.counts(cut(given_, part)) for part in parts]
    counts = {key: every[0][key] + every[1][key] for key in every[0]}
    for part in parts:
        value(loss.parts(say(apart[part]), cut(given_, part)), counts).backward()
    torch.testing.assert_close(whole.grad, apart.grad)


@pytest.mark.parametrize("name", ["ddff", "dfv", "aifdepthnet", "dff-in-the-wild", "defocusnet"])
def test_a_batch_without_a_valid_pixel_has_no_loss_and_no_gradient(name: str) -> None:
    loss, given_, say, numbers = made(name, 1, 0)
    given_ = replace(given_, valid=torch.zeros_like(given_.valid))
    numbers.requires_grad_()
    found = value(loss.parts(say(numbers), given_), loss.counts(given_))
    found.backward()
    assert found.item() == 0
    assert numbers.grad is not None
    assert not numbers.grad.any()

"""The model of blur: transfer of a disc, hypotheses, combinations, and the one constant that is measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import j1

from focaldepth.classical._blur_model import (
    FEWEST_HYPOTHESES,
    MOST_HYPOTHESES,
    disc_transfer,
    hypotheses,
    most_hypotheses,
)
from focaldepth.classical._evidence import weigh
from focaldepth.classical._measure_blur import measure_blur
from focaldepth.classical._volume import WHITE
from focaldepth.core.progress import Run
from focaldepth.scenes.layers import LayeredScene, render


def test_the_transfer_of_a_disc_is_that_of_bessel():
    x = np.linspace(0.01, 39, 500)
    assert np.allclose(disc_transfer(x), 2 * j1(x) / x, atol=1e-8)


@given(st.floats(0.01, 100), st.floats(1e-3, 1e3), st.integers(2, 300))
def test_hypotheses_are_even_and_reach_beyond_both_ends(extent, px_per_unit, frames):
    focus = np.linspace(1, 1 + extent, frames)
    depths = hypotheses(focus, px_per_unit)
    assert FEWEST_HYPOTHESES <= len(depths) <= MOST_HYPOTHESES
    assert np.allclose(np.diff(depths), depths[1] - depths[0], rtol=1e-6)
    assert depths[0] < focus[0]
    assert depths[-1] > focus[-1]


@given(st.integers(2, 100), st.floats(0.04, 25.2))
def test_no_stack_asks_for_more_hypotheses_than_were_announced(frames, px_per_step):
    assert len(hypotheses(np.arange(frames, dtype=float), px_per_step)) <= most_hypotheses(frames)


def test_white_noise_speaks_for_no_hypothesis():
    """Every combination lets through about the same power of noise, so noise alone prefers no depth."""
    focus = np.linspace(0, 9, 10)
    noise = np.random.default_rng(0).normal(20000, 900, (10, 128, 128)).astype(np.uint16)
    found = weigh(noise, focus, 1, Run(threads=1), 1.0)
    power = (found.share.astype(float) * found.energy[..., None])[16:-16, 16:-16].mean((0, 1))
    assert power.max() / power.min() < 1.7


@pytest.mark.parametrize("blur_px", [0.7, 1.5, 3.0])
def test_the_blur_of_a_stack_is_measured(blur_px):
    scene = LayeredScene(seed=2, frames=10, height=160, width=208, contrast=1.0, blur_px=blur_px, noise=0.001)
    stack = render(scene).stack
    luminance = (stack.read_all().mean(-1) / 255 * WHITE).astype(np.uint16)
    px_per_unit, explained = measure_blur(luminance, stack.blur_axis.values)
    assert px_per_unit * scene.step == pytest.approx(blur_px, rel=0.12)
    assert explained > 0.5


@pytest.mark.parametrize(("frames", "blur_px"), [(3, 7.0), (4, 10.0)])
def test_the_blur_of_frames_far_apart_is_measured(frames, blur_px):
    """In smaller copies of the picture: its finest detail is seen by one frame alone."""
    scene = LayeredScene(seed=2, frames=frames, height=200, width=200, contrast=1.0, blur_px=blur_px, noise=0.001)
    stack = render(scene).stack
    luminance = (stack.read_all().mean(-1) / 255 * WHITE).astype(np.uint16)
    px_per_unit, explained = measure_blur(luminance, stack.blur_axis.values)
    assert px_per_unit * scene.step == pytest.approx(blur_px, rel=0.3)
    assert explained > 0.5


@pytest.mark.parametrize("frames", [2, 5, 12])
def test_noise_is_not_taken_for_frames_far_apart(frames):
    noise = np.random.default_rng(1).normal(20000, 900, (frames, 200, 200)).astype(np.uint16)
    assert measure_blur(noise, np.arange(float(frames)))[1] == 0


@pytest.mark.parametrize("px_per_frame", [0.03, 0.3])
def test_the_blur_of_a_long_stack_is_measured(px_per_frame):
    """From frames far apart where blur changes slowly, from neighbours where it does not."""
    scene = LayeredScene(seed=2, frames=120, height=96, width=96, contrast=1.0, blur_px=px_per_frame, layers=1)
    stack = render(scene).stack
    luminance = (stack.read_all().mean(-1) / 255 * WHITE).astype(np.uint16)
    px_per_unit, explained = measure_blur(luminance, stack.blur_axis.values)
    assert px_per_unit * scene.step == pytest.approx(px_per_frame, rel=0.2)
    assert explained > 0.3


def test_repeated_frames_do_not_matter():
    rendered = render(LayeredScene(seed=2, frames=8, height=96, width=96, contrast=1.0)).stack
    luminance = (rendered.read_all().mean(-1) / 255 * WHITE).astype(np.uint16)
    once, _ = measure_blur(luminance, np.arange(8.0))
    often, _ = measure_blur(np.repeat(luminance, 20, 0), np.arange(160.0))
    assert often * 20 == pytest.approx(once, rel=0.25)


def test_nothing_is_measured_where_nothing_changes():
    noise = np.random.default_rng(0).integers(0, 60000, (96, 96)).astype(np.uint16)
    px_per_unit, explained = measure_blur(np.repeat(noise[None], 6, 0), np.arange(6.0))
    assert explained == 0
    assert px_per_unit > 0

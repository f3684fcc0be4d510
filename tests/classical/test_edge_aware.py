"""Smoothing along edges: a mean with weights that sum to one, which does not cross them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.classical._edge_aware import EdgeAware


def random(*shape):
    return np.random.default_rng(0).random(shape).astype(np.float32)


@given(st.floats(-100, 100), st.floats(1, 60))
def test_a_constant_stays(value, reach):
    out = EdgeAware(random(12, 17, 3), reach, 0.3)(np.full((12, 17, 2), value, np.float32))
    assert np.allclose(out, value, atol=1e-4 * max(1, abs(value)))


def test_a_flat_guide_smooths_as_far_as_it_says():
    impulse = np.zeros((201, 1, 1), np.float32)
    impulse[100] = 1
    weights = EdgeAware(np.zeros((201, 1, 1), np.float32), 12.0, 0.3)(impulse)[:, 0, 0]
    places = np.arange(201) - 100
    assert abs(weights.sum() - 1) < 1e-3
    assert 0.75 * 12 < np.sqrt((weights * places**2).sum()) < 1.25 * 12


def test_a_strong_edge_is_not_crossed():
    guide = np.zeros((20, 40, 3), np.float32)
    guide[:, 20:] = 1
    values = guide[..., :1] * 10
    out = EdgeAware(guide, 25.0, 0.2)(values)
    assert np.abs(out - values).max() < 0.1


def test_grey_and_colour_guides_of_the_same_picture_agree():
    grey, values = random(15, 21, 1), random(15, 21, 4)
    one, three = (EdgeAware(g, 10.0, 0.4)(values) for g in (grey, np.repeat(grey, 3, 2)))
    assert np.allclose(one, three, atol=1e-5)

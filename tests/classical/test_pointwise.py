"""The parts of pointwise depth: windows are means, fits are exact on the curves they assume."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.classical._fits import FITS
from focaldepth.classical._peak import PeakTracker
from focaldepth.classical._windows import AVERAGES, WINDOWS, averages_of
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import SettingError
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import METHODS, estimate
from focaldepth.scenes.layers import LayeredScene, render

RANDOM = np.random.default_rng(0)
UNEVEN = np.array([0.0, 1.0, 1.6, 2.9, 3.5, 5.0, 6.2])


def tracked(curve, focus):
    tracker = PeakTracker((1, len(curve[0])))
    for score in curve:
        tracker.update(np.asarray(score, np.float32)[None])
    return tracker


@pytest.mark.parametrize("window", AVERAGES)
def test_a_constant_score_stays(window):
    score, grey = np.full((40, 50), 3.0, np.float32), RANDOM.random((40, 50)).astype(np.float32)
    assert np.allclose(AVERAGES[window](score, grey, 4.0), 3, atol=1e-4)


@pytest.mark.parametrize("window", ["box", "gaussian"])
@given(sigma=st.floats(2, 12))
def test_a_window_is_as_wide_as_it_says(window, sigma):
    impulse = np.zeros((161, 161), np.float32)
    impulse[80, 80] = 1
    spread = AVERAGES[window](impulse, impulse, sigma)
    offsets = np.arange(161) - 80
    assert abs(float(spread.sum()) - 1) < 1e-3
    assert np.sqrt((spread.sum(0) * offsets**2).sum()) == pytest.approx(sigma, rel=0.12)


def test_the_guided_window_stops_at_an_edge_of_the_frame():
    grey = np.zeros((40, 60), np.float32)
    grey[:, 30:] = 1
    score = grey * 10
    guided, plain = (AVERAGES[name](score, grey, 5.0) for name in ("guided", "gaussian"))
    assert np.abs(guided - score)[:, 26:34].max() < 0.5
    assert np.abs(plain - score)[:, 26:34].max() > 2


def test_the_adaptive_window_is_three():
    assert [sigma for _, sigma in averages_of("adaptive", 4.0)] == [2.0, 4.0, 8.0]


@given(st.floats(1.2, 5.8), st.floats(0.8, 4))
def test_gaussian_fits_are_exact_on_gaussians_also_on_uneven_axes(middle, width):
    curve = 50 * np.exp(-((UNEVEN - middle) ** 2) / (2 * width**2))[:, None]
    tracker = tracked(curve, UNEVEN)
    if tracker.index[0, 0] in (0, len(UNEVEN) - 1):
        return
    for name in ("gaussian", "least-squares"):
        assert FITS[name](tracker, UNEVEN, slice(None))[0, 0] == pytest.approx(middle, abs=0.02)


@given(st.floats(1.2, 5.8))
def test_the_parabola_is_exact_on_parabolas(middle):
    curve = (100 - (UNEVEN - middle) ** 2)[:, None]
    tracker = tracked(curve, UNEVEN)
    if tracker.index[0, 0] in (0, len(UNEVEN) - 1):
        return
    assert FITS["parabola"](tracker, UNEVEN, slice(None))[0, 0] == pytest.approx(middle, abs=0.05)


@pytest.mark.parametrize("fit", FITS)
def test_a_peak_at_an_end_is_the_frame(fit):
    curve = np.linspace(10, 1, len(UNEVEN))[:, None]
    assert FITS[fit](tracked(curve, UNEVEN), UNEVEN, slice(None))[0, 0] == UNEVEN[0]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("fit", FITS)
def test_every_combination_finds_a_textured_plane(window, fit):
    scene = LayeredScene(seed=1, frames=8, height=72, width=72, layers=0, relief=0, contrast=1.0, noise=0.001)
    rendered = render(scene)
    found = METHODS.get("pointwise")(window=window, fit=fit, fusion="none")(rendered.stack)
    error = np.abs(found.filled.values - rendered.truth.values)[8:-8, 8:-8]
    assert np.median(error) < (0.3 if fit == "argmax" else 0.2) * scene.step


def test_taking_noise_off_changes_little_where_texture_is_strong():
    """It is off by default: on noisy scenes it costs 5 % (docs/notes/classical.md)."""
    rendered = render(LayeredScene(seed=4, frames=8, height=96, width=96, noise=0.01, contrast=1.0))
    on, off = (METHODS.get("pointwise")(subtract_noise=s, fusion="none")(rendered.stack) for s in (True, False))
    error = [np.abs(found.filled.values - rendered.truth.values).mean() for found in (on, off)]
    assert not np.array_equal(on.index, off.index)
    assert error[0] == pytest.approx(error[1], rel=0.1)


def test_wrong_names_are_told():
    with pytest.raises(SettingError, match="window"):
        METHODS.get("pointwise")(window="round")
    with pytest.raises(SettingError, match="fit"):
        METHODS.get("pointwise")(fit="spline")


def test_nothing_is_claimed_for_noise_and_constants():
    axis = FocusAxis(np.linspace(3, 1, 6), Unit.DIOPTRE)
    noise = np.clip(128 + RANDOM.normal(0, 6, (6, 64, 64)), 0, 255).astype(np.uint8)
    for frames in (noise, np.full((6, 64, 64), 77, np.uint8)):
        for window in ("gaussian", "adaptive"):
            found = estimate(
                FocalStack.from_arrays(frames, axis),
                method="pointwise",
                align="none",
                method_settings={"window": window},
            )
            assert found.map.valid.mean() < 0.02

"""What classical claims, and what it must not claim."""

import cv2
import numpy as np
import pytest

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import SettingError
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import estimate
from focaldepth.scenes.layers import LayeredScene, render

RANDOM = np.random.default_rng(3)
SHAPE = (96, 128, 3)


def axis(n):
    return FocusAxis(np.linspace(3, 0.5, n), Unit.DIOPTRE)


def unknowable():
    texture = RANDOM.integers(0, 256, SHAPE).astype(np.uint8)
    noise = np.clip(128 + RANDOM.normal(0, 6, (8, *SHAPE)), 0, 255).astype(np.uint8)
    defocused = np.stack([cv2.GaussianBlur(texture, (0, 0), 1.5 + i) for i in range(8)])
    return {
        "constant": np.full((8, *SHAPE), 90, np.uint8),
        "black": np.zeros((8, *SHAPE), np.uint8),
        "noise": noise,
        "all alike": np.repeat(texture[None], 8, 0),
        "nearer than the first frame": defocused,
        "two frames": defocused[:2],
        "saturated": np.full((8, *SHAPE), 255, np.uint8),
    }


@pytest.mark.parametrize("method", ["classical", "classical-fast", "semi-global", "vdff"])
@pytest.mark.parametrize("kind", unknowable())
def test_what_cannot_be_known_is_not_claimed(kind, method):
    frames = unknowable()[kind]
    result = estimate(FocalStack.from_arrays(frames, axis(len(frames))), method=method, align="none", fill=True)
    assert result.map.valid.mean() < 0.002
    assert any("carries depth" in warning for warning in result.provenance.warnings)
    if method == "classical":
        assert np.median(result.filled.sigma) > 0.25 * np.ptp(axis(len(frames)).values)


def test_one_sigma_holds_for_about_two_thirds_of_what_is_valid():
    inside, count = 0, 0
    for seed in range(500, 508):
        rendered = render(LayeredScene.varied(seed, 120, 160))
        found = estimate(rendered.stack, method="classical", align="none", unit="dioptre").map
        error = np.abs(found.values - rendered.truth.values)[found.valid]
        inside, count = inside + (error < found.sigma[found.valid]).sum(), count + error.size
    assert 0.55 < inside / count < 0.85


def test_it_is_better_than_the_fast_one_and_the_baseline():
    mean = {"classical": 0.0, "classical-fast": 0.0, "naive": 0.0}
    for seed in range(12, 16):
        rendered = render(LayeredScene(seed=seed, frames=10, height=120, width=160, noise=0.004, contrast=0.8))
        for method in mean:
            found = estimate(rendered.stack, method=method, align="none", unit="dioptre", fill=True).filled
            mean[method] += np.abs(found.values - rendered.truth.values).mean()
    assert mean["classical"] < 0.85 * min(mean["classical-fast"], mean["naive"])


def test_few_frames_far_apart_are_read_better_than_by_the_baseline():
    """Blur that differs by 6 and 9 px from frame to frame leaves nothing of the finest detail in two frames."""
    mean = {"classical": 0.0, "naive": 0.0}
    for seed, (frames, blur_px) in enumerate([(3, 6.0), (4, 6.0), (4, 9.0)]):
        scene = LayeredScene(seed=seed, frames=frames, height=120, width=160, contrast=0.8, blur_px=blur_px, relief=0.1)
        rendered = render(scene)
        for method in mean:
            found = estimate(rendered.stack, method=method, align="none", unit="dioptre", fill=True).filled
            mean[method] += np.abs(found.values - rendered.truth.values).mean() / scene.step
    assert mean["classical"] < 0.9 * mean["naive"]


@pytest.mark.parametrize("method", ["classical", "classical-fast"])
def test_near_and_far_pictures_differ_where_two_depths_are_sharp(method):
    """A fine grid in front of a texture: the preferred one is in the picture."""
    plain = np.full((80, 80), 90, np.uint8)
    grid = plain.copy()
    grid[::4] = 200
    texture = plain.copy()
    texture[:, ::4] = 200
    frames = np.stack([grid, cv2.GaussianBlur(grid, (0, 0), 3), cv2.GaussianBlur(texture, (0, 0), 3), texture])
    stack = FocalStack.from_arrays(frames[..., None], axis(4))
    near, far = (
        estimate(stack, method=method, align="none", fusion="colour", prefer=p).all_in_focus for p in ("near", "far")
    )
    assert (near[..., 0] == grid).mean() > 0.9
    assert (far[..., 0] == texture).mean() > 0.9


def test_near_is_unknown_without_positions():
    stack = FocalStack.from_arrays(RANDOM.integers(0, 255, (4, 40, 40, 3)).astype(np.uint8))
    with pytest.raises(SettingError, match="near frames are preferred, but the focus positions are unknown"):
        estimate(stack, method="classical", align="none", prefer="near")
    assert estimate(stack, method="classical", align="none", prefer="last").all_in_focus is not None


@pytest.mark.parametrize("name", ["curves", "prefer"])
def test_a_method_without_curves_or_preference_says_so(name):
    stack = FocalStack.from_arrays(np.zeros((3, 16, 16), np.uint8))
    with pytest.raises(SettingError, match="naive does not take it"):
        estimate(stack, method="naive", align="none", **{name: True if name == "curves" else "first"})


@pytest.mark.parametrize("method", ["classical", "classical-fast", "vdff", "semi-global"])
def test_curves_cover_the_picture_densely(method):
    rendered = render(LayeredScene(frames=5, height=60, width=84))
    extras = estimate(rendered.stack, method=method, align="none", curves=True).extras
    assert extras["curves"].shape == (5, 15, 21)
    assert np.diff(extras["curve_rows"]).tolist() == [4] * 14
    assert extras["curves"].argmax(0).std() > 0.3

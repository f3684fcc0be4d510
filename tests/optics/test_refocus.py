"""Refocusing: against shifts done by hand, the plain loop, and the sign convention of a light field with truth."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.errors import SettingError
from focaldepth.core.light_field import REFOCUSERS, LightField
from focaldepth.core.progress import Run
from focaldepth.optics.refocus import phase
from focaldepth.optics.refocus._views import coded_light, linear_light
from focaldepth.optics.refocus.ddff import Published
from focaldepth.optics.refocus.interpolation import Interpolation
from focaldepth.optics.refocus.phase import PhaseShift
from focaldepth.optics.sub_apertures import cross_views

WAYS = [PhaseShift(), PhaseShift(border="wrap"), Interpolation(), Interpolation("linear"), Published()]


def field_of(views: np.ndarray, white: float = 1.0) -> LightField:
    u, v = views.shape[:2]
    return LightField(
        (u, v), views.shape[2:], lambda r, c: views[r, c], (u // 2, v // 2), dtype=views.dtype, white=white
    )


def smooth(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A periodic texture of low frequencies in 0.2-0.8, (H, W, 1): the pixels hold all of it."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    waves = [
        random.uniform(0.3, 1) * np.cos(2 * np.pi * (a * y / size[0] + b * x / size[1]) + random.uniform(0, 6))
        for a in range(3)
        for b in range(3)
    ]
    texture = np.sum(waves, axis=0)
    return (0.5 + 0.3 * texture / np.abs(texture).max()).astype(np.float32)[..., None]


def moved(picture: np.ndarray, down: float, right: float) -> np.ndarray:
    """Shift by any amount, wrapping around, in double precision."""
    fy, fx = np.fft.fftfreq(picture.shape[0])[:, None], np.fft.fftfreq(picture.shape[1])[None]
    turn = np.exp(-2j * np.pi * (fy * down + fx * right))
    return np.fft.ifft2(np.fft.fft2(picture[..., 0]) * turn).real[..., None]


def flat_scene(disparity: float, grid: tuple[int, int] = (3, 5), size: tuple[int, int] = (36, 40)) -> np.ndarray:
    """Views of a plane of one disparity: view (u, v) sees it moved up and left by the disparity per step."""
    centre = smooth(size)
    return np.array(
        [
            [moved(centre, -(u - grid[0] // 2) * disparity, -(v - grid[1] // 2) * disparity) for v in range(grid[1])]
            for u in range(grid[0])
        ]
    ).astype(np.float32)


@pytest.mark.parametrize("way", WAYS, ids=repr)
@pytest.mark.parametrize("disparity", [0.0, 1.0, -0.37])
def test_a_plane_is_sharp_at_its_own_disparity(way, disparity: float) -> None:
    views = flat_scene(disparity)
    made = way(field_of(views), np.array([disparity, disparity + 1.5]))
    inner = (slice(6, -6), slice(6, -6))
    tolerance = 0.02 if isinstance(way, Interpolation | Published) else 2e-3
    assert np.abs(made[0] - views[1, 2])[inner].max() < tolerance
    assert made[1][inner].std() < made[0][inner].std()


@pytest.mark.parametrize("way", WAYS, ids=repr)
def test_zero_disparity_is_the_mean_of_the_views(way) -> None:
    views = np.random.default_rng(1).uniform(0.1, 0.9, (3, 3, 12, 11, 3)).astype(np.float32)
    made = way(field_of(views), np.array([0.0]))
    assert np.abs(made[0] - views.mean((0, 1))).max() < (1 / 255 if isinstance(way, Published) else 1e-6)


@pytest.mark.parametrize("way", WAYS, ids=repr)
def test_whole_pixels_are_moved_without_any_filter(way) -> None:
    """Right and down for views right of and below the centre, at positive disparity."""
    views = np.random.default_rng(2).uniform(0.1, 0.9, (3, 3, 15, 16, 1)).astype(np.float32)
    made = way(field_of(views), np.array([2.0]))[0]
    wanted = np.mean([np.roll(views[u, v], (2 * (u - 1), 2 * (v - 1)), (0, 1)) for u in range(3) for v in range(3)], 0)
    inner = (slice(3, -3), slice(3, -3))
    assert np.abs(made - wanted)[inner].max() < (1 / 255 if isinstance(way, Published) else 1e-5)


@pytest.mark.parametrize("size", [(24, 30), (25, 31), (24, 31)])
def test_phase_shift_equals_the_plain_loop(size: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    views = random.uniform(0, 1, (4, 3, *size, 2)).astype(np.float32)[..., :1]
    disparities = np.array([-1.3, 0.4, 2.2])
    made = PhaseShift(border="wrap")(field_of(views), disparities)
    for i, d in enumerate(disparities):
        parts = [moved(views[u, v], (u - 2) * d, (v - 1) * d) for u in range(4) for v in range(3)]
        # White noise holds as much at the highest frequency as anywhere: the worst case for its sign.
        assert np.abs(made[i] - np.mean(parts, 0)).max() < 1e-3


@given(st.floats(0.1, 5), st.integers(0, 100))
def test_refocusing_is_linear_in_light(gain: float, seed: int) -> None:
    views = np.random.default_rng(seed).uniform(0, 1, (2, 3, 10, 9, 1)).astype(np.float32)
    once = PhaseShift()(field_of(views), np.array([0.7]))
    scaled = PhaseShift()(field_of(views * np.float32(gain)), np.array([0.7]))
    assert np.allclose(scaled, gain * once, atol=1e-5 * gain)


def test_blocks_of_slices_and_threads_change_nothing(monkeypatch) -> None:
    views = np.random.default_rng(4).uniform(0, 1, (3, 3, 20, 22, 3)).astype(np.float32)
    disparities = np.linspace(-1, 1, 7)
    whole = PhaseShift()(field_of(views), disparities, Run(threads=1))
    monkeypatch.setattr(phase, "_BLOCK_BYTES", 1)
    assert np.allclose(PhaseShift()(field_of(views), disparities, Run(threads=2)), whole, atol=1e-6)


def test_integer_views_are_scaled_by_their_white() -> None:
    views = np.full((3, 3, 8, 8, 1), 1023, np.uint16)
    assert np.allclose(PhaseShift()(field_of(views, 1023.0), np.array([0.3])), 1, atol=1e-5)


def test_the_published_procedure_takes_the_modulus_cuts_per_view_and_truncates() -> None:
    random = np.random.default_rng(5)
    views = random.uniform(0, 1, (3, 3, 16, 16, 1)).astype(np.float32)
    made = Published()(field_of(views), np.array([0.45]))[0]
    fy, fx = np.fft.fftfreq(16)[:, None], np.fft.fftfreq(16)[None]
    total = np.zeros((16, 16))
    for u in range(3):
        for v in range(3):
            turn = np.exp(-2j * np.pi * 0.45 * (fy * (u - 1) + fx * (v - 1)))
            total += np.clip(np.abs(np.fft.ifft2(np.fft.fft2(views[u, v, ..., 0]) * turn)), 0, 1)
    assert np.array_equal(np.rint(made[..., 0] * 255).astype(np.uint8), (total / 9 * 255).astype(np.uint8))


def test_light_may_be_averaged_as_a_lens_does() -> None:
    views = np.zeros((1, 2, 8, 8, 1), np.float32)
    views[0, 1] = 1
    coded = PhaseShift()(field_of(views), np.array([0.0]))
    linear = PhaseShift(light="linear")(field_of(views), np.array([0.0]))
    assert np.allclose(coded, 0.5, atol=1e-6)
    assert np.allclose(linear, coded_light(np.float32(0.5)), atol=1e-6)


@given(st.floats(0, 1))
def test_codes_of_light_invert(value: float) -> None:
    assert np.isclose(coded_light(linear_light(np.float32(value))), value, atol=1e-5)


@pytest.mark.parametrize("bad", [[np.nan], [[1.0]], [], [20.0]])
def test_impossible_disparities_are_refused(bad) -> None:
    views = np.zeros((3, 3, 16, 16, 1), np.float32)
    for way in WAYS:
        with pytest.raises(SettingError, match="disparit"):
            way(field_of(views), np.array(bad, np.float64))


def test_every_way_is_reached_by_name() -> None:
    assert REFOCUSERS.names() == ["ddff", "interpolation", "phase"]
    assert all(REFOCUSERS.get(n).title for n in REFOCUSERS.names())


@pytest.mark.parametrize("count", range(1, 18))
def test_views_of_a_cross_are_distinct_and_hold_the_centre(count: int) -> None:
    chosen = cross_views(field_of(np.zeros((9, 9, 1, 1, 1), np.uint8)), count)
    assert len(set(chosen)) == count
    assert (4, 4) in chosen
    assert all(u == 4 or v == 4 for u, v in chosen)


def test_a_cross_has_no_more_views_than_it_has() -> None:
    with pytest.raises(SettingError, match="18 views of a cross of 17"):
        cross_views(field_of(np.zeros((9, 9, 1, 1, 1), np.uint8)), 18)


@pytest.mark.shared
@pytest.mark.skipif("FOCALDEPTH_SHARED" not in os.environ, reason="needs the shared data")
def test_the_sign_convention_on_a_light_field_with_truth() -> None:
    """Sharp where the truth says so: the contrast is highest in the frame of the right disparity, and of right sign."""
    import cv2

    from focaldepth.io.light_field import load_light_field

    views = load_light_field(Path(os.environ["FOCALDEPTH_SHARED"]) / "data/lightfields/hci_antinous")
    truth = views.truth.values
    made = PhaseShift()(views, np.array([1.615, -1.615, -2.912, 2.912]), Run(threads=1))
    contrast = np.abs([cv2.Laplacian(m.mean(-1), cv2.CV_32F) for m in made])
    bust, wall = np.abs(truth - 1.615) < 0.15, np.abs(truth + 2.912) < 0.15
    assert contrast[0][bust].mean() > 4 * contrast[1][bust].mean()
    assert contrast[2][wall].mean() > 3 * contrast[3][wall].mean()

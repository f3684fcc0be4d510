"""Apertures: unit sum, the variance that the radius asks for, shapes, orientation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.errors import SettingError
from focaldepth.optics.aperture import Aperture

SHAPES = [Aperture(), Aperture("gaussian"), Aperture("polygon", blades=5, turn=20), Aperture("cat-eye")]


def moments(kernel: np.ndarray) -> tuple[float, float]:
    at = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    return float((kernel.sum(0) * at).sum()), float((kernel.sum(0) * at**2).sum())


@pytest.mark.parametrize("aperture", SHAPES, ids=lambda a: a.shape)
@given(radius=st.floats(-20, 20))
def test_a_kernel_takes_no_light_away(aperture: Aperture, radius: float) -> None:
    kernel = aperture.kernel(radius, (0.5, -0.5))
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.shape[0] % 2 == 1
    assert np.isclose(kernel.sum(), 1, atol=1e-5)
    assert kernel.min() >= 0


@given(radius=st.floats(0, 15))
def test_a_disc_has_the_variance_of_a_disc(radius: float) -> None:
    """r^2 / 4 per axis, and 1/12 for the pixels that it is cut into from 1 px on."""
    mean, variance = moments(Aperture().kernel(radius))
    assert abs(mean) < 1e-5
    assert np.isclose(variance, radius**2 / 4, atol=0.13 + 0.02 * radius)


@given(radius=st.floats(1, 15))
def test_a_gaussian_has_that_of_the_disc(radius: float) -> None:
    assert np.isclose(moments(Aperture("gaussian").kernel(radius))[1], radius**2 / 4, rtol=0.06, atol=0.05)


def test_no_blur_is_no_filter() -> None:
    assert Aperture().kernel(0.0).tolist() == [[1.0]]


def test_a_disc_of_one_pixel_by_hand() -> None:
    """Centre whole, neighbours covered in part, corners hardly."""
    kernel = Aperture().kernel(1.0)
    assert kernel.shape == (3, 3)
    assert np.isclose(kernel[1, 1], 1 / np.pi, atol=5e-3)
    assert kernel[0, 1] > 3 * kernel[0, 0]


def test_beyond_the_focus_the_opening_stands_on_its_head() -> None:
    triangle = Aperture("polygon", blades=3, turn=10)
    near, far = triangle.kernel(9.0), triangle.kernel(-9.0)
    assert np.array_equal(near, far[::-1, ::-1])
    assert not np.allclose(near, far, atol=1e-3)


def test_a_cat_eye_is_round_in_the_middle_and_cut_in_the_corner() -> None:
    eye = Aperture("cat-eye", cut=1.0)
    assert np.allclose(eye.kernel(8.0), Aperture().kernel(8.0))
    corner = eye.kernel(8.0, (1.0, 1.0)) > 0
    assert corner.sum() < 0.8 * (eye.kernel(8.0) > 0).sum()
    assert np.array_equal(corner, corner.T)


@pytest.mark.parametrize("aperture", SHAPES, ids=lambda a: a.shape)
def test_samples_spread_like_the_opening(aperture: Aperture) -> None:
    points = aperture.samples(512)
    assert points.shape == (512, 2)
    assert np.abs(points.mean(0)).max() < 1e-9
    if aperture.shape in ("disc", "cat-eye"):
        assert np.allclose(points.var(0), 0.25, atol=0.01)
    assert np.array_equal(points, aperture.samples(512))


def test_an_unknown_shape_is_refused() -> None:
    with pytest.raises(SettingError, match="shape is 'square'"):
        Aperture("square")

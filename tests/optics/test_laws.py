"""Laws of the lens formulas: inverses, limits, closed forms; on floats and arrays alike."""

from math import inf, isclose

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from focaldepth.core.axis import Unit, convert
from focaldepth.core.errors import AxisError, SettingError
from focaldepth.core.optics import Optics
from focaldepth.optics import blur, breathing, depth_of_field, disparity, thin_lens

focal = st.floats(2e-3, 0.6)
ratio = st.floats(1.05, 1e4)
f_number = st.floats(0.9, 64)
coc = st.floats(1e-6, 1e-4)


@given(focal, ratio)
def test_image_distance_obeys_the_lens_equation_and_inverts(f, k):
    s = f * k
    image = thin_lens.image_distance(s, f)
    assert isclose(1 / s + 1 / image, 1 / f, rel_tol=1e-9)
    assert isclose(thin_lens.object_distance(image, f), s, rel_tol=1e-6)
    assert isclose(thin_lens.object_dioptre(image, f) * s, 1, rel_tol=1e-6)


@given(focal, ratio)
def test_magnification_is_image_over_object_distance_and_inverts(f, k):
    s = f * k
    m = thin_lens.magnification(s, f)
    assert isclose(m, thin_lens.image_distance(s, f) / s, rel_tol=1e-9)
    assert isclose(thin_lens.distance_of_magnification(m, f), s, rel_tol=1e-9)


@given(focal, st.floats(2.001, 1e4))
def test_sensor_distance_inverts_below_unit_magnification(f, k):
    total = thin_lens.sensor_distance(f * k, f)
    assert total >= 4 * f * (1 - 1e-12)
    assert isclose(thin_lens.distance_from_sensor_distance(total, f), f * k, rel_tol=1e-6)


@given(focal, st.floats(1.05, 1.999))
def test_sensor_distance_inverts_above_unit_magnification(f, k):
    total = thin_lens.sensor_distance(f * k, f)
    near = thin_lens.distance_from_sensor_distance(total, f, above_unit_magnification=True)
    assert isclose(near, f * k, rel_tol=1e-6)


def test_infinity_needs_no_special_case():
    assert thin_lens.image_distance(inf, 0.05) == 0.05
    assert thin_lens.magnification(inf, 0.05) == 0
    assert thin_lens.distance_from_sensor_distance(inf, 0.05) == inf
    assert breathing.breathing_scale(inf, inf, 0.05) == 1
    assert thin_lens.object_dioptre(0.05, 0.05) == 0


@given(focal, ratio, ratio, f_number)
def test_blur_is_zero_in_focus_linear_in_dioptres_and_grows_with_the_aperture(f, k, j, n):
    focus, d = f * k, f * j
    c = blur.coc_diameter(d, focus, f, n)
    assert blur.coc_diameter(focus, focus, f, n) == 0
    assert isclose(c, blur.coc_per_dioptre(focus, f, n) * abs(1 / focus - 1 / d), rel_tol=1e-12)
    assert isclose(blur.coc_diameter(d, focus, f, n / 2), 2 * c, rel_tol=1e-9)
    assert isclose(blur.coc_pixels(d, focus, f, n, 4e-6), c / 4e-6, rel_tol=1e-9)


@given(focal, ratio, f_number)
def test_blur_at_infinity_is_aperture_times_magnification(f, k, n):
    at_infinity = blur.coc_diameter(inf, f * k, f, n)
    assert isclose(at_infinity, f / n * thin_lens.magnification(f * k, f), rel_tol=1e-9)


@given(focal, ratio, ratio)
def test_breathing_scale_is_the_inverse_ratio_of_views(f, k, j):
    a, b = (thin_lens.image_distance(f * x, f) for x in (k, j))
    assert isclose(breathing.breathing_scale(f * k, f * j, f), 1 / breathing.relative_field_of_view(a, b), rel_tol=1e-9)
    assume(abs(k - j) > 1e-6)
    assert (breathing.breathing_scale(f * k, f * j, f) > 1) == (k < j) or isclose(a, b, rel_tol=1e-9)


@given(focal, ratio, f_number, coc)
def test_points_at_the_limits_of_depth_of_field_have_the_stated_blur(f, k, n, c):
    near, far = depth_of_field.depth_of_field(f * k, f, n, c)
    assert near < f * k < far
    assert isclose(blur.coc_diameter(near, f * k, f, n), c, rel_tol=1e-6)
    if far < 1e6 * f * k:
        assert isclose(blur.coc_diameter(far, f * k, f, n), c, rel_tol=1e-4)
    else:
        assert blur.coc_diameter(inf, f * k, f, n) <= c * (1 + 1e-4)


@given(focal, f_number, coc)
def test_hyperfocal_focus_reaches_from_half_of_it_to_infinity(f, n, c):
    hyper = depth_of_field.hyperfocal_distance(f, n, c)
    assert isclose(blur.coc_diameter(inf, hyper, f, n), c, rel_tol=1e-6)
    near, far = depth_of_field.depth_of_field(hyper * (1 + 1e-9), f, n, c)
    assert far == inf
    assert isclose(near, hyper / 2, rel_tol=1e-6)


def test_microscope_depth_of_field_closed_form():
    wave_only = depth_of_field.microscope_depth_of_field(550e-9, 1.4, 1.515, 60.0, 0.0)
    assert isclose(wave_only, 550e-9 * 1.515 / 1.96)
    both = depth_of_field.microscope_depth_of_field(550e-9, 1.4, 1.515, 60.0, 6.5e-6)
    assert isclose(both - wave_only, 1.515 * 6.5e-6 / (60 * 1.4))


@given(st.floats(0.01, 100), st.floats(1e-4, 0.1), st.floats(10, 5000))
def test_disparity_inverts_and_agrees_with_the_axis(depth, baseline, f_px):
    d = disparity.disparity_px(depth, baseline, f_px)
    assert isclose(disparity.depth_of_disparity(d, baseline, f_px), depth, rel_tol=1e-9)
    optics = Optics(disparity_scale_m_px=baseline * f_px)
    assert isclose(convert(depth, Unit.METRE, Unit.DISPARITY_PX, optics), d, rel_tol=1e-9)
    assert disparity.refocus_shift_px(d, 4, 4) == 0


def test_formulas_take_arrays():
    s = np.array([0.1, 0.2, np.inf])
    np.testing.assert_allclose(thin_lens.image_distance(s, 0.05), [0.1, 1 / 15, 0.05])
    np.testing.assert_allclose(thin_lens.magnification(s, 0.05), [1, 1 / 3, 0])
    np.testing.assert_allclose(breathing.breathing_scale(s, np.inf, 0.05), [2, 4 / 3, 1])
    near, far = depth_of_field.depth_of_field_dioptre(s, 0.05, 8.0, 3e-5)
    assert (near > far).all()
    assert far[-1] == 0


@pytest.mark.parametrize("distance", [0.05, 0.01, 0.0, -1.0, float("nan")])
def test_focus_inside_the_focal_length_is_refused(distance):
    with pytest.raises(AxisError, match=r"focal length 50 mm.*Check the unit"):
        thin_lens.check_focus(distance, 0.05)


def test_boundary_functions_refuse_impossible_numbers():
    with pytest.raises(AxisError, match="4 x the focal length"):
        thin_lens.focus_from_sensor(0.15, 0.05)
    with pytest.raises(SettingError, match="positive"):
        thin_lens.check_focus(1.0, 0.0)
    with pytest.raises(SettingError, match="positive"):
        depth_of_field.depth_of_field(1.0, 0.05, 0.0, 3e-5)

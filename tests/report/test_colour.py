import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.optics import LensModel, Optics
from focaldepth.core.result import DepthMap
from focaldepth.report.colour import (
    ColourScale,
    Spacing,
    depth_scale,
    error_scale,
    hatch,
    index_scale,
    mask_picture,
    robust_range,
    sigma_scale,
)
from focaldepth.report.scale import display_for


def ramp(unit, low=1.0, high=2.0):
    values = np.linspace(low, high, 100, dtype=np.float32)[None].repeat(4, 0)
    return DepthMap(values, unit, np.ones(values.shape, bool))


@pytest.mark.parametrize(("unit", "near_column"), [(Unit.METRE, 2), (Unit.DIOPTRE, -3), (Unit.DISPARITY_PX, -3)])
def test_near_is_warm(unit, near_column):
    axis = FocusAxis(np.array([1.0, 2.0]), unit)
    depth = ramp(unit)
    picture = depth_scale(depth, axis).paint(depth.values).astype(int)
    red, _, blue = picture[0, near_column]
    assert red > blue + 60
    far = picture[0, -near_column]
    assert far[2] > far[0] + 60


def test_direction_is_not_claimed_where_nobody_knows_it():
    assert depth_scale(ramp(Unit.INDEX, 0, 1), FocusAxis.frames(2)).ends == ("", "")
    known = FocusAxis(np.array([1.0, 2.0]), Unit.METRE)
    assert depth_scale(ramp(Unit.INDEX, 0, 1), known).ends == ("near", "far")


def test_pixels_without_depth_are_hatched_grey():
    values = np.array([[1.0, np.nan], [2.0, 1.5]], np.float32)
    depth = DepthMap(values, Unit.METRE, np.isfinite(values))
    picture = depth_scale(depth, FocusAxis(np.array([1.0, 2.0]), Unit.METRE)).paint(values)
    assert len(set(picture[0, 1])) == 1
    assert len(set(picture[0, 0])) > 1
    assert set(np.unique(hatch(40, 40))) == {150, 168}


def test_range_ignores_outliers_and_survives_emptiness():
    values = np.r_[np.linspace(1, 2, 1000), 1e9].astype(np.float32)
    low, high = robust_range(values)
    assert 1 <= low < 1.05
    assert 1.95 < high <= 2.0
    assert robust_range(np.full(5, np.nan)) is None
    lonely = np.full(1 << 20, np.nan, np.float32)
    lonely[12345] = 4.0
    assert robust_range(lonely) == (4.0, 4.0)


def test_map_without_any_valid_pixel_gets_the_range_of_the_axis():
    empty = DepthMap(np.full((3, 3), np.nan, np.float32), Unit.METRE, np.zeros((3, 3), bool))
    scale = depth_scale(empty, FocusAxis(np.array([0.5, 2.0]), Unit.METRE))
    assert (scale.low, scale.high) == (0.5, 2.0)
    assert sigma_scale(empty) is None


def test_bar_marks_agree_with_the_colours():
    scale = depth_scale(ramp(Unit.METRE, 0.01, 0.02), FocusAxis(np.array([0.01, 0.02]), Unit.METRE))
    assert scale.display.symbol == "mm"
    for mark in scale.marks():
        metres = float(mark.text) / 1000
        assert 100 * (metres - scale.low) / (scale.high - scale.low) == pytest.approx(mark.at)
    assert len(scale.stops()) == 17


def test_constant_map_has_a_bar():
    flat = DepthMap(np.ones((3, 3), np.float32), Unit.METRE, np.ones((3, 3), bool))
    scale = depth_scale(flat, FocusAxis(np.array([0.5, 2.0]), Unit.METRE))
    assert scale.marks()[0].text.startswith("1.0")
    assert scale.paint(flat.values).shape == (3, 3, 3)


def test_errors_are_white_at_zero_and_opposite_at_the_ends():
    scale = error_scale(np.linspace(-1, 1, 201, dtype=np.float32)[None], Unit.METRE)
    blue, white, red = scale.paint(np.array([[-1.0, 0.0, 1.0]], np.float32))[0].astype(int)
    assert white.min() > 235
    assert blue[2] > blue[0] + 80
    assert red[0] > red[2] + 80


def test_mask_marks_exactly_the_invalid_pixels():
    valid = np.array([[True, False]])
    picture = mask_picture(valid).astype(int)
    assert np.ptp(picture[0, 0]) == 0
    assert picture[0, 1, 0] > picture[0, 1, 1] + 60
    assert index_scale(np.zeros((2, 2)), 1).high > 0


METRES = FocusAxis(np.array([0.5, 2.0]), Unit.METRE)


@pytest.mark.parametrize(("ratio", "spacing"), [(2.9, Spacing.EVEN), (3.2, Spacing.RECIPROCAL)])
def test_metres_over_a_wide_range_are_coloured_evenly_in_dioptres(ratio, spacing):
    scale = depth_scale(ramp(Unit.METRE, 1.0, ratio), METRES, limits=(1.0, ratio))
    assert scale.spacing is spacing
    middle = 2 / (1 + 1 / ratio) if spacing is Spacing.RECIPROCAL else (1 + ratio) / 2
    np.testing.assert_allclose(scale.place(np.array([1.0, middle, ratio])), [0, 0.5, 1], atol=1e-6)


@pytest.mark.parametrize("unit", [u for u in Unit if u is not Unit.METRE])
def test_other_units_are_coloured_evenly(unit):
    assert depth_scale(ramp(unit, 1.0, 50.0), FocusAxis(np.array([1.0, 50.0]), unit)).spacing is Spacing.EVEN


def test_metres_of_a_telecentric_lens_are_stage_travel_and_coloured_evenly():
    wide = ramp(Unit.METRE, 1e-3, 0.5)
    assert depth_scale(wide, METRES).spacing is Spacing.RECIPROCAL
    assert depth_scale(wide, METRES, optics=Optics(model=LensModel.TELECENTRIC)).spacing is Spacing.EVEN
    assert depth_scale(ramp(Unit.METRE, -1.0, 5.0), METRES).spacing is Spacing.EVEN


def test_few_far_pixels_do_not_take_the_colours_of_the_rest():
    """Nine tenths between 10 m and 40 m, some noise at a few hundred metres, one pixel near infinity."""
    rng = np.random.default_rng(5)
    values = 1 / rng.uniform(1 / 40, 1 / 10, (100, 100))
    values[:7] = rng.uniform(100, 300, (7, 100))
    values[50, 50] = 6e6
    depth = DepthMap(values.astype(np.float32), Unit.METRE, np.ones(values.shape, bool))
    place = depth_scale(depth, METRES).place(depth.values[7:])
    assert np.ptp(np.percentile(place, (2, 98))) > 0.7


def test_ends_of_the_scale_tell_what_lies_beyond():
    values = np.linspace(1, 2, 10_000, dtype=np.float32).reshape(100, 100)
    values[0, :3] = -5.0
    scale = depth_scale(DepthMap(values, Unit.DIOPTRE, np.ones(values.shape, bool)), METRES)
    low, high = scale.tails
    assert low.extreme == -5.0
    assert low.share == pytest.approx(0.01, abs=1e-3)
    assert high is None
    assert scale.high == 2.0
    assert depth_scale(ramp(Unit.DIOPTRE), METRES).tails == (None, None)


def test_given_ends_stay_and_tell_what_lies_beyond():
    scale = depth_scale(ramp(Unit.DIOPTRE), METRES, limits=(1.5, 9.0))
    assert (scale.low, scale.high) == (1.5, 9.0)
    assert scale.tails[0].share == pytest.approx(0.5)
    assert scale.tails[1] is None


@given(st.sampled_from(list(Spacing)), st.floats(0.01, 10), st.floats(1.2, 1000))
def test_marks_stand_where_their_number_is_painted(spacing, low, ratio):
    scale = ColourScale(low, low * ratio, display_for(low, low * ratio, Unit.METRE), spacing=spacing)
    for mark in scale.marks():
        metres = float(mark.text) / scale.display.factor
        assert 100 * float(scale.place(np.array([metres]))[0]) == pytest.approx(mark.at, abs=0.2)
    places = scale.place(np.geomspace(low, low * ratio, 20))
    assert (np.diff(places) > 0).all()
    assert (places[0], places[-1]) == pytest.approx((0, 1), abs=1e-4)


def with_sigma(sigma):
    depth = ramp(Unit.METRE)
    return DepthMap(depth.values, depth.unit, depth.valid, np.tile(sigma.astype(np.float32), (4, 1)))


def test_sigma_over_a_wide_range_is_coloured_in_ratios():
    scale = sigma_scale(with_sigma(np.linspace(0.01, 0.05, 100)))
    assert (scale.spacing, scale.low) == (Spacing.EVEN, 0.0)
    wide = with_sigma(np.geomspace(0.01, 50, 100))
    scale = sigma_scale(wide)
    assert scale.spacing is Spacing.RATIO
    assert float(scale.place(wide.sigma)[0, 50]) == pytest.approx(0.5, abs=0.03)


def test_source_frames_that_were_used_get_all_the_colours():
    index = np.full((100, 100), 21.4, np.float32)
    index[:50] = 29.2
    index[0, :3] = 45.0
    scale = index_scale(index, 49)
    assert (scale.low, scale.high, scale.ends) == (21.0, 30.0, ("", ""))
    assert scale.tails[1].extreme == 45.0
    whole = index_scale(np.array([[0.0, 48.0]]), 49)
    assert (whole.low, whole.high, whole.ends) == (0.0, 48.0, ("first", "last"))
    assert index_scale(np.full((2, 2), np.nan), 5).high == 4.0

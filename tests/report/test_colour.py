import numpy as np
import pytest

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.result import DepthMap
from focaldepth.report.colour import (
    depth_scale,
    error_scale,
    hatch,
    index_scale,
    mask_picture,
    robust_range,
    sigma_scale,
)


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

import time

import cv2
import numpy as np
import pytest

from focaldepth.core.axis import Unit
from focaldepth.core.result import DepthMap
from focaldepth.report.figures import depth_figure, write_depth_png


def test_depth_png_holds_map_and_bar(make_result, tmp_path):
    result = make_result(shape=(240, 400))
    path = write_depth_png(result, tmp_path / "depth.png")
    picture = cv2.imread(str(path))[..., ::-1]
    assert picture.shape[1] > 400
    assert picture.shape[0] >= 240
    bar = picture[:, 440:]
    saturated = (bar.max(axis=2).astype(int) - bar.min(axis=2) > 80).mean()
    assert saturated > 0.05


@pytest.mark.parametrize("unit", list(Unit))
def test_every_unit_and_size_draws(make_result, unit):
    for shape in [(1, 50), (50, 1), (30, 40), (500, 90)]:
        assert depth_figure(make_result(shape=shape, unit=unit)).ndim == 3


def test_without_any_valid_pixel(make_result):
    empty = DepthMap(np.full((40, 50), np.nan, np.float32), Unit.METRE, np.zeros((40, 50), bool))
    assert depth_figure(make_result(shape=(40, 50), map=empty)).ndim == 3


def test_large_maps_become_small_pictures_quickly(make_result, tmp_path):
    result = make_result(shape=(40, 60))
    large = np.kron(result.map.values, np.ones((100, 100), np.float32))
    result = make_result(shape=(40, 60), map=DepthMap(large, Unit.METRE, np.isfinite(large)))
    start = time.process_time()
    path = write_depth_png(result, tmp_path / "depth.png")
    assert time.process_time() - start < 2.0  # 0.2 s here; room for busy machines
    assert max(cv2.imread(str(path)).shape) <= 2060


def test_limits_are_respected(make_result):
    wide = depth_figure(make_result(), limits=(0.0, 100.0))
    usual = depth_figure(make_result())
    assert (wide != usual).any()


def test_bar_has_a_point_where_numbers_lie_beyond(make_result):
    result = make_result(shape=(240, 400))
    values = np.array(result.map.values)
    values[200, :300] = 0.1
    beyond = make_result(shape=(240, 400), map=DepthMap(values, Unit.METRE, result.map.valid))
    usual, pointed = (coloured_rows(depth_figure(r)) for r in (result, beyond))
    assert pointed[0] < usual[0]
    assert pointed[-1] == usual[-1]


def coloured_rows(figure):
    """Rows of the bar at the right, from its first to its last coloured pixel."""
    bar = figure[:, 436:450].astype(int)
    return np.flatnonzero((bar.max(axis=2) - bar.min(axis=2) > 60).any(axis=1))

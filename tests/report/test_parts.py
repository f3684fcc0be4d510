"""Focus curves, frame strip, probe grids, and the weight of imports."""

import subprocess
import sys
from base64 import b64decode
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.stack import StackInfo
from focaldepth.report._curves import curve_grid, focus_scale, telling_pixels
from focaldepth.report._frames import frame_shares, frame_strip, motions
from focaldepth.report._probe import exact_pixels, grids, quantise
from focaldepth.report.scale import display_for


def test_focus_axis_is_even_in_dioptres_and_near_is_left():
    axis = FocusAxis(1 / np.linspace(0.5, 4, 8), Unit.METRE)
    scale = focus_scale(axis, Optics())
    np.testing.assert_allclose(scale.at, np.linspace(100, 0, 8))
    assert scale.near_left
    marks = {m.text: m.at for m in scale.marks}
    assert marks["1"] == pytest.approx(100 * 3 / 3.5)
    assert focus_scale(FocusAxis.frames(5), Optics()).near_left is False


def test_infinity_is_written_and_placed():
    scale = focus_scale(FocusAxis(np.array([0.5, 1, 2, np.inf]), Unit.METRE), Optics())
    assert scale.marks[-1].text == "∞"
    assert scale.at[-1] == 100
    assert scale.texts[-1].startswith("∞")


def test_neighbouring_positions_are_told_apart():
    scale = focus_scale(FocusAxis(np.array([0.2500, 0.2505, 0.2510]), Unit.METRE), Optics())
    assert len(set(scale.texts)) == 3


def test_telling_pixels(make_result):
    result = make_result()
    scale = focus_scale(result.axis, result.optics)
    grid = curve_grid(result.extras, result.map.shape)
    chosen = {p.kind: p for p in telling_pixels(result, grid, scale, display_for(0, 2, Unit.METRE))}
    assert set(chosen) == {"near", "middle", "far", "weakest", "no depth"}
    near, far = chosen["near"], chosen["far"]
    assert result.map.values[near.row, near.col] < result.map.values[far.row, far.col]
    assert near.peak < far.peak
    assert not result.map.valid[chosen["no depth"].row, chosen["no depth"].col]
    assert chosen["no depth"].peak is None
    assert "±" in near.text


def test_telling_pixels_show_the_ends_and_the_middle_of_the_range(make_result):
    """Also where the ends have weak curves and most pixels lie far."""
    result = make_result(shape=(120, 90))
    index = np.full((120, 90), 1.0, np.float32)
    index[:20], index[20:40], index[40:60] = 6.0, 3.5, 1.5
    valid = np.ones(index.shape, bool)
    rows, cols = np.arange(2, 120, 5), np.arange(2, 90, 5)
    curves = np.exp(-0.5 * (np.arange(8)[:, None, None] - index[np.ix_(rows, cols)]) ** 2)
    curves[:, :8] = 0.5 + 0.5 * curves[:, :8]
    values = (1 / np.interp(index, np.arange(8), 1 / result.axis.values)).astype(np.float32)
    result = replace(
        result,
        map=DepthMap(values, Unit.METRE, valid),
        index=index,
        extras={"curves": curves.astype(np.float32), "curve_rows": rows, "curve_cols": cols},
    )
    scale = focus_scale(result.axis, result.optics)
    grid = curve_grid(result.extras, result.map.shape)
    chosen = {p.kind: p for p in telling_pixels(result, grid, scale, display_for(0, 2, Unit.METRE))}
    assert [float(index[chosen[k].row, chosen[k].col]) for k in ("near", "middle", "far")] == [1.0, 3.5, 6.0]


@pytest.mark.parametrize(
    ("curve", "why"),
    [
        (np.r_[5.0, np.ones(7)], "peak in first frame"),
        (np.r_[np.ones(7), 5.0], "peak in last frame"),
        (np.ones(8), "no clear peak"),
        (np.r_[np.ones(4), 5.0, np.ones(3)], "peak not trusted"),
    ],
)
def test_pixels_without_depth_say_what_their_curve_looks_like(make_result, curve, why):
    result = make_result()
    shape = result.extras["curves"].shape[1:]
    extras = {**result.extras, "curves": np.ones(shape) * curve[:, None, None]}
    scale = focus_scale(result.axis, result.optics)
    grid = curve_grid(extras, result.map.shape)
    chosen = {p.kind: p for p in telling_pixels(result, grid, scale, display_for(0, 2, Unit.METRE))}
    assert chosen["no depth"].text == why


@given(st.floats(0.05, 5), st.lists(st.floats(0.002, 3), min_size=1, max_size=12))
def test_focus_positions_are_told_apart_with_few_digits(first, steps):
    axis = FocusAxis(first * np.cumprod(np.r_[1.0, 1 + np.array(steps)]), Unit.METRE)
    scale = focus_scale(axis, Optics())
    assert len(set(scale.texts)) == len(axis)
    marks = [m.text for m in scale.marks]
    assert len(set(marks)) == len(marks)


def test_focus_positions_have_no_more_digits_than_they_need():
    assert focus_scale(FocusAxis(np.array([0.2384, 0.2389, 0.2394]), Unit.METRE), Optics()).texts[1] == "238.9 mm"
    assert focus_scale(FocusAxis(np.array([-0.75, -0.65, -0.55]), Unit.MICROMETRE), Optics()).texts[1] == "−0.65 µm"
    far = focus_scale(FocusAxis(np.array([10.0, 12.72, 58.34, 7_223_525.8]), Unit.METRE), Optics()).texts
    assert far == ("10.0 m", "12.7 m", "58.3 m", "7220 km")


def test_names_that_only_count_are_left_away(make_result):
    result = make_result(n=3)
    scale = focus_scale(result.axis, result.optics)
    told = [c.name for c in frame_strip(result, scale).cards]
    assert told == ["IMG_0.jpg", "IMG_1.jpg", "IMG_2.jpg"]
    for first in (0, 1):
        counted = replace(result, info=StackInfo("s", tuple(f"s.npz frame {i + first}" for i in range(3))))
        assert [c.name for c in frame_strip(counted, scale).cards] == ["", "", ""]
    turned = replace(result, info=StackInfo("s", tuple(f"s.npz frame {3 - i}" for i in range(3))))
    assert frame_strip(turned, scale).cards[0].name == "s.npz frame 3"


def test_dark_thumbnails_are_stretched_all_alike(make_result):
    result = make_result(n=2)
    scale = focus_scale(result.axis, result.optics)
    assert frame_strip(result, scale).stretched is False
    dark = (result.extras["thumbnails"] // 8 + np.array([0, 20])[:, None, None, None]).astype(np.uint8)
    strip = frame_strip(replace(result, extras={"thumbnails": dark}), scale)
    assert strip.stretched is True
    first, second = (
        cv2.imdecode(np.frombuffer(b64decode(c.thumbnail.split(",")[1]), np.uint8), 0) for c in strip.cards
    )
    assert second.mean() > first.mean() + 50


def test_frames_of_the_probe_are_parts_of_a_frame(make_result):
    for n, least in ((10, 10), (49, 5), (200, 1), (300, 1)):
        grid = grids(make_result(n=n))
        assert grid["indexScale"] >= least
        assert grid["indexScale"] * (n - 1) <= 255 or grid["indexScale"] == 1


def test_single_pixels_are_exact(make_result):
    result = make_result()
    col, row, depth, sigma, frame = exact_pixels(result, [(50, 40)])[0]
    assert (col, row) == (40, 50)
    assert (depth, sigma, frame) == (result.map.values[50, 40], result.map.sigma[50, 40], result.index[50, 40])
    assert exact_pixels(result, [(0, 0)])[0][2:4] == [None, None]


def test_curves_are_thinned_to_a_size():
    extras = {"curves": np.ones((300, 60, 90), np.float32), "curve_rows": np.arange(60), "curve_cols": np.arange(90)}
    grid = curve_grid(extras, (60, 90), most=100_000)
    assert grid.curves.size <= 100_000
    assert grid.curves.shape[1:] == (len(grid.rows), len(grid.cols))


def test_shares_count_valid_pixels(make_result):
    shares = frame_shares(make_result(n=4))
    assert shares.sum() == pytest.approx(1)
    assert len(shares) == 4


def test_motion_is_shift_of_the_centre_scale_and_turn(make_result):
    angle = np.radians(0.5)
    turn = 1.02 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([44.5, 29.5])
    transform = np.eye(3)
    transform[:2, :2] = turn
    transform[:2, 2] = centre + np.array([2.0, -1.0]) - turn @ centre
    moved = motions(make_result(n=2, transforms=np.stack([np.eye(3), transform])))[1]
    assert (moved.dx, moved.dy, moved.scale, moved.degrees) == pytest.approx((2.0, -1.0, 1.02, 0.5))
    assert motions(make_result(n=2)) is None


@pytest.mark.parametrize("values", [[0.001, 5.0, 5000.0], [-3.0, 0.0, 4.0], [2.0, 2.0, 2.0]])
def test_quantised_values_come_back(values):
    values = np.array([values], np.float32)
    valid = np.array([[True, True, False]])
    part = quantise(values, valid, 16)
    code = np.frombuffer(b64decode(part["data"]), "<u2")
    t = (code.astype(float) - 1) / 65534
    span = part["high"] / part["low"] if part["log"] else part["high"] - part["low"]
    back = part["low"] * span**t if part["log"] else part["low"] + t * span
    assert code[2] == 0
    np.testing.assert_allclose(back[:2], values[0, :2], rtol=3e-4, atol=1e-4)


def test_import_is_light():
    modules = ", ".join(f"focaldepth.report.{m}" for m in ("html", "figures", "mesh", "save"))
    heavy = ("matplotlib", "jinja2", "cv2", "PIL", "trimesh")
    code = f"import sys, {modules}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

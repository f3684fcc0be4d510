"""Focus curves, frame strip, probe grids, and the weight of imports."""

import subprocess
import sys

import numpy as np
import pytest

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.optics import Optics
from focaldepth.report._curves import curve_grid, focus_scale, telling_pixels
from focaldepth.report._frames import frame_shares, motions
from focaldepth.report._probe import quantise
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
    from base64 import b64decode

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

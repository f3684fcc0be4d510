"""Opening light fields, and looking at them as focal stacks."""

import math
from pathlib import Path

import numpy as np
import pytest

import focaldepth
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import AxisError, ReadError, StackError, UnitError
from focaldepth.core.optics import Optics
from focaldepth.io.light_field import default_axis, focused, is_light_field, load_light_field
from focaldepth.io.load import load_sample


def px(*values: float) -> FocusAxis:
    return FocusAxis(np.array(values), Unit.DISPARITY_PX)


def test_a_folder_of_the_benchmark(hci: Path) -> None:
    views = load_light_field(hci)
    assert (views.grid, views.shape, views.centre, views.dtype, views.white) == (
        (3, 3), (20, 24, 3), (1, 1), np.uint8, 255
    )  # fmt: skip
    assert views.disparity_range == (-2, 1)
    assert views.truth.values[0, 0] == 1
    assert len(views.files) == 9
    # b f / sensor x pixels (1/Z - 1/Z0): 0.05 m x 100 / 35 x 24 px = 3.43 m px
    assert math.isclose(views.disparity_of(5.0), 0, abs_tol=1e-9)
    assert math.isclose(views.disparity_of(2.5), 0.05 * 100 / 35 * 24 / 5, rel_tol=1e-9)
    assert math.isclose(views.depth_of(views.disparity_of(3.3)), 3.3, rel_tol=1e-9)


def test_it_is_a_focal_stack_with_its_truth(hci: Path) -> None:
    assert is_light_field(hci)
    sample = load_sample(hci, focus="-1:2:4")
    stack = sample.stack
    assert (len(stack), stack.shape, stack.dtype, stack.source.white) == (4, (20, 24, 3), np.uint16, 65535)
    assert stack.axis == px(-1, 0, 1, 2)
    assert sample.truth.unit is Unit.DISPARITY_PX
    inner = (slice(3, -3), slice(3, -3))
    centre = load_light_field(hci).view(1, 1)
    assert np.array_equal(sample.all_in_focus, centre)
    assert np.abs(stack.source.read(2)[inner] / 257.0 - centre[inner]).max() < 1
    assert np.abs(stack.source.read(3)[inner] / 257.0 - centre[inner]).max() > 30


def test_without_positions_the_range_of_the_scene_is_focused(hci: Path) -> None:
    """Step by step so that the outermost views move by one pixel: 3 px of range, reach 1."""
    assert focaldepth.load_stack(hci).axis == px(-2, -1, 0, 1)
    assert focaldepth.load_stack(hci, reverse=True).axis == px(1, 0, -1, -2)
    (hci / "parameters.cfg").unlink()
    with pytest.raises(AxisError, match=r"which disparities .* Give the disparities"):
        focaldepth.load_stack(hci)


def test_depths_are_a_focus_axis_too(hci: Path) -> None:
    sample = load_sample(hci, focus="2:8:5", focus_unit="m")
    assert sample.stack.axis.unit is Unit.METRE
    views = load_light_field(hci)
    assert np.allclose(sample.stack.source.disparities, views.disparity_of(np.linspace(2, 8, 5)))
    assert np.allclose(sample.truth.values, views.depth_of(1.0))
    assert sample.stack.optics.disparity_scale_m_px is None  # cameras converge: no pure 1/Z law


def test_depths_need_the_parameters(hci: Path) -> None:
    (hci / "parameters.cfg").write_text("[extrinsics]\nnum_cams_x = 3\nnum_cams_y = 3\n")
    with pytest.raises(UnitError, match=r"fake: moving depth to disparity needs disparity_scale_m_px"):
        load_sample(hci, focus="2:8:5", focus_unit="m")
    made = load_sample(hci, focus="2:8:5", focus_unit="m", optics=Optics(disparity_scale_m_px=1.0))
    assert np.allclose(made.stack.source.disparities, 1 / np.linspace(2, 8, 5))


def test_missing_views_are_named(hci: Path) -> None:
    (hci / "input_Cam004.png").unlink()
    (hci / "input_Cam007.png").unlink()
    with pytest.raises(StackError, match="2 of 9 views are missing: input_Cam004, input_Cam007"):
        load_light_field(hci)


def test_views_of_another_size_are_named(hci: Path) -> None:
    from PIL import Image

    Image.new("RGB", (10, 10)).save(hci / "input_Cam005.png")
    with pytest.raises(StackError, match=r"input_Cam005.png: is 10 x 10 px .* first view is 24 x 20 px"):
        load_light_field(hci)


@pytest.mark.parametrize(
    ("text", "message"), [("image_res", "no parameter file"), ("[meta]\ndisp_min = low\n", "disp_min is 'low'")]
)
def test_broken_parameters_are_named(hci: Path, text: str, message: str) -> None:
    (hci / "parameters.cfg").write_text(text)
    with pytest.raises(ReadError, match=message):
        load_light_field(hci)


def test_a_truth_of_another_size_is_refused(hci: Path) -> None:
    (hci / "gt_disp_lowres.pfm").write_bytes(b"Pf\n2 2\n-1\n" + bytes(16))
    with pytest.raises(StackError, match="the truth is 2 x 2 px, the views are 24 x 20 px"):
        load_light_field(hci)


def test_an_array_of_views_with_its_camera(ddff: Path) -> None:
    views = load_light_field(ddff)
    assert (views.grid, views.centre, views.shape) == ((9, 9), (4, 4), (20, 24, 3))
    # data set's own constants: 2.7088e-4 m/px x 521.4 px
    assert math.isclose(views.optics.disparity_scale_m_px, 0.14123756581733507, rel_tol=1e-6)
    assert math.isclose(views.disparity_of(0.5), 0.28247513, rel_tol=1e-6)
    stack = focaldepth.load_stack(ddff, focus="0.1:1:3")
    assert stack.optics.disparity_scale_m_px is not None
    assert np.abs(stack.source.read(2)[5:-5, 5:-5] / 257.0 - views.view(4, 4)[5:-5, 5:-5]).max() < 1


def test_a_truncated_array_is_refused(ddff: Path) -> None:
    ddff.write_bytes(ddff.read_bytes()[:5000])
    with pytest.raises(ReadError, match="light field cannot be read"):
        load_light_field(ddff)


def test_an_array_of_other_axes_is_no_light_field(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 4, 5), np.uint8))
    assert not is_light_field(tmp_path / "a.npy")
    with pytest.raises(StackError, match=r"shape \(3, 4, 5\) is no light field"):
        load_light_field(tmp_path / "a.npy")


def test_any_grid_of_pictures(tmp_path: Path) -> None:
    from PIL import Image

    for row in range(2):
        for column in range(3):
            colour = (40 * row, 40 * column, 0)
            Image.new("RGB", (8, 6), colour).save(tmp_path / f"out_{row + 5:02d}_{column}.png")
    by_name = load_light_field(tmp_path)
    by_grid = load_light_field(tmp_path, grid=(2, 3), centre=(0, 2))
    assert by_name.grid == by_grid.grid == (2, 3)
    assert by_grid.centre == (0, 2)
    assert by_name.view(1, 2)[0, 0].tolist() == by_grid.view(1, 2)[0, 0].tolist() == [40, 80, 0]
    with pytest.raises(StackError, match="6 views do not fill a grid of 3 x 3"):
        load_light_field(tmp_path, grid=(3, 3))
    (tmp_path / "out_05_1.png").unlink()
    with pytest.raises(StackError, match="views are missing: row 5 column 1"):
        load_light_field(tmp_path)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="does not exist"):
        load_light_field(tmp_path / "nothing")
    (tmp_path / "text.txt").write_text("x")
    with pytest.raises(ReadError, match="is no light field"):
        load_light_field(tmp_path / "text.txt")
    with pytest.raises(StackError, match="0 views found"):
        load_light_field(tmp_path)


def test_coverage_leaves_out_what_some_view_does_not_show(hci: Path) -> None:
    stack = focused(load_light_field(hci), px(-2, 0, 1.5)).stack
    far, none, near = (stack.source.coverage(i) for i in range(3))
    assert none is None
    assert far[2:-2, 2:-2].all()
    assert far.sum() == 16 * 20
    assert near[2:-2, 2:-2].all()


def test_options_without_meaning_are_told(hci: Path) -> None:
    warnings = focaldepth.load_stack(hci, channel="red").info.warnings
    assert warnings == ("Not used: channel; a light field does not need it.",)


def test_a_unit_without_disparity_is_refused(hci: Path) -> None:
    with pytest.raises(AxisError, match="cannot be focused at micrometre"):
        focaldepth.load_stack(hci, focus="1:3:3", focus_unit="um")


def test_frames_are_made_once(hci: Path) -> None:
    class Counting:
        title = "counting"
        calls = 0

        def __call__(self, views, disparities, run):
            self.calls += 1
            return np.zeros((len(disparities), *views.shape), np.float32)

    counting = Counting()
    stack = focused(load_light_field(hci), default_axis(load_light_field(hci)), refocuser=counting).stack
    assert counting.calls == 0
    assert len(list(stack.frames())) == len(list(stack.frames()))
    assert counting.calls == 1


def test_depth_of_a_light_field_without_writing_it(hci: Path) -> None:
    result = focaldepth.estimate(
        focaldepth.load_stack(hci, focus="-2:2:9"),
        focaldepth.EstimateSettings(method="naive", align="none", fusion="none"),
        method_settings={"sigma": "2"},
    )
    valid = result.map.valid
    assert 0.4 < valid.mean() < 1
    assert np.abs(result.map.values[valid] - 1).max() < 0.2

"""An input that carries its truth: the run tells how far it is from it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from focaldepth.core.axis import Unit
from focaldepth.core.errors import StackError
from focaldepth.core.result import DepthMap, DepthResult
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack
from focaldepth.io.load import load_sample
from focaldepth.metrics._geometry import in_geometry
from focaldepth.scenes.layers import LayeredScene, render


@pytest.fixture(scope="module")
def rendered():
    return render(LayeredScene(height=96, width=128, frames=8, seed=3))


def write(path: Path, rendered, frames: np.ndarray | None = None, **more: object) -> Path:
    """The plain npz of rendered stacks."""
    axis = rendered.stack.axis
    np.savez(
        path,
        frames=rendered.stack.read_all() if frames is None else frames,
        focus=axis.values,
        focus_unit=axis.unit.value,
        depth=rendered.truth.to(axis.unit).values,
        all_in_focus=rendered.all_in_focus,
        **more,
    )
    return path


def test_the_error_is_told(cli, rendered, tmp_path: Path) -> None:
    """In the lines, in JSON, and as a map in the report."""
    path = write(tmp_path / "scene.npz", rendered)
    out = cli("estimate", path, "-o", tmp_path / "out", "--align", "none", "--json")
    assert out.code == 0, out.err
    truth = json.loads(out.out)["truth"]
    assert set(truth) == {"dioptre", rendered.stack.axis.unit.value}
    assert 0 < truth["dioptre"]["mean"] < 0.5
    assert truth["dioptre"]["compared"] > 1000
    assert f"mean error {truth['dioptre']['mean']:.3g} 1/m" in out.err
    assert "of the errors within 1 sigma" in out.err
    assert "Mean absolute error" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_without_a_truth_nothing_is_told(cli, rendered, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=rendered.stack.read_all(), focus=rendered.stack.axis.values, focus_unit="m")
    out = cli("estimate", tmp_path / "a.npz", "-o", tmp_path / "out", "--align", "none", "--json", "--no-report")
    assert out.code == 0, out.err
    assert "truth" not in json.loads(out.out)
    assert not any(line.startswith("truth") for line in out.err.splitlines())


def test_a_truth_that_no_law_reaches_is_named(cli, rendered, tmp_path: Path) -> None:
    """Stage travel given for a scene whose truth is a distance."""
    path = write(tmp_path / "scene.npz", rendered)
    args = ("--focus=0:70:8", "--focus-unit", "um", "--align", "none", "--no-report")
    out = cli("estimate", path, "-o", tmp_path / "out", *args)
    assert out.code == 0, out.err
    assert ("not compared" in out.err) == (rendered.stack.axis.unit is not Unit.METRE)


@pytest.mark.parametrize("area", ["mask", "crop"])
def test_a_truth_of_one_frame_is_moved_with_it(cli, rendered, tmp_path: Path, area: str) -> None:
    """Frames that drift; the truth is the result itself as frame 6 sees it, and agrees only there."""
    frames, axis = rendered.stack.read_all(), rendered.stack.axis
    size, options = frames.shape[2:0:-1], {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REFLECT}
    drift = [np.array([[1.0, 0, 1.5 * i], [0, 1.0, 0.0]]) for i in range(8)]
    moved = np.stack([cv2.warpAffine(f, t, size, **options) for f, t in zip(frames, drift, strict=True)])
    plain = {"frames": moved, "focus": axis.values, "focus_unit": axis.unit.value}
    path, out = tmp_path / "scene.npz", tmp_path / "out"
    args = ("--align", "ecc", "--area", area, "--json", "--no-report", "--overwrite")

    def run(**more: object) -> dict[str, Any]:
        np.savez(path, **plain, **more)
        told = cli("estimate", path, "-o", out, *args)
        assert told.code == 0, told.err
        return json.loads(told.out)

    run()
    result = DepthResult.load(out)
    assert (result.map.shape == frames.shape[1:3]) == (area == "mask")
    assert result.transforms is not None
    seen = in_geometry(result.map, np.linalg.inv(result.transforms[6]), frames.shape[1:3]).values
    error = {}
    for reference in (6, 1):
        told = run(depth=seen, attrs=json.dumps({"reference_frame": reference}))["truth"]["dioptre"]
        assert told["compared"] > 500
        error[reference] = told["mean"]
    assert error[6] < 1e-3
    assert error[1] > 10 * error[6]


def test_a_sample_follows_the_order_of_its_frames(rendered, tmp_path: Path) -> None:
    """Sorted or reversed frames take the index of the truth's frame along."""
    attrs = json.dumps({"reference_frame": 2})
    path = write(tmp_path / "a.npz", rendered, attrs=attrs)
    assert load_sample(path).reference == 2
    back = load_sample(path, reverse=True)
    assert back.reference == 5
    np.testing.assert_array_equal(back.stack.source.read(5), rendered.stack.source.read(2))
    registered = write(tmp_path / "b.npz", rendered, attrs=json.dumps({"reference_frame": 2, "registered": True}))
    assert load_sample(registered).reference is None, "the truth belongs to all frames alike"
    assert back.truth is not None
    assert back.truth.unit is rendered.stack.axis.unit
    np.testing.assert_array_equal(back.all_in_focus, rendered.all_in_focus)


def test_a_sample_checks_itself() -> None:
    stack = FocalStack.from_arrays(np.zeros((3, 4, 5), np.uint8))
    truth = DepthMap(np.ones((4, 4), np.float32), Unit.METRE, np.ones((4, 4), bool))
    with pytest.raises(StackError, match=r"art: the truth is \(4, 4\), the frames are \(4, 5\). Give one number"):
        Sample(stack, truth, name="art")
    with pytest.raises(StackError, match="the truth belongs to frame 3, there are 3"):
        Sample(stack, reference=3)


def test_nearest_pixels_of_a_moved_truth() -> None:
    """By hand: one to the right, one down; what lies outside is unknown."""
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    truth = DepthMap(values, Unit.METRE, values != 6)
    moved = in_geometry(truth, np.array([[1, 0, 1.2], [0, 1, 0.9], [0, 0, 1.0]]), (3, 3))
    nan = np.nan
    np.testing.assert_array_equal(moved.values, np.array([[5, nan, 7], [9, 10, 11], [nan, nan, nan]], np.float32))
    assert in_geometry(truth, np.eye(3), (3, 4)) is truth


@pytest.mark.shared
def test_a_handheld_scene(cli, tmp_path: Path) -> None:
    """Real misalignment: the median error stays below a step of focus."""
    found = Path(os.environ.get("FOCALDEPTH_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "blender"
    scenes = sorted(found.glob("handheld_*.npz"))
    if not scenes:
        pytest.skip("no sample data; set FOCALDEPTH_SHARED")
    sample = load_sample(scenes[0])
    out = cli("estimate", scenes[0], "-o", tmp_path / "out", "--json", "--no-report")
    assert out.code == 0, out.err
    truth = json.loads(out.out)["truth"]["dioptre"]
    step = float(np.abs(np.diff(sample.stack.blur_axis.values)).mean())
    assert truth["median"] < step
    assert truth["valid_share"] > 0.2

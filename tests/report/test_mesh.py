import json
from dataclasses import replace

import numpy as np
import pytest

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import MissingExtraError, UnknownNameError
from focaldepth.core.optics import LensModel, Optics
from focaldepth.core.result import DepthMap
from focaldepth.report import mesh
from focaldepth.report.mesh import surface, write_mesh

trimesh = pytest.importorskip("trimesh")


def with_depth(result, values, unit=Unit.METRE, optics=None, **changes):
    valid = np.isfinite(values)
    depth = DepthMap(np.asarray(values, np.float32), unit, valid)
    return replace(result, map=depth, optics=optics or result.optics, all_in_focus=None, **changes)


@pytest.fixture
def plate(make_result):
    """A flat plate at 0.5 m seen by 101 x 81 pixels of 10 µm behind a 50 mm lens: 10 mm x 8 mm."""
    base = make_result(shape=(81, 101))
    return with_depth(base, np.full((81, 101), 0.5), optics=Optics(0.05, 2.8, 10e-6))


@pytest.mark.parametrize(
    ("name", "file", "per_metre"), [("ply", "model.ply", 1), ("glb", "model.glb", 1), ("stl", "model_mm.stl", 1000)]
)
def test_extents_of_a_known_object(plate, tmp_path, name, file, per_metre):
    """R34: true scale, no NaN, surface facing the camera."""
    written = write_mesh(plate, tmp_path, [name])
    assert [p.name for p in written] == [file, "model.json"]
    shape = trimesh.load(tmp_path / file, force="mesh")
    assert np.isfinite(shape.vertices).all()
    np.testing.assert_allclose(np.ptp(shape.vertices, axis=0) / per_metre, [0.010, 0.008, 0.0], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(shape.vertices[:, 2] / per_metre, -0.5, rtol=1e-5)
    np.testing.assert_allclose(shape.vertices.mean(axis=0)[:2] / per_metre, 0, atol=1e-6)
    assert (shape.face_normals[:, 2] > 0.99).all()
    assert len(shape.faces) == 2 * 80 * 100


def test_sphere_under_a_telecentric_lens(make_result, tmp_path):
    """A ball of 1 mm radius, measured by stage travel, comes out as half a ball of 1 mm radius."""
    pixel = 5e-6
    y, x = np.mgrid[-200:201, -200:201] * pixel * 1e6
    inside = x**2 + y**2 < 950**2
    height = np.where(inside, 2000 - np.sqrt(np.maximum(1000**2 - x**2 - y**2, 0)), np.nan)
    optics = Optics(pixel_size_m=pixel, model=LensModel.TELECENTRIC)
    axis = FocusAxis(np.linspace(900, 2100, 8), Unit.MICROMETRE)
    ball = with_depth(make_result(shape=x.shape), height, Unit.MICROMETRE, optics, axis=axis)
    write_mesh(ball, tmp_path, ["ply"])
    points = trimesh.load(tmp_path / "model.ply").vertices
    radius = np.linalg.norm(points - [0, 0, -2e-3], axis=1)
    np.testing.assert_allclose(radius, 1e-3, rtol=1e-3)
    assert np.ptp(points[:, 0]) == pytest.approx(1.9e-3, abs=3 * pixel)
    assert points[:, 2].max() == pytest.approx(-1e-3, rel=1e-4)


def test_dioptres_and_breathing_lens(make_result):
    """An aligned stack has the image distance of its reference frame."""
    n = 8
    transforms = np.stack([np.diag([1 + 0.01 * (i - 3), 1 + 0.01 * (i - 3), 1]) for i in range(n)])
    base = make_result(n=n, shape=(81, 101), transforms=transforms)
    model = surface(with_depth(base, np.full((81, 101), 2.0), Unit.DIOPTRE, Optics(0.05, 2.8, 10e-6)))
    focus = base.axis.values[3]
    distance = 1 / (1 / 0.05 - 1 / focus)
    assert np.ptp(model.vertices[:, 0]) == pytest.approx(100 * 10e-6 * 0.5 / distance, rel=1e-5)
    assert "reference frame 3" in model.rule


@pytest.mark.parametrize("unit", [Unit.INDEX, Unit.METRE])
def test_unknown_scale_says_so_in_name_and_sidecar(make_result, tmp_path, unit):
    written = write_mesh(make_result(unit=unit, optics=Optics()), tmp_path)
    assert [p.name for p in written] == ["model_unitless.ply", "model_unitless.glb", "model_unitless.stl", "model.json"]
    facts = json.loads((tmp_path / "model.json").read_text())
    assert set(facts["units"].values()) == {"none"}
    assert "relative scale" in facts["rule"]
    assert facts["extents"][0] == pytest.approx(1.0, abs=0.02)
    assert b"comment unit none" in (tmp_path / "model_unitless.ply").read_bytes()[:400]


def test_unit_stands_in_files_that_can_hold_it(plate, tmp_path):
    write_mesh(plate, tmp_path)
    assert b"comment unit metre" in (tmp_path / "model.ply").read_bytes()[:400]
    assert b"towards the camera" in (tmp_path / "model.ply").read_bytes()[:400]
    assert b"metre" in (tmp_path / "model.glb").read_bytes()
    assert (tmp_path / "model_mm.stl").read_bytes()[:80].strip().endswith(b"unit mm")
    assert json.loads((tmp_path / "model.json").read_text())["units"]["model_mm.stl"] == "millimetre"


def test_no_triangle_spans_a_jump_or_a_hole(make_result):
    values = np.full((40, 60), 0.5)
    values[:, 30:] = 2.0
    values[10:20, 10:20] = np.nan
    model = surface(with_depth(make_result(shape=values.shape), values))
    z = model.vertices[model.faces][..., 2]
    assert np.ptp(z, axis=1).max() < 0.01
    assert len(model.faces) < 2 * (39 * 58 - 81)
    assert np.isfinite(model.vertices).all()


def test_corners_of_holes_are_filled_with_the_other_diagonal(make_result):
    values = np.full((2, 2), 0.5)
    values[0, 1] = np.nan
    model = surface(with_depth(make_result(shape=(2, 2)), values))
    assert len(model.faces) == 1
    a, b, c = model.vertices[model.faces[0]]
    assert np.cross(b - a, c - a)[2] > 0


def test_large_maps_are_thinned_evenly(make_result):
    model = surface(make_result(shape=(300, 400)), max_triangles=10_000)
    assert model.step == 5
    assert len(model.faces) <= 10_000
    full = surface(make_result(shape=(300, 400)))
    np.testing.assert_allclose(np.ptp(model.vertices, axis=0), np.ptp(full.vertices, axis=0), rtol=0.05)


def test_colours_come_from_the_all_in_focus_picture(make_result):
    result = make_result()
    model = surface(result)
    np.testing.assert_array_equal(model.colours[-1], result.all_in_focus[-1, -1])
    grey = surface(make_result(all_in_focus=np.full((60, 90, 1), 30000, np.uint16)))
    assert np.ptp(grey.colours, axis=1).max() == 0


def test_nothing_valid_gives_only_the_sidecar(make_result, tmp_path, caplog):
    empty = with_depth(make_result(), np.full((60, 90), np.nan))
    assert [p.name for p in write_mesh(empty, tmp_path)] == ["model.json"]
    assert "no 3D model" in caplog.text


def test_formats_are_checked_before_writing(plate, tmp_path, monkeypatch):
    with pytest.raises(UnknownNameError, match="Did you mean ply"):
        write_mesh(plate, tmp_path, ["pply"])
    monkeypatch.setattr(mesh, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"focaldepth\[mesh\]"):
        write_mesh(plate, tmp_path, ["glb"])
    assert not list(tmp_path.iterdir())


def test_far_outliers_do_not_ruin_the_model(make_result, plate):
    values = np.array(plate.map.values)
    values[30:38, 40:48] = 1e6
    model = surface(with_depth(plate, values))
    assert model.left_out == {"too far": 64, "loose": 0}
    np.testing.assert_allclose(np.ptp(model.vertices, axis=0), [0.010, 0.008, 0.0], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("unit", [Unit.METRE, Unit.DIOPTRE])
def test_points_whose_error_bar_reaches_infinity_are_left_out(plate, unit):
    values = np.full(plate.map.shape, 2.0, np.float32)
    sigma = np.full(values.shape, 0.98, np.float32)
    sigma[:40] = 1.02  # 2 sigma beyond 2 dioptres, or a depth of 2 m unknown by more than half
    depth = DepthMap(values, unit, np.ones(values.shape, bool), sigma)
    model = surface(replace(plate, map=depth))
    assert model.left_out["too far"] == 40 * 101
    assert len(model.vertices) == 41 * 101


def test_loose_flakes_are_left_out_but_large_pieces_are_kept(make_result):
    values = np.full((100, 100), np.nan)
    values[:, :60] = 0.5
    values[:40, 62:] = 1.0
    values[80:84, 80:84] = 0.7
    values[98, 98] = 0.7
    model = surface(with_depth(make_result(shape=values.shape), values))
    assert model.left_out == {"too far": 0, "loose": 16 + 1}
    assert len(model.vertices) == 100 * 60 + 40 * 38


def test_relief_of_metres_is_even_in_dioptres_so_planes_stay_planes(make_result):
    """Without a focal length; a floor that runs to 400 m, and a far outlier, stay in a box of width 1."""
    rows = np.linspace(0.0025, 2.0, 80)  # 1 / depth of a plane is linear in the rows
    values = (1 / rows)[:, None] * np.ones((1, 120))
    model = surface(with_depth(make_result(shape=values.shape), values, optics=Optics()))
    assert model.unit == "none"
    assert "of dioptres" in model.rule
    _, y, z = model.vertices.T
    plane = np.polynomial.polynomial.polyfit(y, z, 1)
    np.testing.assert_allclose(z, np.polynomial.polynomial.polyval(y, plane), atol=1e-5)
    assert z[np.argmin(y)] > z[np.argmax(y)]  # the bottom is near
    assert np.ptp(z) == pytest.approx(0.3, rel=0.05)
    values[40, 60:62] = 7e6
    assert np.ptp(surface(with_depth(make_result(shape=values.shape), values, optics=Optics())).vertices[:, 2]) < 0.4


def test_sidecar_says_what_was_left_out(plate, tmp_path):
    values = np.array(plate.map.values)
    values[0, :5] = 1e5
    write_mesh(with_depth(plate, values), tmp_path, ["ply"])
    assert json.loads((tmp_path / "model.json").read_text())["left_out"] == {"too far": 5, "loose": 0}

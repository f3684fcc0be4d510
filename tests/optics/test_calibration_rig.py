"""Depth of a rig: published intrinsics, medians, registration against scenes whose depth both cameras see exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from focaldepth.core.errors import SettingError
from focaldepth.optics.calibration.rig import LensletCamera, Stereo, median_depth, register_depth
from focaldepth.optics.disparity import depth_of_disparity, disparity_px

ILLUM = LensletCamera(
    -2.76801406, 1982.0250823695178, 7299.67268637, 7317.020641763665, 3991.59556195, 2629.55411565, 0.388, -0.0361
)
"""IntParamLF of DDFF 12-Scene."""
TABLE = LensletCamera(-2.768, 1982.0, 7299.7, 7317.0, 3991.6, 2629.6, 0.388, -0.0361)
"""The same as table 1 of the supplement prints it."""


def test_intrinsics_of_ddff_follow_from_its_parameters() -> None:
    """Eq. 1 gives SubIntParam exactly; from the printed table it is off by its rounding, at most 0.05 / 14 px."""
    published = np.array([[521.4051918837257, 0, 285.1139687], [0, 521.4051918837257, 187.8252940], [0, 0, 1]])
    assert np.allclose(ILLUM.sub_aperture(), published, rtol=0, atol=5e-8)
    rounded = TABLE.sub_aperture() - published
    assert np.abs(rounded).max() < 0.05 / 14
    assert np.allclose(rounded[[0, 0, 1], [0, 2, 2]], (0.001951, 0.000317, 0.003277), atol=1e-6)


def test_baseline_and_disparities_of_ddff() -> None:
    assert np.isclose(ILLUM.baseline_m, 2.708787058842817e-4, rtol=1e-12)
    scale = ILLUM.disparity_scale_m_px()
    assert np.isclose(scale, 0.14123756581733507, rtol=1e-12)
    assert np.allclose(scale / np.array([0.5, 7]), (0.28247513, 0.02017680), atol=5e-9)


@given(st.floats(0.1, 50))
def test_disparity_leads_back_to_depth(depth_m: float) -> None:
    f = ILLUM.sub_aperture()[0, 0]
    disparity = disparity_px(depth_m, ILLUM.baseline_m, f)
    assert np.isclose(depth_of_disparity(disparity, ILLUM.baseline_m, f), depth_m, rtol=1e-12)
    assert np.isclose(disparity * depth_m, ILLUM.disparity_scale_m_px(), rtol=1e-12)


@given(arrays(np.uint16, st.tuples(st.integers(1, 9), st.just(3), st.just(4)), elements=st.integers(0, 4)))
def test_the_median_is_that_of_what_was_measured(frames: np.ndarray) -> None:
    found = median_depth(frames)
    for row, column in np.ndindex(3, 4):
        measured = frames[:, row, column][frames[:, row, column] > 0]
        assert np.array_equal(found[row, column], np.median(measured) if measured.size else np.nan, equal_nan=True)


def test_nan_and_infinity_are_no_measurements() -> None:
    frames = np.array([np.nan, np.inf, 0.0, -1.0, 1.2, 1.4])[:, None, None]
    assert np.isclose(median_depth(frames).item(), 1.3)
    assert np.isnan(median_depth(frames[:4])).all()


def camera_matrix(f: float, size: tuple[int, int]) -> np.ndarray:
    return np.array([[f, 0, (size[1] - 1) / 2], [0, f, (size[0] - 1) / 2], [0, 0, 1]])


def pose_of(turn_degree: float = 0.0, shift_m: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    """Rotation about the vertical axis, and a shift."""
    angle = np.deg2rad(turn_degree)
    out = np.eye(4)
    out[[0, 0, 2, 2], [0, 2, 0, 2]] = np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)
    out[:3, 3] = shift_m
    return out


IR, VIEW = (60, 80), (46, 66)


def rig(pose: np.ndarray, f_ir: float = 75.0, f_view: float = 62.0, distortion=(0.0,) * 5) -> Stereo:
    return Stereo(camera_matrix(f_ir, IR), camera_matrix(f_view, VIEW), pose, np.asarray(distortion, np.float64))


def plane_depth(camera: np.ndarray, size: tuple[int, int], normal: np.ndarray, distance: float) -> np.ndarray:
    """Depth of the plane normal . X = distance at every pixel."""
    row, column = np.mgrid[: size[0], : size[1]]
    rays = np.linalg.inv(camera) @ np.stack([column.ravel(), row.ravel(), np.ones(row.size)])
    return (distance / (normal @ rays)).reshape(size)


def test_the_same_camera_in_the_same_place_changes_nothing() -> None:
    depth = np.random.default_rng(0).uniform(0.5, 5, IR)
    depth[3, 4] = np.nan
    depth[5, 6] = 0
    matrix = camera_matrix(75, IR)
    found = register_depth(depth, Stereo(matrix, matrix, np.eye(4), np.zeros(5)), IR)
    assert found.dtype == np.float32
    assert np.isnan(found[[3, 5], [4, 6]]).all()
    known = np.isfinite(found)
    assert known.sum() == depth.size - 2
    assert np.allclose(found[known], depth[known].astype(np.float32))


@given(st.floats(-4, 4), st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), st.floats(-0.1, 0.1), st.floats(-0.3, 0.3))
def test_a_plane_stays_that_plane(turn: float, right: float, down: float, ahead: float, tilt: float) -> None:
    """Seen through a turned and shifted camera, every pixel has the depth of the plane within half a pixel of it."""
    pose = pose_of(turn, (right, down, ahead))
    stereo = rig(pose)
    normal, distance = np.array([tilt, 0.1, 1.0]), 2.0
    found = register_depth(plane_depth(stereo.depth_camera, IR, normal, distance), stereo, VIEW)
    # The plane in the frame of the view: n' = R n, d' = d + n' . t
    there = pose[:3, :3] @ normal
    true = plane_depth(stereo.view, VIEW, there, distance + there @ pose[:3, 3])
    known = np.isfinite(found)
    assert known.mean() > 0.5
    slope = np.hypot(*np.gradient(true)) + 1e-6
    assert (np.abs(found - true)[known] <= 0.75 * slope[known] + 1e-5).all()


def test_the_nearer_of_two_points_is_kept_and_what_it_uncovers_stays_unknown() -> None:
    """A near square before a far wall, camera 10 cm to the side: an edge covers the wall, a strip of it is unseen."""
    depth = np.full(IR, 4.0)
    depth[20:40, 30:50] = 1.0
    found = register_depth(depth, rig(pose_of(shift_m=(0.1, 0, 0)), f_ir=62.0), VIEW)
    near, far = (np.isclose(found, z) for z in (1.0, 4.0))
    assert (near | far | np.isnan(found)).all()
    rows, columns = np.nonzero(near)
    # A point at 1 m moves by 62 x 0.1 / 1 = 6.2 px, at 4 m by 1.55 px: the square keeps its 20 x 20 px.
    assert near.sum() == 400
    assert (rows.min(), columns.min()) == (13, round(30 - 39.5 + 32.5 + 6.2))
    strip = found[rows.min() : rows.max() + 1, columns.min() - 4 : columns.min()]
    assert np.isnan(strip).all()
    assert far[rows[0], columns.max() + 1 :].all()


def test_a_finer_view_has_no_pinholes() -> None:
    """A view of 2.5 times the focal length: every point covers 3 x 3 px, so the wall does not shine through."""
    depth = np.full(IR, 3.0)
    depth[20:40, 30:50] = 1.0
    found = register_depth(depth, rig(np.eye(4), f_ir=30.0, f_view=75.0), VIEW)
    rows, columns = np.nonzero(np.isclose(found, 1.0))
    inside = found[rows.min() + 1 : rows.max(), columns.min() + 1 : columns.max()]
    assert np.allclose(inside, 1.0)
    assert np.isfinite(found).all()


def test_distortion_of_the_view_is_that_of_opencv() -> None:
    import cv2

    stereo = rig(np.eye(4), distortion=(0.3, 0, 0, 0, 0))
    depth = np.full(IR, np.nan)
    depth[5, 8] = 2.0
    found = register_depth(depth, stereo, VIEW)
    ray = np.linalg.inv(stereo.depth_camera) @ np.array([8.0, 5.0, 1.0])
    at = cv2.projectPoints(ray[None, None] * 2, np.zeros(3), np.zeros(3), stereo.view, stereo.distortion)[0].ravel()
    row, column = np.argwhere(np.isfinite(found))[0]
    assert (column, row) == tuple(np.floor(at + 0.5).astype(int))


def test_what_lies_behind_or_beside_the_view_is_left_out() -> None:
    depth = np.full(IR, 0.5)
    assert np.isnan(register_depth(depth, rig(pose_of(shift_m=(0, 0, -1))), VIEW)).all()
    assert np.isnan(register_depth(depth, rig(pose_of(shift_m=(50, 0, 0))), VIEW)).all()
    assert np.isnan(register_depth(np.zeros(IR), rig(np.eye(4)), VIEW)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pose": np.diag([2.0, 2, 2, 1])}, "the pose does not hold a rotation"),
        ({"pose": np.diag([1.0, 1, -1, 1])}, "the pose does not hold a rotation"),
        ({"pose": np.eye(3)}, "pose is no matrix of 4 x 4 numbers"),
        ({"view": np.zeros((3, 3))}, "view is no camera matrix"),
        ({"depth_camera": np.full((3, 3), np.nan)}, "depth_camera is no matrix of 3 x 3 numbers"),
    ],
)
def test_impossible_rigs_are_refused(change: dict, message: str) -> None:
    good = {"depth_camera": camera_matrix(75, IR), "view": camera_matrix(60, VIEW), "pose": np.eye(4)}
    with pytest.raises(SettingError, match=message):
        Stereo(**(good | change), distortion=np.zeros(5))


def test_impossible_lenses_are_refused() -> None:
    with pytest.raises(SettingError, match="K2, Fx and Fy are positive"):
        LensletCamera(1, 1982, 0, 7300, 1, 1)
    with pytest.raises(SettingError, match="radius of a microlens is 0 px"):
        ILLUM.sub_aperture(0)

"""Depth of an RGB-D camera for the centre view of a light-field camera beside it.

Hazirbas et al. 2018, Deep Depth From Focus, section 2 and supplement section 1: how DDFF 12-Scene was made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import SettingError
from focaldepth.optics.disparity import disparity_px

Matrix = NDArray[np.float64]
_MILLIMETRE = 1e-3


@dataclass(frozen=True)
class LensletCamera:
    """Parameters of a lenslet light-field camera as the toolbox of Bok et al. (PAMI 2017) estimates them.

    Attributes:
        K1, K2: its two depth parameters in mm.
        Fx, Fy, Cx, Cy: focal lengths and centre of the main lens in px of the sensor.
        k1, k2: radial distortion, which the sub-apertures are free of.

    Raises:
        SettingError: a parameter that is not finite, or a focal length or K2 that is not positive.
    """

    K1: float
    K2: float
    Fx: float
    Fy: float
    Cx: float
    Cy: float
    k1: float = 0.0
    k2: float = 0.0

    def __post_init__(self) -> None:
        values = self.parameters()
        if not np.isfinite(values).all() or min(self.K2, self.Fx, self.Fy) <= 0:
            raise SettingError(
                f"parameters are {values.tolist()}.",
                where="light-field camera",
                hint="Give K1, K2, Fx, Fy, Cx, Cy, k1, k2 in this order; K2, Fx and Fy are positive.",
            )

    def parameters(self) -> Matrix:
        """Return (8,): K1, K2, Fx, Fy, Cx, Cy, k1, k2, the order of IntParamLF.mat."""
        return np.array([self.K1, self.K2, self.Fx, self.Fy, self.Cx, self.Cy, self.k1, self.k2], np.float64)

    def sub_aperture(self, radius_px: float = 7.0) -> Matrix:
        """Return the intrinsics (3, 3) of every sub-aperture; DDFF supplement eq. 1 (Fx stands in both rows).

        `radius_px` is r_m, the radius of a microlens on the sensor.

        >>> LensletCamera(-2.768, 1982.0, 7299.7, 7317.0, 3991.6, 2629.6).sub_aperture().round(3).tolist()
        [[521.407, 0.0, 285.114], [0.0, 521.407, 187.829], [0.0, 0.0, 1.0]]
        """
        if not radius_px > 0:
            raise SettingError(f"radius of a microlens is {radius_px} px.", where="radius", hint="Give it in px, > 0.")
        across = 2 * radius_px
        return np.array([[self.Fx / across, 0, self.Cx / across], [0, self.Fx / across, self.Cy / across], [0, 0, 1]])

    @property
    def baseline_m(self) -> float:
        """Distance of neighbouring sub-apertures per px: K2 / max(Fx, Fy), in metres.

        (Table 1 of the supplement prints K1 / F' for the same number, 27e-5; K2 gives it.)
        """
        return self.K2 / max(self.Fx, self.Fy) * _MILLIMETRE

    def disparity_scale_m_px(self, radius_px: float = 7.0) -> float:
        """Return baseline x focal length: depth = scale / disparity, DDFF eq. 3."""
        return float(disparity_px(1.0, self.baseline_m, self.sub_aperture(radius_px)[0, 0]))


@dataclass(frozen=True, eq=False)
class Stereo:
    """Where the depth camera stands.

    Attributes:
        depth_camera: (3, 3) intrinsics of the depth (infrared) camera.
        view: (3, 3) intrinsics of the centre view.
        pose: (4, 4) point of the depth camera -> point of the light-field camera, metres.
        distortion: (k,) OpenCV coefficients of the centre view; zeros for undistorted sub-apertures.

    Raises:
        SettingError: matrices of other shapes, or a pose that is no rotation and shift.
    """

    depth_camera: Matrix
    view: Matrix
    pose: Matrix
    distortion: Matrix

    def __post_init__(self) -> None:
        for name, shape in (("depth_camera", (3, 3)), ("view", (3, 3)), ("pose", (4, 4))):
            value = getattr(self, name)
            if value.shape != shape or not np.isfinite(value).all():
                raise SettingError(f"{name} is no matrix of {shape[0]} x {shape[1]} numbers.", where="stereo")
        for name in ("depth_camera", "view"):
            matrix = getattr(self, name)
            if min(matrix[0, 0], matrix[1, 1]) <= 0 or not np.allclose(matrix[2], (0, 0, 1)):
                raise SettingError(
                    f"{name} is no camera matrix.", where="stereo", hint="Give [fx 0 cx; 0 fy cy; 0 0 1] in px."
                )
        turn = self.pose[:3, :3]
        if not (np.allclose(turn @ turn.T, np.eye(3), atol=1e-3) and np.linalg.det(turn) > 0):
            raise SettingError(
                "the pose does not hold a rotation.", where="stereo", hint="Give 4 x 4: rotation, shift in metres."
            )


def median_depth(frames: NDArray[np.floating] | NDArray[np.integer]) -> Matrix:
    """Return the median of depth frames (N, h, w), pixel by pixel; zeros and NaN do not count, NaN where none counts.

    >>> median_depth(np.array([[[0, 700]], [[0, 0]], [[0, 720]], [[0, 730]]])).tolist()
    [[nan, 720.0]]
    """
    values = np.where(np.isfinite(frames) & (np.asarray(frames) > 0), frames, np.nan).astype(np.float64)
    counts = np.isfinite(values).sum(0)
    ordered = np.sort(values, axis=0)  # NaN last
    last = len(values) - 1
    low, high = (np.clip(c, 0, last)[None] for c in ((counts - 1) // 2, counts // 2))
    return np.asarray((np.take_along_axis(ordered, low, 0) + np.take_along_axis(ordered, high, 0))[0] / 2)


def register_depth(depth_m: NDArray[np.floating], stereo: Stereo, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return depth as the centre view sees it, (H, W) float32 metres, NaN where no measured point falls.

    Every measured point is moved to the pixel of the view that it is seen at; where several fall, the nearest counts.
    A point covers as many pixels as the view is finer than the depth camera. Nothing is filled in.

    Args:
        depth_m: (h, w) metres along the axis of the depth camera; NaN or 0 where unknown.
        stereo: of the two cameras.
        size: (H, W) of the view.
    """
    import cv2

    rows, columns = np.nonzero(np.isfinite(depth_m) & (depth_m > 0))
    z = depth_m[rows, columns].astype(np.float64)
    rays = np.linalg.inv(stereo.depth_camera) @ np.stack([columns, rows, np.ones(len(rows))])
    points = (stereo.pose[:3, :3] @ (rays * z) + stereo.pose[:3, 3:]).T
    points = points[points[:, 2] > 0]
    found = np.full(size, np.inf)
    if len(points):
        nowhere = np.zeros(3)
        at = cv2.projectPoints(points[:, None], nowhere, nowhere, stereo.view, stereo.distortion)[0][:, 0]
        ratio = stereo.view[[0, 1], [0, 1]] / stereo.depth_camera[[0, 1], [0, 1]]
        width, height = (max(1, int(np.ceil(r - 1e-6))) for r in ratio)
        for down in range(height):
            for right in range(width):
                corner = (right - (width - 1) / 2, down - (height - 1) / 2)
                _draw(found, at + corner, points[:, 2])
    return np.where(np.isfinite(found), found, np.nan).astype(np.float32)


def _draw(found: Matrix, at: Matrix, z: Matrix) -> None:
    """Put depths at the nearest pixels; the nearest depth stays."""
    near = (np.abs(at) < 2**31).all(1)
    column, row = np.floor(at[near] + 0.5).astype(np.int64).T
    seen = (row >= 0) & (row < found.shape[0]) & (column >= 0) & (column < found.shape[1])
    np.minimum.at(found, (row[seen], column[seen]), z[near][seen])

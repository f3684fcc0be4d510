"""Plane transforms between frames: models, small updates, corners, change of scale.

A transform is a 3 x 3 matrix that takes reference pixels (x, y, 1) to frame pixels; pixel centres at integers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from focaldepth.align._alignment import MotionModel

Matrix = NDArray[np.float64]
"""(3, 3) float64, or a stack of them."""

PARAMETERS = {MotionModel.TRANSLATION: 2, MotionModel.SIMILARITY: 4, MotionModel.AFFINE: 6, MotionModel.HOMOGRAPHY: 8}


def jacobian(points: NDArray[np.float64], model: MotionModel) -> NDArray[np.float64]:
    """Return how x and y of points move with each parameter of a small update, (P, 2, K); identity at parameters 0.

    Args:
        points: (K, 2) x and y, best in units of the picture's half diagonal about its centre.
        model: which update.
    """
    x, y = points[:, 0], points[:, 1]
    out = np.zeros((PARAMETERS[model], 2, len(points)))
    out[0, 0] = out[1, 1] = 1
    if model is MotionModel.SIMILARITY:
        out[2] = x, y
        out[3] = -y, x
    elif model in (MotionModel.AFFINE, MotionModel.HOMOGRAPHY):
        out[2, 0] = out[4, 1] = x
        out[3, 0] = out[5, 1] = y
    if model is MotionModel.HOMOGRAPHY:
        out[6] = -x * x, -x * y
        out[7] = -x * y, -y * y
    return out


def update_matrix(p: NDArray[np.float64], model: MotionModel) -> Matrix:
    """Return the transform of parameters as `jacobian` orders them, in the coordinates it was given."""
    m = np.eye(3)
    m[0, 2], m[1, 2] = p[:2]
    if model is MotionModel.SIMILARITY:
        m[:2, :2] += [[p[2], -p[3]], [p[3], p[2]]]
    elif model in (MotionModel.AFFINE, MotionModel.HOMOGRAPHY):
        m[:2, :2] += p[2:6].reshape(2, 2)
    if model is MotionModel.HOMOGRAPHY:
        m[2, :2] = p[6:8]
    return m


def normaliser(shape: tuple[int, int]) -> Matrix:
    """Return the matrix from pixels of an (H, W) picture to coordinates centred on it, half diagonal 1."""
    h, w = shape
    r = 2 / float(np.hypot(h, w))
    return np.array([[r, 0, -r * (w - 1) / 2], [0, r, -r * (h - 1) / 2], [0, 0, 1]])


def rescaled(transform: Matrix, factor: float) -> Matrix:
    """Return a transform found on frames reduced by `factor` (block means) for frames `factor` times larger.

    A reduced pixel p covers pixels p * factor ... p * factor + factor - 1, so its centre is at p * factor +
    (factor - 1) / 2; a factor below 1 goes the other way.
    """
    s = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1.0]])
    out: Matrix = s @ transform @ np.linalg.inv(s)
    return out / out[..., 2:, 2:]


def inverse(transform: Matrix) -> Matrix:
    """Return the transforms back."""
    return np.asarray(np.linalg.inv(transform), np.float64)


def apply_to(transform: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return transformed points, (..., 2)."""
    q = points @ transform[:, :2].T + transform[:, 2]
    out: NDArray[np.float64] = q[..., :2] / q[..., 2:]
    return out


def corners(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return x and y of the four corner pixels, (4, 2): top left, top right, bottom left, bottom right."""
    h, w = shape
    return np.array([[0, 0], [w - 1, 0], [0, h - 1], [w - 1, h - 1]], float)


def corner_motion(transform: Matrix, shape: tuple[int, int], other: Matrix | None = None) -> float:
    """Return the RMS distance over the four corners between two transforms (against the identity by default)."""
    at = corners(shape)
    reference = at if other is None else apply_to(other, at)
    return float(np.sqrt(((apply_to(transform, at) - reference) ** 2).sum(-1).mean()))


def nearest(transform: Matrix, shape: tuple[int, int], model: MotionModel) -> Matrix:
    """Return the transform of a model that moves the picture's corners and centre most like another one."""
    at = np.vstack([corners(shape), corners(shape).mean(0)])
    to_unit = normaliser(shape)
    unit = apply_to(to_unit, at)
    if model is MotionModel.HOMOGRAPHY:
        return transform
    shift = apply_to(to_unit, apply_to(transform, at)) - unit
    j = jacobian(unit, model)
    p = np.asarray(np.linalg.lstsq(j.reshape(len(j), -1).T, shift.T.ravel(), rcond=None)[0], np.float64)
    out: Matrix = np.linalg.inv(to_unit) @ update_matrix(p, model) @ to_unit
    return out


def is_sane(transform: Matrix, shape: tuple[int, int]) -> bool:
    """Return whether a transform could be one between frames of a focal stack.

    Finite, not mirrored, less than a factor 2 in area, no strong perspective, and half of the picture still in view.
    """
    if not np.isfinite(transform).all():
        return False
    moved = apply_to(transform, corners(shape))
    h, w = shape
    a, b, c, d = moved
    area = [_cross(b - a, c - a), _cross(d - b, a - b), _cross(a - c, d - c), _cross(c - d, b - d)]
    ok = min(area) > 0.5 * h * w and max(area) < 2.0 * h * w and max(area) < 1.3 * min(area)
    centre = moved.mean(0) - [(w - 1) / 2, (h - 1) / 2]
    return bool(ok and abs(centre[0]) < w / 2 and abs(centre[1]) < h / 2)


def _cross(u: NDArray[np.float64], v: NDArray[np.float64]) -> float:
    return abs(float(u[0] * v[1] - u[1] * v[0]))

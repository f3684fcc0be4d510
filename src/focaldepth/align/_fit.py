"""The motion that a set of local displacements has in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from focaldepth.align._alignment import MotionModel
from focaldepth.align._geometry import Matrix, apply_to, jacobian, normaliser, update_matrix

_FLOOR_PX = 0.1
"""Displacements differ by at least this much from a plane motion: parallax, lens distortion."""


def weights(information: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse covariance of displacements with a floor added, (K, 2, 2); finite also without information."""
    # (I^-1 + f^2)^-1 of 2 x 2 matrices, written without a division by what may be 0
    a, b, c = information[:, 0, 0], information[:, 0, 1], information[:, 1, 1]
    floor = _FLOOR_PX**2
    det = a * c - b * b
    out = np.empty_like(information)
    out[:, 0, 0], out[:, 1, 1] = a + floor * det, c + floor * det
    out[:, 0, 1] = out[:, 1, 0] = b
    out /= (1 + floor * (a + c) + floor**2 * det)[:, None, None]
    return out


def whiten(weight: NDArray[np.float64], rows: NDArray[np.float64]) -> None:
    """Change rows (P, 2, K) in place: their plain squares become what their squares under weights (K, 2, 2) were."""
    r00 = np.sqrt(weight[:, 0, 0] + 1e-30)
    r01 = weight[:, 0, 1] / r00
    r11 = np.sqrt(np.maximum(weight[:, 1, 1] - r01**2, 0))
    rows[:, 0] *= r00
    rows[:, 0] += r01 * rows[:, 1]
    rows[:, 1] *= r11


def gram(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the products of all rows (P, 2, K) with one another, (P, P)."""
    flat = rows.reshape(len(rows), -1)
    return flat @ flat.T


def fit(
    places: NDArray[np.float64],
    shift: NDArray[np.float64],
    information: NDArray[np.float64],
    shape: tuple[int, int],
    model: MotionModel,
) -> Matrix:
    """Return the transform that moves places (K, 2) by the robust common part of their shifts (K, 2).

    Args:
        places, shift: in pixels.
        information: (K, 2, 2) inverse covariance of the shifts.
        shape: (H, W) of the picture.
        model: what the transform may do.
    """
    to_unit = normaliser(shape)
    unit = to_unit[0, 0]
    j = jacobian(apply_to(to_unit, places), model)
    rows = np.concatenate([j, shift.T[None] * unit])
    whiten(weights(information) / unit**2, rows)
    size = len(j)
    trust = np.ones(len(places))
    p = np.zeros(size)
    for _ in range(5):
        products = gram(rows * np.sqrt(trust))
        normal, right = products[:size, :size], products[:size, size]
        p = np.linalg.solve(normal + 1e-9 * np.trace(normal) * np.eye(size), right)
        left = rows[size] - (p @ rows[:size].reshape(size, -1)).reshape(2, -1)
        trust = cauchy((left**2).sum(0))
    return np.linalg.inv(to_unit) @ update_matrix(p, model) @ to_unit


def cauchy(square: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of a residual from its squared size in standard deviations: halved at two of them."""
    return 1 / (1 + square / 4)

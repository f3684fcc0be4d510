"""The motion that a set of local displacements has in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from focaldepth.align._alignment import MotionModel
from focaldepth.align._geometry import Matrix, apply_to, jacobian, normaliser, update_matrix
from focaldepth.align._tiles import Tiles

FLOOR_PX = 0.1
"""Displacements differ by at least this much from a plane motion: parallax, lens distortion."""


def weights(information: NDArray[np.float64], floor_px: float = FLOOR_PX) -> NDArray[np.float64]:
    """Return the inverse covariance of displacements with a floor added, (K, 2, 2)."""
    unit = np.eye(2)
    covariance = np.linalg.inv(np.add(information, 1e-12 * unit))
    return np.asarray(np.linalg.inv(covariance + floor_px**2 * unit), np.float64)


def fit(tiles: Tiles, shape: tuple[int, int], model: MotionModel, floor_px: float = FLOOR_PX) -> Matrix:
    """Return the transform that moves the reference by the robust common part of the shifts of tiles."""
    to_unit = normaliser(shape)
    unit = to_unit[0, 0]
    j = jacobian(apply_to(to_unit, tiles.centre), model)
    d = tiles.shift * unit
    w = weights(tiles.information, floor_px) / unit**2
    jw = np.einsum("kip,kij->kpj", j, w)
    trust = np.ones(len(tiles))
    p = np.zeros(j.shape[2])
    for _ in range(5):
        normal = np.einsum("kpj,kjq,k->pq", jw, j, trust)
        normal += 1e-9 * np.trace(normal) * np.eye(len(p))
        p = np.linalg.solve(normal, np.einsum("kpj,kj,k->p", jw, d, trust))
        left = d - j @ p
        trust = cauchy(np.einsum("ki,kij,kj->k", left, w, left))
    return np.linalg.inv(to_unit) @ update_matrix(p, model) @ to_unit


def cauchy(square: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of a residual from its squared size in standard deviations: halved at two of them."""
    return 1 / (1 + square / 4)

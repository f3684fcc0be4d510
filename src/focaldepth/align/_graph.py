"""One transform per frame from places that pairs of frames have in common: all pairs at once, so nothing drifts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from focaldepth.align._alignment import MotionModel
from focaldepth.align._fit import cauchy, weights
from focaldepth.align._geometry import PARAMETERS, Matrix, apply_to, jacobian, normaliser, update_matrix
from focaldepth.align._pair import Match

_ROUNDS = 4


def solve(
    n: int, matches: Sequence[Match], reference: int, model: MotionModel, shape: tuple[int, int], start: Matrix
) -> Matrix:
    """Return the transforms (N, 3, 3), reference to frame, under which places of all matches agree best.

    Each frame has a map back to the reference; the maps of both frames of a match should send its two ends to one
    point. Gauss-Newton with Cauchy weights over all frames; frames without matches keep `start`.
    """
    to_unit = normaliser(shape)
    unit = to_unit[0, 0]
    back = np.linalg.inv(np.stack([to_unit @ t @ np.linalg.inv(to_unit) for t in start]))
    ends = [
        (m.a, m.b, apply_to(to_unit, m.p), apply_to(to_unit, m.q), weights(m.information) / unit**2) for m in matches
    ]
    size = PARAMETERS[model]
    free = np.arange(n) != reference
    for _ in range(_ROUNDS):
        normal, right = np.zeros((n, size, n, size)), np.zeros((n, size))
        for a, b, p, q, w in ends:
            _accumulate(normal, right, (a, b), (apply_to(back[a], p), apply_to(back[b], q)), w, model)
        normal, right = normal[free][:, :, free].reshape(right[free].size, -1), right[free].ravel()
        # frames that no match holds stay where they are
        normal[np.diag_indices_from(normal)] += 1e-6 * unit**-2
        step = np.zeros((n, size))
        step[free] = np.linalg.solve(normal, right).reshape(-1, size)
        back = np.stack([update_matrix(s, model) @ t for s, t in zip(step, back, strict=True)])
        back /= back[:, 2:, 2:]
        if np.abs(step).max() < 1e-3 * unit:
            break
    out = np.linalg.inv(to_unit) @ np.linalg.inv(back) @ to_unit
    out[reference] = np.eye(3)
    result: Matrix = out / out[:, 2:, 2:]
    return result


def _accumulate(
    normal: NDArray[np.float64],
    right: NDArray[np.float64],
    frames: tuple[int, int],
    places: tuple[NDArray[np.float64], NDArray[np.float64]],
    w: NDArray[np.float64],
    model: MotionModel,
) -> None:
    """Add the normal equations of one match: place_b + J_b step_b = place_a + J_a step_a."""
    a, b = frames
    gap = places[0] - places[1]
    ja, jb = jacobian(places[0], model), jacobian(places[1], model)
    trusted = w * cauchy(np.einsum("ki,kij,kj->k", gap, w, gap))[:, None, None]
    wa, wb = (np.einsum("kip,kij->kpj", j, trusted) for j in (ja, jb))
    normal[a, :, a] += np.einsum("kpj,kjq->pq", wa, ja)
    normal[b, :, b] += np.einsum("kpj,kjq->pq", wb, jb)
    cross = np.einsum("kpj,kjq->pq", wa, jb)
    normal[a, :, b] -= cross
    normal[b, :, a] -= cross.T
    right[a] -= np.einsum("kpj,kj->p", wa, gap)
    right[b] += np.einsum("kpj,kj->p", wb, gap)


def residuals(matches: Sequence[Match], transforms: Matrix) -> list[NDArray[np.float64]]:
    """Return, per match, how far apart its two ends lie in the reference frame, (K, 2) pixels."""
    back = np.linalg.inv(transforms)
    return [apply_to(back[m.b], m.q) - apply_to(back[m.a], m.p) for m in matches]

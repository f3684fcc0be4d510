"""One transform per frame from places that pairs of frames have in common: all pairs at once, so nothing drifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focaldepth.align._alignment import MotionModel
from focaldepth.align._fit import cauchy, gram, weights, whiten
from focaldepth.align._geometry import PARAMETERS, Matrix, apply_to, inverse, jacobian, normaliser, update_matrix
from focaldepth.align._pair import Match

_ROUNDS = 4
_DAMPING = 1e-6
"""Frames that no match holds stay where they are."""


@dataclass(frozen=True)
class Places:
    """Places that pairs of frames have in common, of all pairs in one table.

    Attributes:
        a, b: (K,) indices of the two frames, a < b; the places of a pair stand together.
        p, q: (K, 2) x and y in frame a and in frame b.
        weight: (K, 2, 2) inverse covariance of the distance between the two ends.
    """

    a: NDArray[np.intp]
    b: NDArray[np.intp]
    p: NDArray[np.float64]
    q: NDArray[np.float64]
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, matches: Sequence[Match]) -> Places:
        """Return the table of all places of matches; there is at least one match."""
        counts = [len(m.p) for m in matches]
        return cls(
            np.repeat([m.a for m in matches], counts),
            np.repeat([m.b for m in matches], counts),
            np.concatenate([m.p for m in matches]),
            np.concatenate([m.q for m in matches]),
            weights(np.concatenate([m.information for m in matches])),
        )

    def __len__(self) -> int:
        return len(self.p)

    def take(self, chosen: NDArray[np.bool_]) -> Places:
        """Return some of the places."""
        return Places(self.a[chosen], self.b[chosen], self.p[chosen], self.q[chosen], self.weight[chosen])

    def residuals(self, transforms: Matrix) -> NDArray[np.float64]:
        """Return how far apart the two ends lie in the reference frame, (K, 2) pixels, under (N, 3, 3) transforms."""
        back = inverse(transforms)
        return _each(back[self.b], self.q) - _each(back[self.a], self.p)


def solve(n: int, places: Places, reference: int, model: MotionModel, shape: tuple[int, int], start: Matrix) -> Matrix:
    """Return the transforms (N, 3, 3), reference to frame, under which the two ends of all places agree best.

    Each frame has a map back to the reference; the maps of both frames of a pair should send the two ends of a place to
    one point. Gauss-Newton with Cauchy weights over all frames; frames without places keep `start`.
    """
    to_unit = normaliser(shape)
    unit = to_unit[0, 0]
    back = inverse(to_unit @ start @ inverse(to_unit))
    p, q = apply_to(to_unit, places.p), apply_to(to_unit, places.q)
    weight = places.weight / unit**2
    free = np.arange(n) != reference
    first = np.flatnonzero(np.diff(places.a * n + places.b, prepend=-1))
    for _ in range(_ROUNDS):
        rows = _rows((_each(back[places.a], p), _each(back[places.b], q)), model)
        rows[: PARAMETERS[model]] *= free[places.a]
        rows[PARAMETERS[model] : -1] *= free[places.b]
        whiten(weight, rows)
        rows *= np.sqrt(cauchy((rows[-1] ** 2).sum(0)))
        grams = np.stack([gram(part) for part in np.split(rows, first[1:], axis=2)])
        step = _step(n, places.a[first], places.b[first], grams, _DAMPING * unit**-2)
        back = np.stack([update_matrix(s, model) @ t for s, t in zip(step, back, strict=True)])
        back /= back[:, 2:, 2:]
        if np.abs(step).max() < 1e-3 * unit:
            break
    out = inverse(to_unit) @ inverse(back) @ to_unit
    out[reference] = np.eye(3)
    result: Matrix = out / out[:, 2:, 2:]
    return result


def _each(transforms: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points (K, 2) moved by one transform each, (K, 3, 3)."""
    x, y = points.T
    u, v, w = (transforms[:, r, 0] * x + transforms[:, r, 1] * y + transforms[:, r, 2] for r in range(3))
    return np.stack([u / w, v / w], -1)


def _rows(ends: tuple[NDArray[np.float64], NDArray[np.float64]], model: MotionModel) -> NDArray[np.float64]:
    """Return how the gap between the ends of places moves with the steps of frame a and of frame b, and the gap.

    place_a + J_a step_a = place_b + J_b step_b; (2 P + 1, 2, K).
    """
    a, b = ends
    return np.concatenate([jacobian(a, model), -jacobian(b, model), (a - b).T[None]])


def _step(
    n: int, a: NDArray[np.intp], b: NDArray[np.intp], grams: NDArray[np.float64], damping: float
) -> NDArray[np.float64]:
    """Return the Gauss-Newton step of every frame, (N, P).

    Only frames at most `reach` apart share a match, so the normal equations are a band. Taken in blocks of `reach`
    frames they are block tridiagonal, and the cost grows with N, not with its cube.

    Args:
        n: number of frames.
        a, b: (M,) frames of each match, a < b.
        grams: (M, 2 P + 1, 2 P + 1) products of the weighted rows of each match.
        damping: added to the diagonal.
    """
    size = grams.shape[1] // 2
    reach = int((b - a).max())
    blocks = -(-n // reach)
    window = np.zeros((blocks, 2 * reach, 2 * reach, size, size))
    right = np.zeros((blocks * reach, size))
    block, i = np.divmod(a, reach)
    j = b - block * reach
    of_a, of_b = slice(0, size), slice(size, 2 * size)
    np.add.at(window, (block, i, i), grams[:, of_a, of_a])
    np.add.at(window, (block, j, j), grams[:, of_b, of_b])
    np.add.at(window, (block, i, j), grams[:, of_a, of_b])
    np.add.at(window, (block, j, i), grams[:, of_b, of_a])
    np.add.at(right, a, -grams[:, of_a, -1])
    np.add.at(right, b, -grams[:, of_b, -1])
    side = reach * size
    square = window.transpose(0, 1, 3, 2, 4).reshape(blocks, 2 * side, 2 * side)
    here, across = square[:, :side, :side] + damping * np.eye(side), square[:, :side, side:]
    here[1:] += square[:-1, side:, side:]
    return _block_tridiagonal(here, across, right.reshape(blocks, side)).reshape(-1, size)[:n]


def _block_tridiagonal(
    here: NDArray[np.float64], across: NDArray[np.float64], right: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solve a symmetric system block by block.

    Args:
        here: (B, S, S) blocks on the diagonal.
        across: (B, S, S) blocks beside them, from each block to the next; the last one is not read.
        right: (B, S) right side.

    >>> here, across = np.full((2, 1, 1), 2.0), np.ones((2, 1, 1))
    >>> _block_tridiagonal(here, across, np.array([[4.0], [5.0]])).ravel()
    array([1., 2.])
    """
    last = len(here) - 1
    here, right, eliminated = here.copy(), right.copy(), []
    for k in range(last):
        eliminated.append(np.linalg.solve(here[k], np.column_stack([across[k], right[k]])))
        below = across[k].T @ eliminated[k]
        here[k + 1] -= below[:, :-1]
        right[k + 1] -= below[:, -1]
    out = np.empty_like(right)
    out[last] = np.linalg.solve(here[last], right[last])
    for k in range(last - 1, -1, -1):
        out[k] = eliminated[k][:, -1] - eliminated[k][:, :-1] @ out[k + 1]
    return out

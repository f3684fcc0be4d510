"""Total-variation depth from fitted focus curves: linearised ADMM with a non-convex data term.

Source: Moeller, Benning, Schoenlieb, Cremers, Variational Depth From Focus Reconstruction, IEEE TIP 24(12), 2015:
minimise over the depth map d the sum of -c_x(d(x)) + weight |grad d(x)|, where c_x is the polynomial through the focus
curve of pixel x. Splitting g = grad d gives (their section III, linearised data term):

    d <- argmin  -c'(d_k) d + (hold / 2) |d - d_k|^2 + (penalty / 2) |grad d - g + b|^2
    g <- shrinkage of grad d + b by weight / penalty
    b <- b + grad d - g

The first line is a linear equation that the cosine transform solves exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane
from focaldepth.core.progress import Run

_GRID = 6
"""Trial depths per frame for the first guess."""
_SINGULAR = 1e-4
_LEAST_HOLD = 4.0
_STEEPEST_PERCENTILE = 99


def steady_degree(wanted: int, frames: int) -> int:
    """Return the degree of polynomials through so many frames: below 2 sqrt(N), where least squares stay stable.

    >>> [steady_degree(8, n) for n in (2, 4, 6, 9, 10, 17)]
    [1, 3, 4, 5, 6, 8]
    """
    return min(wanted, frames - 1, ceil(2 * sqrt(frames)) - 1)


@dataclass(frozen=True)
class FocusCurves:
    """Polynomials through the focus curve of every pixel.

    Attributes:
        powers: (K, h, w) float32, factor of x^k.
        middle, half: x = (position - middle) / half lies in -1..1 between the first and the last frame.
    """

    powers: NDArray[np.float32]
    middle: float
    half: float

    @classmethod
    def fit(cls, scores: NDArray[np.float32], focus: NDArray[np.float64], degree: int) -> FocusCurves:
        """Fit (N, h, w) scores at the (N,) positions of the blur-linear axis by least squares.

        Chebyshev polynomials keep the fit well conditioned. With few frames the degree is lower: through nearly as many
        points at even steps as it has factors, a polynomial swings between them.
        """
        from numpy.polynomial import chebyshev

        middle, half = (float(focus.max()) + float(focus.min())) / 2, float(np.ptp(focus)) / 2
        degree = steady_degree(degree, len(focus))
        to_chebyshev = np.linalg.pinv(chebyshev.chebvander((focus - middle) / half, degree), rcond=_SINGULAR)
        to_powers = np.zeros((degree + 1, degree + 1))
        for k, unit in enumerate(np.eye(degree + 1)):
            to_powers[: k + 1, k] = chebyshev.cheb2poly(unit[: k + 1])
        powers = np.tensordot((to_powers @ to_chebyshev).astype(np.float32), scores, 1)
        return cls(powers, middle, half)

    def highest(self, count: int) -> Plane:
        """Return x (h, w) where each curve is highest, out of `count` even steps."""
        best = np.full(self.powers.shape[1:], -np.inf, np.float32)
        place = np.zeros_like(best)
        for x in np.linspace(-1, 1, count, dtype=np.float32):
            value = np.tensordot(x ** np.arange(len(self.powers), dtype=np.float32), self.powers, 1)
            place[value > best] = x
            np.maximum(best, value, out=best)
        return place

    def slope(self, x: Plane) -> Plane:
        """Return the derivative of each curve at its x."""
        total = np.zeros_like(x)
        for k in range(len(self.powers) - 1, 0, -1):
            total *= x
            total += np.float32(k) * self.powers[k]
        return total

    def steepest_bend(self) -> float:
        """Return what nearly every second derivative stays below: a step that holds on less would overshoot."""
        thin = self.powers[:, ::4, ::4]
        bends = np.zeros(thin.shape[1:], np.float32)
        for x in np.linspace(-1, 1, _GRID * len(self.powers), dtype=np.float32):
            factors = [k * (k - 1) * float(x) ** (k - 2) if k > 1 else 0.0 for k in range(len(self.powers))]
            np.maximum(bends, np.abs(np.tensordot(np.array(factors, np.float32), thin, 1)), out=bends)
        return float(np.percentile(bends, _STEEPEST_PERCENTILE))


def minimise(curves: FocusCurves, weight: float, penalty: float, rounds: int, run: Run) -> Plane:
    """Return the depth map (h, w) on the axis of the curves.

    Args:
        curves: data term.
        weight: of the total variation, per pixel, for x in -1..1 and curves of unit mean height.
        penalty: of the split.
        rounds: fixed number of rounds.
        run: progress, cancellation.
    """
    from scipy.fft import dctn, idctn

    hold = max(curves.steepest_bend(), _LEAST_HOLD)
    x = curves.highest(_GRID * max(len(curves.powers), 8))
    h, w = x.shape
    waves = [2 - 2 * np.cos(np.pi * np.arange(length) / length) for length in (h, w)]
    system = (hold + penalty * (waves[0][:, None] + waves[1])).astype(np.float32)
    jumps = _gradient(x)
    dual = tuple(np.zeros_like(x) for _ in range(2))
    run.stage("variational", rounds)
    for _ in range(rounds):
        right = curves.slope(x)
        right += np.float32(hold) * x
        right += np.float32(penalty) * _adjoint(jumps[0] - dual[0], jumps[1] - dual[1])
        solved = idctn(dctn(right, workers=run.threads) / system, workers=run.threads)
        x = np.clip(solved, -1, 1).astype(np.float32, copy=False)
        moved = tuple(g + b for g, b in zip(_gradient(x), dual, strict=True))
        length = np.maximum(np.hypot(*moved), np.float32(1e-9))
        shrunk = np.maximum(1 - np.float32(weight / penalty) / length, 0)
        jumps = moved[0] * shrunk, moved[1] * shrunk
        dual = moved[0] - jumps[0], moved[1] - jumps[1]
        run.advance()
    depth: Plane = x * np.float32(curves.half) + np.float32(curves.middle)
    return depth


def _gradient(x: Plane) -> tuple[Plane, Plane]:
    """Forward differences along rows and columns, 0 at the far border."""
    down, across = np.zeros_like(x), np.zeros_like(x)
    down[:-1] = x[1:] - x[:-1]
    across[:, :-1] = x[:, 1:] - x[:, :-1]
    return down, across


def _adjoint(down: Plane, across: Plane) -> Plane:
    """The transpose of `_gradient`."""
    out = np.zeros_like(down)
    out[:-1] -= down[:-1]
    out[1:] += down[:-1]
    out[:, :-1] -= across[:, :-1]
    out[:, 1:] += across[:, :-1]
    return out

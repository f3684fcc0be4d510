"""Fit the sigma model of classical-fast on random layered scenes and print its numbers.

    python benchmarks/calibrate_sigma.py [--scenes 120]

Half of the scenes are held out; their coverage is printed, too. The numbers go into
`src/focaldepth/classical/_sigma_model.py` by hand, so that a change of the model is a change one can read.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from focaldepth.classical._confidence import choose, features, peaks_on_grid, trust
from focaldepth.classical._sigma_model import TERMS
from focaldepth.classical._stream import stream
from focaldepth.classical.classical_fast import WINDOWS, ClassicalFast
from focaldepth.core.progress import Run
from focaldepth.scenes.layers import LayeredScene, render

QUANTILE = 0.6827
PIXELS = 6000


def samples(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, terms), absolute errors in steps (n,) and validity (n,) of random pixels of one scene."""
    cv2.setNumThreads(1)
    rendered = render(LayeredScene.varied(seed, height=160, width=208))
    focus = rendered.stack.blur_axis.values
    step = float(np.abs(np.diff(focus)).mean())
    state = stream(rendered.stack, Run(), WINDOWS, "none")
    peaks = peaks_on_grid(state, WINDOWS, focus, slice(0, len(state.covered)))
    chosen = choose(peaks)
    planes = features(peaks, chosen, step, state.factor)
    error = np.abs(chosen.peak.position - rendered.truth.values) / step
    valid = trust(peaks, chosen, state, focus, ClassicalFast().max_sigma).valid
    picked = np.random.default_rng(seed).choice(error.size, PIXELS, replace=False)
    terms = np.stack([p.ravel()[picked] for p in planes], 1).astype(np.float64)
    return terms, error.ravel()[picked], valid.ravel()[picked]


def quantile_regression(terms: np.ndarray, target: np.ndarray, rounds: int = 60) -> np.ndarray:
    """Weights of the linear model of the QUANTILE of the target (iteratively reweighted least squares)."""
    weights = np.linalg.lstsq(terms, target, rcond=None)[0]
    for _ in range(rounds):
        rest = target - terms @ weights
        pull = np.where(rest > 0, QUANTILE, 1 - QUANTILE) / np.maximum(np.abs(rest), 0.02)
        weighted = terms * pull[:, None]
        ridge = 1e-6 * len(target) * np.eye(terms.shape[1])
        weights = np.linalg.solve(terms.T @ weighted + ridge, weighted.T @ target)
    return weights


def with_constant(terms: np.ndarray) -> np.ndarray:
    return np.hstack([np.ones((len(terms), 1)), terms])


def fit(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Weights from all pixels; the constant then moves so that QUANTILE of the valid ones is covered."""
    terms, error, valid = (np.concatenate(p) for p in zip(*parts, strict=True))
    target = np.log(error + 0.005)
    weights = quantile_regression(with_constant(terms), target)
    rest = (target - with_constant(terms) @ weights)[valid]
    weights[0] += np.quantile(rest, QUANTILE)
    return weights


def main() -> None:
    """Fit, print, check on held-out scenes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=120)
    count = parser.parse_args().scenes
    with ProcessPoolExecutor(2) as pool:
        parts = list(pool.map(samples, range(count)))
    half = fit(parts[::2])
    terms, error, valid = (np.concatenate(p) for p in zip(*parts[1::2], strict=True))
    inside = np.log(error + 0.005) < with_constant(terms) @ half
    print(f"held-out coverage: valid {inside[valid].mean():.3f}, all {inside.mean():.3f}")
    weights = fit(parts)
    print(f"CONSTANT = {weights[0]:.3f}")
    for (name, _), weight in zip(TERMS, weights[1:], strict=True):
        print(f'    ("{name}", {weight:.3f}),')


if __name__ == "__main__":
    main()

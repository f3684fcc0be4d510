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

from focaldepth.classical._confidence import choose, features, peaks_on_grid
from focaldepth.classical._sigma_model import TERMS
from focaldepth.classical._stream import stream
from focaldepth.classical.classical_fast import WINDOWS
from focaldepth.core.progress import Run
from focaldepth.scenes.layers import LayeredScene, render

QUANTILE = 0.6827
PIXELS = 6000


def scene(seed: int) -> LayeredScene:
    """A random lens, noise and texture."""
    random = np.random.default_rng(seed + 1000)
    frames = int(random.choice([5, 8, 10, 15, 30]))
    most = 5.0 if frames < 20 else 1.5
    return LayeredScene(
        seed=seed,
        frames=frames,
        height=160,
        width=208,
        blur_px=float(np.exp(random.uniform(np.log(0.5), np.log(most)))),
        noise=float(random.choice([0.0005, 0.002, 0.004, 0.01])),
        shot=float(random.choice([0, 0.0001, 0.0004])),
        contrast=float(random.uniform(0.2, 1)),
        relief=float(random.uniform(0, 1.5)),
        psf_px=float(random.uniform(0.4, 1.0)),
        jpeg=int(random.choice([0, 85, 92, 95])),
        layers=int(random.integers(0, 8)),
        near=float(random.uniform(1, 6)),
        far=0.5,
    )


def samples(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, terms) and absolute errors in steps (n,) of random pixels of one scene."""
    cv2.setNumThreads(1)
    rendered = render(scene(seed))
    focus = rendered.stack.blur_axis.values
    step = float(np.abs(np.diff(focus)).mean())
    state = stream(rendered.stack, Run(), WINDOWS, "none")
    peaks = peaks_on_grid(state, WINDOWS, focus)
    chosen = choose(peaks)
    planes = features(peaks, chosen, step, state.factor)
    error = np.abs(chosen.peak.position - rendered.truth.values) / step
    picked = np.random.default_rng(seed).choice(error.size, PIXELS, replace=False)
    return np.stack([p.ravel()[picked] for p in planes], 1).astype(np.float64), error.ravel()[picked]


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


def main() -> None:
    """Fit, print, check on held-out scenes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=120)
    count = parser.parse_args().scenes
    with ProcessPoolExecutor(2) as pool:
        parts = list(pool.map(samples, range(count)))
    terms = [np.hstack([np.ones((len(e), 1)), f]) for f, e in parts]
    logs = [np.log(e + 0.005) for _, e in parts]
    half = quantile_regression(np.concatenate(terms[::2]), np.concatenate(logs[::2]))
    inside = [np.mean(y < t @ half) for t, y in zip(terms[1::2], logs[1::2], strict=True)]
    print(f"held-out coverage {np.mean(inside):.3f}, over scenes +- {np.std(inside):.3f}")
    weights = quantile_regression(np.concatenate(terms), np.concatenate(logs))
    print(f"CONSTANT = {weights[0]:.3f}")
    for (name, _), weight in zip(TERMS, weights[1:], strict=True):
        print(f'    ("{name}", {weight:.3f}),')


if __name__ == "__main__":
    main()

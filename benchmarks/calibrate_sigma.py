"""Fit the sigma model of a method on random layered scenes and print its numbers.

    python benchmarks/calibrate_sigma.py [--method classical] [--scenes 160]
    python benchmarks/calibrate_sigma.py --method classical --coarse    # the weight of the scale of reading alone

Half of the scenes are held out; their coverage is printed, too. The numbers go into the source by hand
(`classical/_sigma_model.py` of classical-fast, `classical/_certainty.py` of classical), so that a change of the model
is a change one can read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np

from focaldepth.classical import _certainty, _confidence, _sigma_model, classical, classical_fast
from focaldepth.classical._evidence import weigh
from focaldepth.classical._stream import stream
from focaldepth.classical._volume import gather
from focaldepth.core.progress import Run
from focaldepth.scenes.layers import LayeredScene, Rendered, render

QUANTILE = 0.6827
PIXELS = 6000
HEIGHT, WIDTH = 160, 208
Samples = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Features (n, terms), absolute errors in the unit of the model (n,), validity (n,) of random pixels of one scene."""


def of_classical_fast(seed: int) -> Samples | None:
    """Errors in steps."""
    rendered = render(LayeredScene.varied(seed, height=HEIGHT, width=WIDTH))
    focus = rendered.stack.blur_axis.values
    step = float(np.abs(np.diff(focus)).mean())
    state = stream(rendered.stack, Run(), classical_fast.WINDOWS, None)
    peaks = _confidence.peaks_on_grid(state, classical_fast.WINDOWS, focus, slice(0, len(state.covered)))
    chosen = _confidence.choose(peaks)
    planes = _confidence.features(peaks, chosen, step, state.factor)
    error = np.abs(chosen.peak.position - rendered.truth.values) / step
    valid = _confidence.trust(peaks, chosen, state, focus, classical_fast.ClassicalFast().max_sigma).valid
    return picked(seed, planes, error, valid)


def of_classical(seed: int) -> Samples | None:
    """Errors in px of blur radius; None where blur differs too little to tell, or too much for the finest detail."""
    samples = read_by_classical(seed, smooth_scene(seed))
    if samples is None or samples[0][0, -1] > 0:
        return None
    return samples[0][:, :-1], *samples[1:]


def of_coarse(seed: int) -> Samples | None:
    """Errors in px of blur radius on frames that lie far apart."""
    return read_by_classical(seed, coarse_scene(seed))


def read_by_classical(seed: int, rendered: Rendered) -> Samples | None:
    """Errors in px of blur radius at the scale of reading."""
    focus, run = rendered.stack.blur_axis.values, Run(threads=1)
    method = classical.Classical()
    state = gather(rendered.stack, run, None, luminance=True)
    evidence = weigh(state.luminance, focus, state.coarse // state.fine, run)
    if not evidence.explained or evidence.reading_px * np.abs(np.diff(focus)).mean() < 0.35:
        return None
    clues = classical.clues_of(state, evidence, method.reach, run)
    planes = _certainty.features(evidence, clues)
    position = np.clip(clues.peaks.position, focus.min(), focus.max())
    error = np.abs(position - rendered.truth.values) * evidence.reading_px
    valid = _certainty.judge(evidence, clues, focus, state.covered > 0, method.max_sigma, 0).valid
    return picked(seed, planes, error, valid)


def smooth_scene(seed: int) -> Rendered:
    """A varied scene with less relief, more kinds of blur and less noise than classical-fast is calibrated on."""
    scene, random = LayeredScene.varied(seed, height=HEIGHT, width=WIDTH), np.random.default_rng(seed + 7)
    most = 5.0 if scene.frames < 20 else 1.5
    return render(
        replace(
            scene,
            relief=scene.relief * (0, 0.1, 0.25)[seed % 3],
            blur_px=float(np.exp(random.uniform(np.log(0.15), np.log(most)))),
            noise=scene.noise * float(random.choice([0, 0.3, 1])),
            shot=scene.shot * float(random.choice([0, 1])),
        )
    )


def coarse_scene(seed: int) -> Rendered:
    """A varied scene of 3 to 10 frames whose blur differs by 4 to 20 px from one to the next."""
    scene, random = LayeredScene.varied(seed, height=HEIGHT, width=WIDTH), np.random.default_rng(seed + 9)
    return render(
        replace(
            scene,
            frames=int(random.choice([3, 4, 5, 6, 8, 10])),
            relief=scene.relief * (0, 0.1, 0.25)[seed % 3],
            blur_px=float(np.exp(random.uniform(np.log(4), np.log(20)))),
            noise=scene.noise * float(random.choice([0, 0.3, 1])),
        )
    )


def picked(seed: int, planes: list[np.ndarray], error: np.ndarray, valid: np.ndarray) -> Samples:
    """Random pixels of a scene."""
    some = np.random.default_rng(seed).choice(error.size, PIXELS, replace=False)
    return np.stack([p.ravel()[some] for p in planes], 1).astype(float), error.ravel()[some], valid.ravel()[some]


@dataclass(frozen=True)
class Fitted:
    """A method, the names of its terms, and what is added to an error before its logarithm is taken."""

    samples: Callable[[int], Samples | None]
    terms: tuple[str, ...]
    least: float


METHODS = {
    "classical-fast": Fitted(of_classical_fast, tuple(name for name, _ in _sigma_model.TERMS), 0.005),
    "classical": Fitted(of_classical, tuple(name for name, _ in _certainty.TERMS[:-1]), 0.002),
}


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


def fit(parts: list[Samples], least: float, move: bool) -> np.ndarray:
    """Weights from all pixels; if asked, the constant moves so that QUANTILE of the valid ones is covered."""
    terms, error, valid = (np.concatenate(p) for p in zip(*parts, strict=True))
    target = np.log(error + least)
    weights = quantile_regression(with_constant(terms), target)
    if move:
        rest = (target - with_constant(terms) @ weights)[valid]
        weights[0] += np.quantile(rest, QUANTILE)
    return weights


def fit_scale(parts: list[Samples], least: float) -> float:
    """Return the weight of the last term with which QUANTILE of the valid pixels is covered, the others being held."""
    terms, error, valid = (np.concatenate(p) for p in zip(*parts, strict=True))
    held = np.array([_certainty.CONSTANT, *(weight for _, weight in _certainty.TERMS[:-1]), 0.0])
    wide = valid & (terms[:, -1] > 0.05)
    rest = np.log(error + least) - with_constant(terms) @ held
    return float(np.quantile((rest / np.maximum(terms[:, -1], 0.05))[wide], QUANTILE))


def main() -> None:
    """Fit, print, check on held-out scenes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=list(METHODS), default="classical-fast")
    parser.add_argument("--scenes", type=int, default=120)
    parser.add_argument("--coarse", action="store_true", help="fit the last weight of classical alone")
    asked = parser.parse_args()
    method, move = METHODS[asked.method], asked.method == "classical-fast"
    with ProcessPoolExecutor(2, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        samples = of_coarse if asked.coarse else method.samples
        parts = [part for part in pool.map(samples, range(asked.scenes)) if part is not None]
    if asked.coarse:
        name = _certainty.TERMS[-1][0]
        print(f'{len(parts)} scenes\n    ("{name}", {fit_scale(parts, method.least):.3f}),')
        return
    half = fit(parts[::2], method.least, move)
    terms, error, valid = (np.concatenate(p) for p in zip(*parts[1::2], strict=True))
    inside = np.log(error + method.least) < with_constant(terms) @ half
    print(f"{len(parts)} scenes; held-out coverage: valid {inside[valid].mean():.3f}, all {inside.mean():.3f}")
    weights = fit(parts, method.least, move)
    print(f"CONSTANT = {weights[0]:.3f}")
    for name, weight in zip(method.terms, weights[1:], strict=True):
        print(f'    ("{name}", {weight:.3f}),')


if __name__ == "__main__":
    main()

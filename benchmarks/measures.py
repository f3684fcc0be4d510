"""All focus measures on all scenes with truth: the baseline `naive` with each of them, everything else equal.

    python benchmarks/measures.py [--quick] [measure ...]

Error is the mean absolute error of the filled map over all in-range pixels, as in accuracy.py, divided by that of
`naive` as it comes (sum-modified Laplacian). Noise is added to random layered scenes in linear light, before 8-bit
coding. Cost is time on a picture of 6 MP, one thread, in copies of that picture in memory. --quick takes one scene of
each family and stores nothing; otherwise, with all measures, writes benchmarks/results/measures.json.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

import cv2
import numpy as np
from _record import markdown, record
from accuracy import Scene, scenes

from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import METHODS, EstimateSettings, find_alignment, prepare
from focaldepth.measures._measure import MEASURES, Measure
from focaldepth.metrics._case import Rules, make_case
from focaldepth.metrics._scores import evaluate
from focaldepth.scenes.layers import LayeredScene, render

BASE = "sum-modified-laplacian"
NOISE = {"layers": 0.0005, "layers, noise 1 %": 0.01, "layers, noise 3 %": 0.03}
SEEDS = 6
SIZE = (2000, 3000)
RUN = Run(threads=1)
Errors = dict[str, dict[str, list[float]]]


def prepared(scene: Scene) -> FocalStack:
    """What the method sees behind the front door: aligned where needed, brightness levelled."""
    settings = EstimateSettings(align="auto" if scene.family == "handheld" else "none")
    return prepare(scene.stack, find_alignment(scene.stack, settings), settings, RUN)[0]


def noisy_scenes(seeds: int) -> Iterator[Scene]:
    """The same random scenes with little noise, and with more."""
    for family, noise in NOISE.items():
        for seed in range(seeds):
            made = render(LayeredScene(seed=seed, noise=noise))
            yield Scene(family, f"{family} {seed}", made.stack, made.truth.values.astype(float), made.all_in_focus)


def all_scenes(quick: bool) -> Iterator[Scene]:
    """Every scene, or the first of each family."""
    seen = set()
    for scene in chain(scenes(), noisy_scenes(1 if quick else SEEDS)):
        if not quick or scene.family not in seen:
            seen.add(scene.family)
            yield scene


def errors(names: list[str], quick: bool) -> Errors:
    """Mean absolute errors, family -> measure -> scenes."""
    found: Errors = defaultdict(lambda: defaultdict(list))
    for scene in all_scenes(quick):
        stack = prepared(scene)
        axis = stack.blur_axis.values
        truth = DepthMap(scene.truth, stack.blur_axis.unit, np.isfinite(scene.truth))
        in_range = Rules(low=float(axis.min()), high=float(axis.max()))
        for name in names:
            depth = METHODS.get("naive")(measure=name)(stack, RUN).filled
            found[scene.family][name].append(evaluate(make_case(depth, truth, in_range), ["mae"])["mae"])
        print(scene.name, flush=True)
    return found


def copies(measure: Measure, repeats: int = 9) -> float:
    """Shortest time over the shortest time of a copy, in seconds of this process; both take turns."""
    picture = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 255, SIZE).astype(np.float32), (0, 0), 0.7)
    target = picture.copy()
    times: dict[str, list[float]] = {"measure": [], "copy": []}
    for _ in range(repeats):
        for name, work in (("copy", lambda: np.copyto(target, picture)), ("measure", lambda: measure(picture))):
            begin = time.process_time()
            work()
            times[name].append(time.process_time() - begin)
    return min(times["measure"]) / min(times["copy"])


def table(found: Errors, names: list[str]) -> list[dict[str, object]]:
    """One row per measure, the best first: by the geometric mean over families of real and rendered scenes."""
    relative = {name: {family: np.mean(by[name]) / np.mean(by[BASE]) for family, by in found.items()} for name in names}
    judged = [family for family in found if family not in NOISE]
    overall = {name: float(np.exp(np.mean([np.log(relative[name][f]) for f in judged]))) for name in names}
    rows: list[dict[str, object]] = []
    for name in sorted(names, key=lambda n: overall[n]):
        facts = MEASURES.get(name).facts
        row: dict[str, object] = {"measure": name, "codes": " ".join(facts.codes), "degree": facts.degree}
        row["all"] = round(overall[name], 3)
        row |= {family: round(float(relative[name][family]), 3) for family in found}
        rows.append(row | {"copies": round(copies(MEASURES.get(name)), 1)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one scene of each family, nothing stored")
    parser.add_argument("measures", nargs="*", help="names or codes; all when none is given")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    names = sorted({MEASURES.resolve(name) for name in options.measures or MEASURES.names()} | {BASE})
    rows = table(errors(names, options.quick), names)
    if options.quick or options.measures:
        print(markdown(rows))
        return
    note = (
        "MAE of `naive` with each measure over that of `naive` as it comes. `all`: geometric mean over the families up "
        "to cou. Noise: read noise, share of full scale in linear light. Copies: time over that of copying 6 MP."
    )
    record("measures", "Focus measures, error relative to naive", rows, note)


if __name__ == "__main__":
    main()

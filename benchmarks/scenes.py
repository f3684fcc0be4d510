"""The scene generator: stacks a second, agreement with 1024 points of the aperture, and what its scenes are like.

    python benchmarks/scenes.py [--quick]

Writes benchmarks/results/scenes.json, scenes_lens.json and scenes_distribution.json, and the pictures
docs/images/scenes*.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import cv2
import numpy as np
from _record import ROOT, record

from focaldepth.report.plot import Plot, Series, svg
from focaldepth.scenes.preview import contact_sheet
from focaldepth.scenes.world import SceneSettings, encode, make_world

SETTINGS = SceneSettings(height=256, width=256, frames=5, samples=64)
WORKERS, TARGET = 2, 4.0
_LEAST = {"depth": 0.01, "blur": 0.05, "texture": 0.5}


def start() -> None:
    cv2.setNumThreads(1)


def work(number: int) -> tuple[int, float]:
    """Render one scene; its number and CPU seconds."""
    begin = time.process_time()
    make_world(SETTINGS, number).sample()
    return number, time.process_time() - begin


def speed(count: int) -> None:
    """Wall time of worker processes that are warm; CPU time says what it would be on a machine that is left alone."""
    context = get_context("spawn")
    with ProcessPoolExecutor(WORKERS, context, start) as pool:
        list(pool.map(work, range(2 * WORKERS)))
        begin = time.perf_counter()
        spent = [s for _, s in pool.map(work, range(count))]
        wall = time.perf_counter() - begin
    rows: list[dict[str, object]] = [
        {
            "stacks": f"{count} of 5 x 256 x 256",
            "lens samples": SETTINGS.samples,
            "processes": WORKERS,
            "stacks / s": round(count / wall, 2),
            "CPU s / stack": round(float(np.mean(spent)), 3),
            "stacks / s by CPU time": round(WORKERS / float(np.mean(spent)), 2),
            "load of the machine": round(os.getloadavg()[0], 1),
        }
    ]
    note = f"Target: {TARGET:g} stacks a second on two cores, with as many lens samples as match 1024 to 40 dB (below)."
    record("scenes", "Scene generator", rows, note)


def agreement(count: int) -> None:
    rows: list[dict[str, object]] = []
    values: dict[int, list[float]] = {n: [] for n in (16, 32, 64)}
    for number in range(count):
        world = make_world(SETTINGS, number)
        fine = encode(replace(world, samples=1024).light()).astype(float)
        for samples, found in values.items():
            error = ((encode(replace(world, samples=samples).light()) - fine) ** 2).mean()
            found.append(20 * np.log10(255 / np.sqrt(max(error, 1e-12))))
    for samples, found in values.items():
        rows.append(
            {
                "lens samples": samples,
                "scenes": count,
                "median dB": round(float(np.median(found)), 1),
                "worst dB": round(min(found), 1),
            }
        )
    record("scenes_lens", "Agreement with 1024 lens samples", rows, "PSNR of 8-bit frames. Target: 40 dB.")


def distribution(count: int) -> None:
    """Quartiles of what networks see: depth, blur radius, texture."""
    rows: list[dict[str, object]] = []
    coarse = replace(SETTINGS, height=128, width=128, samples=1, frames=0)
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    for number in range(count):
        world = make_world(coarse, number)
        sample = world.sample()
        nearness = 1 / sample.truth.values
        blur = world.blur_scale * np.abs(nearness[None] - (1 / world.axis.values)[:, None, None])
        grey = cv2.cvtColor(sample.all_in_focus, cv2.COLOR_RGB2GRAY)
        texture = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
        facts = {"depth m": sample.truth.values, "blur radius px": blur, "texture (Laplacian)": texture}
        for name, values in {**facts, "frames": np.array([len(sample.stack)])}.items():
            found.setdefault(world.scale, {}).setdefault(name, []).append(
                np.ravel(values)[:: max(1, values.size // 500)]
            )
    for scale, facts_of in sorted(found.items()):
        row: dict[str, object] = {"scale": scale, "scenes": len(facts_of["depth m"])}
        for name, parts in facts_of.items():
            low, middle, high = np.percentile(np.concatenate(parts), (10, 50, 90))
            row[name] = f"{low:.3g} | {middle:.3g} | {high:.3g}".replace("|", "/")
        rows.append(row)
    record("scenes_distribution", "What rendered scenes are like", rows, "10th percentile / median / 90th percentile.")
    draw(found)


def draw(found: dict[str, dict[str, list[np.ndarray]]]) -> None:
    """Cumulative distributions, one picture per quantity, one line per scale."""
    percents = np.arange(1, 100, 2)
    for name, file in (("depth m", "depth"), ("blur radius px", "blur"), ("texture (Laplacian)", "texture")):
        series = []
        for scale, facts_of in sorted(found.items()):
            values = np.percentile(np.concatenate(facts_of[name]), percents).clip(_LEAST[file])
            series.append(Series(scale, [float(v) for v in values], [float(p) for p in percents], markers=False))
        picture = svg(
            Plot(f"{name} of {sum(len(f[name]) for f in found.values())} scenes", name, "% below", series, log_x=True)
        )
        (ROOT / f"docs/images/scenes_{file}.svg").write_text(picture + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    speed(8 if quick else 24)
    agreement(2 if quick else 5)
    distribution(20 if quick else 120)
    sheet = contact_sheet([make_world(replace(SETTINGS, frames=0), n).sample() for n in range(4 if quick else 12)])
    small = cv2.resize(sheet, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(ROOT / "docs/images/scenes.jpg"), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()

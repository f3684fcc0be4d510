"""Refocusing a light field: time against the plain loop, memory, and depth of the result against the truth.

    python benchmarks/refocus.py [--quick]

The plain loop is what published tools do: for every view, slice and channel one transform there and back in numpy. Both
run in this process, on one light field of 9 x 9 views of 512 x 512 px, 10 slices. Depth is that of `naive` on the HCI
window of the test data. Writes benchmarks/results/refocus.json and refocus_depth.json.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable

import cv2
import numpy as np
from _record import DATA, record

from focaldepth import EstimateSettings, estimate, load_stack
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.light_field import REFOCUSERS, LightField
from focaldepth.core.progress import Run
from focaldepth.io.light_field import focused, load_light_field
from focaldepth.optics.refocus.phase import PhaseShift

SIZE, SLICES, LOOPED, GIB = 512, 10, 2, 2**30
TARGETS = {"x faster": 10, "peak GiB": 1.0, "difference": 1e-3, "median px": 0.1}


def light_field(size: int) -> LightField:
    """81 views of a textured slope, uint8; disparities -2 to 2 px."""
    random = np.random.default_rng(0)
    texture = cv2.GaussianBlur(random.uniform(0, 255, (size, size, 3)).astype(np.float32), (0, 0), 1.2)
    texture = np.clip((texture - 127) * 3 + 127, 0, 255)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    slope = (4 * x / size - 2).astype(np.float32)
    views = np.empty((9, 9, size, size, 3), np.uint8)
    for u in range(9):
        for v in range(9):
            at = (x + (v - 4) * slope, y + (u - 4) * slope)
            views[u, v] = cv2.remap(texture, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return LightField((9, 9), (size, size, 3), lambda u, v: views[u, v], (4, 4))


def plain(views: LightField, disparities: np.ndarray) -> np.ndarray:
    """Eq. 4 of Hazirbas et al. 2018 as a loop: one pair of transforms per view, channel and slice."""
    h, w, c = views.shape
    down, across = np.fft.fftfreq(h)[:, None], np.fft.fftfreq(w)[None]
    out = np.zeros((len(disparities), h, w, c))
    for i, d in enumerate(disparities):
        for u in range(9):
            for v in range(9):
                phase = np.exp(-2j * np.pi * (down * (u - 4) * d + across * (v - 4) * d))
                view = views.view(u, v) / 255.0
                for k in range(c):
                    out[i, ..., k] += np.fft.ifft2(np.fft.fft2(view[..., k]) * phase).real
    return out / 81


def peak(size: int, slices: int, queue: multiprocessing.Queue) -> None:
    """Resident peak of a process that does nothing else; the views (0.18 GiB) count."""
    PhaseShift()(light_field(size), np.linspace(-2, 2, slices), Run(threads=2))
    queue.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def timed(work: Callable[[], np.ndarray]) -> tuple[np.ndarray, float, float]:
    """Result, seconds on the clock, seconds of all cores of this process."""
    clock, cores = time.perf_counter(), time.process_time()
    made = work()
    return made, time.perf_counter() - clock, time.process_time() - cores


def speed(size: int) -> None:
    views, disparities = light_field(size), np.linspace(-2.5, 2.5, SLICES)
    way = PhaseShift(border="wrap")
    way(views, disparities[:1])
    runs = [timed(lambda: way(views, disparities, Run(threads=2))) for _ in range(3)]
    ours = runs[0][0]
    wanted, clock, cores = timed(lambda: plain(views, disparities[:LOOPED]))
    part = SLICES / LOOPED
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue = context.Queue()
    process = context.Process(target=peak, args=(size, SLICES, queue))
    process.start()
    grown = queue.get()
    process.join()
    best, work = min(r[1] for r in runs), min(r[2] for r in runs)
    rows: list[dict[str, object]] = [
        {
            "views": f"9 x 9 x {size} x {size} RGB",
            "slices": SLICES,
            "plain loop s": round(clock * part, 2),
            "ours s": round(best, 2),
            "x faster": round(clock * part / best, 1),
            "plain CPU s": round(cores * part, 2),
            "ours CPU s": round(work, 2),
            "x less CPU": round(cores * part / work, 1),
            "peak GiB": round(grown / GIB, 2),
            "largest difference": f"{np.abs(ours[:LOOPED] - wanted).max():.1e}",
        }
    ]
    note = (
        f"Targets: at least {TARGETS['x faster']} x, at most {TARGETS['peak GiB']} GiB, equal within 1e-3. The plain "
        f"loop was run for {LOOPED} of {SLICES} slices (all cost the same) and multiplied; ours the best of 3 runs."
    )
    record("refocus", "Refocusing a light field", rows, note)


def depth() -> None:
    """Median error of `naive` at 25 slices, per refocuser."""
    folder = DATA / "lightfields" / "hci_antinous"
    views = load_light_field(folder)
    axis = FocusAxis(np.linspace(-3.2, 2.8, 25), Unit.DISPARITY_PX)
    rows: list[dict[str, object]] = []
    for name in REFOCUSERS.names():
        sample = focused(views, axis, refocuser=name)
        settings = EstimateSettings(method="naive", align="none", fusion="none")
        found = estimate(sample.stack, settings).map
        valid = found.valid & sample.truth.valid
        error = np.abs(found.values - sample.truth.values)[valid]
        rows.append(
            {
                "refocuser": name,
                "median error px": round(float(np.median(error)), 4),
                "mean error px": round(float(error.mean()), 3),
                "compared %": round(100 * float(valid.mean()), 1),
            }
        )
    default = load_stack(folder)
    note = f"Target: median below {TARGETS['median px']} px. Default focus axis: {len(default)} slices."
    record("refocus_depth", "Depth of `naive` from a refocused light field (HCI antinous, 25 slices)", rows, note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="views of 128 x 128 px")
    speed(128 if parser.parse_args().quick else SIZE)
    depth()


if __name__ == "__main__":
    main()

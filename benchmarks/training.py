"""Does making data keep up with training? A step on rendered scenes against a step on batches that are there.

    python benchmarks/training.py [--quick] [--steps N]

The network with the fewest operations per pixel, and one of middle size, train on scenes that one worker process
renders, cuts, flips and tones, and, in turns, on batches made before. A ratio of 1 means that data cost nothing; the
aim is 1.3 at most. Writes benchmarks/results/training.json.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from typing import Any

from _record import record

NETWORKS = ("dff-in-the-wild-fod500", "dfv-fod500")
AIM = 1.3
ROUNDS = 2
AHEAD = 3
"""Batches that a worker holds ready, and the one it is making."""


def batches_of(recipe: Any, steps: int, workers: int) -> Any:
    from focaldepth.training._loader import Feeder, batches
    from focaldepth.training._order import Order
    from focaldepth.training._source import source

    stage = recipe.first
    found = source(stage, None)
    feeder = Feeder(found, stage, Order(len(found), stage.settings.batch, 0))
    return batches(feeder, 0, steps, workers=workers)


def measured(name: str, steps: int, side: int) -> dict[str, object]:
    """Median seconds of a step with both kinds of data, in turns."""
    import torch

    from focaldepth.training._initial import fresh
    from focaldepth.training._optimiser import make_optimiser, set_training
    from focaldepth.training._processes import Processes
    from focaldepth.training._recipe import load_recipe
    from focaldepth.training._step import gradients

    changes = {"height": str(side + 32), "width": str(side + 32), "crop": str(side), "batch": "4", "flip_rows": "0.5",
               "flip_columns": "0.5", "contrast": "0.6", "brightness": "0.1", "gamma": "2"}  # fmt: skip
    recipe = load_recipe(name, changes, data="scenes")
    stage = recipe.first
    torch.set_num_threads(1)
    net = fresh(stage.settings.network, stage.options, 0)
    net.every_scale = stage.loss.every_scale
    set_training(net)
    optimiser = make_optimiser(net.parameters(), stage.settings)
    alone = Processes(0, 1, torch.device("cpu"))
    held = list(batches_of(recipe, 2, 0))
    begin = time.process_time()
    made = list(batches_of(recipe, 4, 0))
    one = (time.process_time() - begin) / len(made)

    def step(parts: Any) -> float:
        begin = time.process_time()
        gradients(net, stage, parts, alone)
        optimiser.step()
        return time.process_time() - begin

    live = iter(batches_of(recipe, ROUNDS * (steps + AHEAD) + 1, 1))
    step(next(live))  # the worker starts, the allocator settles
    cached_s, live_s, waited_s, walls_s = [], [], [], []
    for _ in range(ROUNDS):
        cached_s += [step(parts) for parts in itertools.islice(itertools.cycle(held), steps)]
        for k in range(steps + AHEAD):
            begin = time.perf_counter()
            given = next(live)
            waited = time.perf_counter() - begin
            used = step(given)
            if k >= AHEAD:  # those before were made during the other steps
                waited_s.append(waited)
                live_s.append(used + waited)
                walls_s.append(time.perf_counter() - begin)
    cached, rendered = statistics.median(cached_s), statistics.median(live_s)
    return {
        "recipe": name, "pictures": f"4 x {len(held[0][0].focus[0])} of {side} x {side}",
        "step on held batches, s": round(cached, 3), "step on rendered scenes, s": round(rendered, 3),
        "ratio": round(rendered / cached, 2), "aim": AIM, "waited, s": round(statistics.median(waited_s), 4),
        "making a batch, s": round(one, 3), "step by the clock, s": round(statistics.median(walls_s), 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small pictures, few steps; nothing is stored")
    parser.add_argument("--steps", type=int, default=8)
    asked = parser.parse_args()
    steps, side = (3, 64) if asked.quick else (asked.steps, 128)
    rows = [measured(name, steps, side) for name in NETWORKS]
    note = (
        "Seconds of the processor (one thread), for rendered scenes with those that the step waited for its batch; one "
        "worker makes batches beside it. The clock says more on a busy machine. On a GPU a step is shorter: take as "
        "many workers as a batch takes longer than a step."
    )
    if asked.quick:
        print(rows)
    else:
        record("training", "Making data against training", rows, note)


if __name__ == "__main__":
    main()

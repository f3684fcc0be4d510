"""Exported networks in ONNX Runtime against the fast form, in turns: seconds, and how far their depths lie apart.

    python benchmarks/networks_onnx.py [--network NAME ...] [--repeats N]

Every network is exported with random weights at 5 x 224 x 224 and runs there in both, each in a process of its own with
as many threads. Writes benchmarks/results/networks_onnx.json; rows of an earlier run stay.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from _record import RESULTS, record

from networks import ORDER, Worker, inputs_for, options_for

SHAPE = (5, 224, 224)


def write(name: str, file: Path) -> Any:
    """Export a network; returns what the export says."""
    from focaldepth.networks._export import export
    from focaldepth.networks._loaded import choose, load
    from focaldepth.networks._method import method_class

    choice = choose(method_class(name)(weights="random", device="cpu", form="reference"))
    return export(load(replace(choice, options=options_for(name, SHAPE[0]))), file, SHAPE, overwrite=True)


def worker(name: str, file: str) -> None:
    """Run once for every line on stdin; tell seconds."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    known = {one.name for one in session.get_inputs()}
    given = {key: tensor.numpy() for key, tensor in inputs_for(name, SHAPE).items() if key in known}
    given["frames"] = np.ascontiguousarray(given["frames"])
    for line in sys.stdin:
        begin = time.perf_counter()
        depth = session.run(["depth"], given)[0]
        seconds = time.perf_counter() - begin
        np.save(line.strip(), depth)
        print(json.dumps({"seconds": seconds}), flush=True)


def row(name: str, repeats: int) -> dict[str, object]:
    """Medians of runs in turns, after one that does not count."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.onnx"
        made = write(name, file)
        both = {"fast": Worker("fast", name, *SHAPE), "onnx": Worker(name, str(file), script=__file__)}
        turns = [
            {key: one.turn(f"{folder}/{key}.npy")["seconds"] for key, one in both.items()} for _ in range(repeats + 1)
        ]
        for one in both.values():
            one.close()
    seconds = {key: statistics.median(turn[key] for turn in turns[1:]) for key in both}
    return {
        "network": name, "varies": ", ".join(made.dynamic) or "nothing", "fast s": round(seconds["fast"], 3),
        "ONNX Runtime s": round(seconds["onnx"], 3), "fast is faster, x": round(seconds["onnx"] / seconds["fast"], 2),
        "differs from PyTorch by": f"{made.difference:.0e}",
    }  # fmt: skip


def main() -> None:
    """One table, written after every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", action="append", choices=ORDER, help="only this one; may be repeated")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        worker(*chosen.worker)
        return
    path = RESULTS / "networks_onnx.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    for name in chosen.network or ORDER:
        rows = [one for one in rows if one["network"] != name] + [row(name, chosen.repeats)]
        rows.sort(key=lambda one: ORDER.index(str(one["network"])))
        record("networks_onnx", "Networks: ONNX Runtime against the fast form", rows, f"N x H x W = {SHAPE}, float32.")


if __name__ == "__main__":
    main()

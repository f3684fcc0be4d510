"""Time and peak memory of every network: its readable reference against the form that runs, and this machine's ceiling.

    python benchmarks/networks.py [--quick] [--network NAME ...] [--repeats N]

Each form lives in a process of its own, so that its peak memory is its own; the processes take turns, so that a busy
machine slows all of them alike. Weights are random: time does not depend on them. bf16 rows where the processor has
bf16 instructions. `--network` measures some networks anew and keeps the other rows. Writes
benchmarks/results/networks.json, and networks_parts.json: the parameters of "in the wild" beside those of its paper.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from _record import RESULTS, record

SHAPES = ((5, 224, 224), (10, 224, 224), (10, 384, 576))
TARGETS = {
    "dfv": 1.3, "fv": 1.3, "ddffnet": 1.3, "defocusnet": 1.4, "aifdepthnet": 1.6,
    "dff-in-the-wild": 3.0, "dff-in-the-wild-e2e": 3.0,
}  # fmt: skip
"""Least speed-up of the fast form over the reference."""
ORDER = (*TARGETS, "pspnet-dff", "defocusnet-coc", "defocusnet-recurrent")
CEILING = "ceiling"
PARTS = (("optical_flow_aggregation.", "alignment", 0.195), ("DFF_net.FM_", "feature extraction", 0.067),
         ("DFF_net.SPP_module.", "aggregation", 2.883), ("DFF_net.", "refinement", 1.067))  # fmt: skip
PARTS_NOTE = "All: those of the official checkpoint; used: those that take part in the result."
MIB = 2**20


def has_bf16() -> bool:
    """Whether the processor computes in bf16 itself."""
    info = Path("/proc/cpuinfo")
    return info.exists() and bool({"amx_bf16", "avx512_bf16"} & set(info.read_text().split()))


# What the processes do.


class Net(Protocol):
    def __call__(self, **inputs: Any) -> Any: ...


def options_for(name: str, frames: int) -> Any:
    """The default options; with N as the network is asked for where a layer fixes it."""
    from focaldepth.networks._spec import NETWORKS

    default: Any = NETWORKS.get(name).default
    return replace(default, frames=frames) if default.limits.fixed_frames else default


def inputs_for(name: str, shape: tuple[int, int, int], device: str = "cpu") -> dict[str, Any]:
    """Pictures of noise, and focus positions of uneven steps."""
    import torch

    from focaldepth.networks._spec import NETWORKS

    n, h, w = shape
    random = torch.Generator().manual_seed(1)
    # Channels last, as the runner makes them.
    frames = torch.rand(n, h, w, 3, generator=random).permute(0, 3, 1, 2)[None]
    given = {"frames": frames.to(device), "focus": torch.linspace(0.3, 1.0, n).square()[None].to(device)}
    return given | {key: torch.linspace(1.05, 1.0, n)[None].to(device) for key in NETWORKS.get(name).inputs}


def status(field: str) -> int:
    """Bytes of a line of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return 0


def make_net(name: str, form: str, shape: tuple[int, int, int]) -> Net:
    from focaldepth.networks._fast import Fast
    from focaldepth.networks._loaded import WANTED, random_net

    net = random_net(name, options_for(name, shape[0])).requires_grad_(False)
    return net if form == "reference" else Fast(net, bfloat16=form == "bf16", wanted=WANTED)


def worker(form: str, name: str, shape: tuple[int, int, int]) -> None:
    """Run once for every line on stdin; tell seconds, peak bytes above the interpreter, and where the depth lies."""
    import torch

    from focaldepth.networks import _fast, _loaded  # noqa: F401 - so that the interpreter counts with them

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.mm(torch.ones(64, 64), torch.ones(64, 64))
    given = inputs_for(name, shape)
    before = status("VmRSS")
    net = make_net(name, form, shape)
    for line in sys.stdin:
        begin = time.perf_counter()
        with torch.inference_mode():
            depth = net(**given).depth
        seconds = time.perf_counter() - begin
        np.save(line.strip(), depth.numpy())
        del depth
        print(json.dumps({"seconds": seconds, "peak": status("VmHWM") - before}), flush=True)


def ceiling_worker() -> None:
    """GFLOP/s of a large channels-last 2D convolution and of a matrix product, in fp32 and bf16."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    x = torch.rand(8, 128, 96, 144).contiguous(memory_format=torch.channels_last)
    weight = torch.rand(128, 128, 3, 3).contiguous(memory_format=torch.channels_last)
    a = torch.rand(2048, 2048)
    works = {"conv": (lambda x, w: functional.conv2d(x, w, padding=1), (x, weight), 2 * x.numel() * 128 * 9),
             "matmul": (torch.mm, (a, a), 2 * 2048**3)}  # fmt: skip
    types = (torch.float32, torch.bfloat16) if has_bf16() else (torch.float32,)
    for _ in sys.stdin:
        found = {}
        for key, (work, args, flop) in works.items():
            for dtype in types:
                own = [arg.to(dtype) for arg in args]
                with torch.inference_mode():
                    work(*own)
                    begin = time.perf_counter()
                    work(*own)
                found[f"{key} {dtype}".replace("torch.", "")] = flop / (time.perf_counter() - begin) / 1e9
        print(json.dumps(found), flush=True)


# What this process does.


class Worker:
    """One of those processes."""

    def __init__(self, *args: object, script: str = __file__) -> None:
        command = [sys.executable, script, "--worker", *map(str, args)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def turn(self, word: str = "") -> dict[str, float]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self._process.args} failed")
        return dict(json.loads(answer))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def gflop(name: str, shape: tuple[int, int, int]) -> float:
    """Of the reference, by PyTorch's counter: convolutions and matrix products, 2 per multiplication with sum."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from focaldepth.networks._net import build

    with torch.device("meta"):
        net = build(name, options_for(name, shape[0]))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(**inputs_for(name, shape, "meta"))
    return counter.get_total_flops() / 1e9


def measure(name: str, shape: tuple[int, int, int], repeats: int) -> dict[str, object]:
    """One row: medians of runs of all forms that take turns, after one run that does not count."""
    forms = ("reference", "fast", "bf16") if has_bf16() else ("reference", "fast")
    n, h, w = shape
    with tempfile.TemporaryDirectory() as folder:
        files = {form: f"{folder}/{form}.npy" for form in forms}
        workers = {form: Worker(form, name, n, h, w) for form in forms}
        roof = Worker(CEILING)
        for form, one in workers.items():
            one.turn(files[form])
        turns = [
            {CEILING: roof.turn(), **{form: one.turn(files[form]) for form, one in workers.items()}}
            for _ in range(repeats)
        ]
        depth = {form: np.load(file) for form, file in files.items()}
        for one in (*workers.values(), roof):
            one.close()
    seconds = {form: statistics.median(t[form]["seconds"] for t in turns) for form in forms}
    peak = {form: max(t[form]["peak"] for t in turns) / MIB for form in forms}
    top = {key: statistics.median(t[CEILING][key] for t in turns) for key in turns[0][CEILING]}
    return row(name, shape, seconds, peak, top, depth)


def span_of(name: str, shape: tuple[int, int, int], depth: Any) -> float:
    """The range of the focus positions; of its depth for a network that is not bound to them."""
    from focaldepth.networks._spec import NETWORKS

    bound = "probability" in NETWORKS.get(name).gives
    return float(np.ptp(np.linspace(0.3, 1.0, shape[0]) ** 2 if bound else depth))


def row(
    name: str,
    shape: tuple[int, int, int],
    seconds: dict[str, float],
    peak: dict[str, float],
    top: dict[str, float],
    depth: dict[str, Any],
) -> dict[str, object]:
    total = gflop(name, shape)
    found: dict[str, object] = {
        "network": name,
        "N x H x W": "x".join(map(str, shape)),
        "GFLOP": round(total, 1),
        "reference s": round(seconds["reference"], 3),
        "fast s": round(seconds["fast"], 3),
        "x": round(seconds["reference"] / seconds["fast"], 2),
        "target x": TARGETS.get(name, ""),
        "GFLOP/s": round(total / seconds["fast"]),
        "conv GFLOP/s": round(top["conv float32"]),
        "matmul GFLOP/s": round(top["matmul float32"]),
        "% of conv": round(100 * total / seconds["fast"] / top["conv float32"]),
        "reference MiB": round(peak["reference"]),
        "fast MiB": round(peak["fast"]),
        "memory": round(peak["fast"] / peak["reference"], 2),
    }
    if "bf16" in seconds:
        moved = 100 * np.abs(depth["bf16"] - depth["reference"]) / span_of(name, shape, depth["reference"])
        found |= {
            "bf16 s": round(seconds["bf16"], 3),
            "bf16 x on top": round(seconds["fast"] / seconds["bf16"], 2),
            "bf16 conv GFLOP/s": round(top["conv bfloat16"]),
            "bf16 moves depth by, mean %": round(float(moved.mean()), 3),
            "largest %": round(float(moved.max()), 3),
        }
    return found


def parts() -> list[dict[str, object]]:
    """Parameters of the parts of "in the wild", all and those that take part in the result."""
    import torch

    from focaldepth.networks._net import build
    from focaldepth.networks._tape import trace

    name, shape = "dff-in-the-wild-e2e", (10, 32, 32)
    with torch.device("meta"):
        net = build(name)
    net.every_scale = True
    tape, _ = trace(net, inputs_for(name, shape, "meta"), lambda out: dict(enumerate(s.depth for s in out.scales)))
    used = {value.source for step in tape.steps for value in step.reads if value.source}
    sizes = {key: p.numel() for key, p in net.named_parameters()}
    rows, left = [], set(sizes)
    for prefix, part, paper in PARTS:
        own = {key for key in left if key.startswith(prefix)}
        left -= own
        every, taken = sum(sizes[k] for k in own), sum(sizes[k] for k in own & used)
        rows.append({"part": part, "all": every, "used": taken, "used, M": round(taken / 1e6, 3), "paper, M": paper})
    total = {key: sum(r[key] for r in rows) for key in ("all", "used")}
    last = {"used, M": round(total["used"] / 1e6, 3), "paper, M": round(sum(p[2] for p in PARTS), 3)}
    return [*rows, {"part": "total", **total, **last}]


def kept(names: list[str], sizes: list[str]) -> list[dict[str, object]]:
    """Rows of an earlier run for other networks and sizes than these."""
    path = RESULTS / "networks.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    return [one for one in rows if one["network"] not in names or one["N x H x W"] not in sizes]


def store(rows: list[dict[str, object]]) -> None:
    """Write the table; after every row, because rows take minutes."""
    rows.sort(key=lambda one: (ORDER.index(str(one["network"])), float(str(one["GFLOP"]))))
    note = (
        "Medians, batch 1, forms in turn. x: reference over fast. Peak memory above the interpreter with PyTorch, "
        "weights included. Ceiling: 3x3 convolution 128 -> 128, channels last; 2048^3 matrix product. Moves of depth: "
        "of the focus range, or of the range of depth for networks that regress it."
    )
    record("networks", "Networks: reference and fast form", rows, note)


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the smallest size only, one repeat")
    parser.add_argument("--network", action="append", choices=ORDER, help="only this one; may be repeated")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        form, *rest = chosen.worker
        if form == CEILING:
            ceiling_worker()
        else:
            worker(form, rest[0], (int(rest[1]), int(rest[2]), int(rest[3])))
        return
    names = chosen.network or list(ORDER)
    sizes = ["x".join(map(str, shape)) for shape in (SHAPES[:1] if chosen.quick else SHAPES)]
    rows = kept(names, sizes)
    for name in names:
        for shape in SHAPES[:1] if chosen.quick else SHAPES:
            rows.append(measure(name, shape, 1 if chosen.quick else chosen.repeats))
            store(rows)
    if not chosen.network:
        record("networks_parts", 'Parameters of "in the wild" beside its paper', parts(), PARTS_NOTE)


if __name__ == "__main__":
    main()

"""Time and peak memory of the whole command against the floor: decoding the same files on the same cores.

    python benchmarks/speed.py [--quick]

Every run is a fresh `focaldepth estimate` process with all outputs and the report. Prints two tables and writes
benchmarks/results/speed.json and scaling.json.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from _record import record
from _stacks import SIZES, make

from focaldepth.io._reader import READERS

GIB = 2**30
RUNS = (("classical-fast", "none", 6.0), ("classical-fast", "ecc", 10.0), ("classical", "none", 25.0))
"""Method, alignment, and at most how many times the decoding it may take."""
FRAMES = (10, 30, 120)


def decode(folder: Path) -> float:
    """Seconds to decode all files with our reader, one thread per core."""
    reader = READERS.get("jpeg")
    files = sorted(folder.glob("*.jpg"))
    begin = time.perf_counter()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for _ in pool.map(lambda f: reader.read(f).shape, files):
            pass
    return time.perf_counter() - begin


def run(folder: Path, method: str, align: str) -> tuple[float, int]:
    """Seconds and peak resident bytes of one command, start-up and outputs included."""
    out = folder.with_name(folder.name + "_out")
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "focaldepth", "estimate", str(folder), "-o", str(out), "--quiet"]
    begin = time.perf_counter()
    process = subprocess.Popen([*command, "--method", method, "--align", align])
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} failed")
    seconds = time.perf_counter() - begin
    shutil.rmtree(out)
    return seconds, usage.ru_maxrss * 1024


def measure(folder: Path, method: str, align: str, repeats: int) -> dict[str, object]:
    """Medians of runs that take turns with the floor, so that both see the same machine."""
    floors, times, memory = [], [], 0
    for _ in range(repeats):
        floors.append(decode(folder))
        seconds, peak = run(folder, method, align)
        times.append(seconds)
        memory = max(memory, peak)
    frames = len(list(folder.glob("*.jpg")))
    floor, total = statistics.median(floors), statistics.median(times)
    return {
        "method": method,
        "align": align,
        "frames": frames,
        "decode s/frame": round(floor / frames, 4),
        "total s/frame": round(total / frames, 4),
        "x decode": round(total / floor, 2),
        "peak GiB": round(memory / GIB, 2),
    }


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one repeat, no scaling table")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        stack = make(Path(folder), 24, 30)
        rows = [{**measure(stack, m, a, 1 if quick else 5), "target x": target} for m, a, target in RUNS]
        record("speed", "24 MP, N = 30, all outputs and the report", rows, "Medians of 5.")
    if quick:
        return
    rows = []
    for megapixels in SIZES:
        for frames in FRAMES:
            with tempfile.TemporaryDirectory() as folder:
                row = measure(
                    make(Path(folder), megapixels, frames), "classical-fast", "none", 1 if megapixels > 6 else 3
                )
            rows.append({"MP": megapixels, **row})
    record("scaling", "Growth with pixels and frames, --align none", rows, "Linear: the ratio to decoding stays.")


if __name__ == "__main__":
    main()

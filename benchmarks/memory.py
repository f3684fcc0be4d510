"""Peak memory of whole commands against the estimate that they print before they start.

    python benchmarks/memory.py [--quick] [--large]

Every run is a fresh `focaldepth estimate` process with all outputs and the report; its peak is what the system counts
(getrusage). `--large` adds 100 JPEG frames of 24 megapixels for `classical-fast` and 300 for `classical`. Writes
benchmarks/results/memory.json.
"""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import tifffile
from _record import DATA, record
from _stacks import SOURCE, make, mirrored

MIB = 2**20
SIZES = {2: (1152, 1728), 6: (2000, 3000), 12: (3000, 4000)}
KINDS = ("grey 8 bit", "8 bit", "16 bit", "float")
METHODS = ("naive", "classical-fast", "classical")
LARGE = (("classical-fast", "ecc", 100, "4GiB"), ("classical", "none", 300, "8GiB"))
LAUNCHER = """
import os, subprocess, sys
_, status, usage = os.wait4(subprocess.Popen(sys.argv[1:]).pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""
"""Linux counts the memory of the process that starts another into the peak of that other; this one is small."""
TOLD = re.compile(r"at most about ([\d.]+) (\w+)")


def write(folder: Path, megapixels: int, kind: str, frames: int = 8) -> Path:
    """Write a stack of one kind of pixels: JPEG for 8-bit colour, uncompressed TIFF else."""
    files = sorted((DATA / SOURCE).glob("frame_*.jpg"))
    target = folder / f"{megapixels} {kind}"
    target.mkdir()
    for i in range(frames):
        picture = mirrored(cv2.imread(str(files[i * (len(files) - 1) // (frames - 1)])), *SIZES[megapixels])
        if kind == "8 bit":
            cv2.imwrite(str(target / f"{i:02d}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 91])
            continue
        pixels = {
            "grey 8 bit": lambda p: p[..., 1],
            "16 bit": lambda p: p[..., ::-1].astype(np.uint16) * 257,
            "float": lambda p: p[..., ::-1].astype(np.float32) / 255,
        }[kind](picture)
        tifffile.imwrite(target / f"{i:02d}.tif", pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack")
    return target


def run(folder: Path, *args: str) -> tuple[float, float]:
    """Estimate and peak of one command in MiB."""
    out = folder.with_name("out")
    command = [sys.executable, "-m", "focaldepth", "estimate", str(folder), "-o", str(out), *args]
    done = subprocess.run([sys.executable, "-c", LAUNCHER, *command], capture_output=True, text=True, check=True)
    code, peak = map(int, done.stdout.split())
    if code:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    shutil.rmtree(out)
    number, unit = TOLD.search(done.stderr).groups()  # type: ignore[union-attr]
    return float(number) * {"KiB": 1 / 1024, "MiB": 1, "GiB": 1024}[unit], peak * 1024 / MIB


def row(folder: Path, facts: dict[str, object], *args: str) -> dict[str, object]:
    told, peak = run(folder, *args)
    return {**facts, "told MiB": round(told), "peak MiB": round(peak), "told / peak": round(told / peak, 2)}


def main() -> None:
    """One table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 megapixels only")
    parser.add_argument("--large", action="store_true", help="100 and 300 frames of 24 megapixels, too")
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for megapixels, kind in itertools.product([2] if chosen.quick else SIZES, KINDS):
            folder = write(place, megapixels, kind)
            for method, align in itertools.product(METHODS, ("none", "ecc")):
                facts = {"MP": megapixels, "pixels": kind, "frames": 8, "method": method, "align": align}
                rows.append(row(folder, facts, "--method", method, "--align", align))
            shutil.rmtree(folder)
        if chosen.large:
            for method, align, frames, limit in LARGE:
                folder = make(place, 24, frames)
                facts = {"MP": 24, "pixels": "8 bit", "frames": frames, "method": method, "align": align}
                rows.append(row(folder, facts, "--method", method, "--align", align, "--max-memory", limit))
                shutil.rmtree(folder)
    worst = max(float(str(r["told / peak"])) for r in rows), min(float(str(r["told / peak"])) for r in rows)
    record(
        "memory",
        "Memory told before the start and used",
        rows,
        f"Told / peak: {worst[1]} to {worst[0]}. How many depths `classical` tries is known "
        "only after reading; what it tells is a bound.",
    )


if __name__ == "__main__":
    main()

"""Peak memory of whole runs of networks against what is told before the start, with and without a limit.

    python benchmarks/networks_memory.py [--quick] [--large] [--network NAME ...]

Every run is a fresh `focaldepth estimate` process with all outputs and the report, random weights (memory does not
depend on them), and its peak is what the system counts. `--large` measures ten frames of 24 megapixels under 4 GiB
instead, in bfloat16 where the processor has it. Rows of an earlier run stay. Writes
benchmarks/results/networks_memory.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from _record import DATA, RESULTS, record
from _stacks import SOURCE, mirrored
from memory import LAUNCHER, MIB, TOLD

from networks import has_bf16

NETWORKS = ("dfv", "dff-in-the-wild", "dff-in-the-wild-e2e", "defocusnet", "defocusnet-coc", "defocusnet-recurrent",
            "aifdepthnet", "ddffnet", "pspnet-dff")  # fmt: skip
SLOW = ("ddffnet", "pspnet-dff")
"""Ten times the arithmetic of the others: the small sizes only."""
WHOLE = "dff-in-the-wild-e2e"
SMALL, MIDDLE, TILED, LARGE = (256, 384, 5), (512, 768, 5), (1152, 1728, 5), (4000, 6000, 10)
LIMIT, LARGE_LIMIT = "1GiB", "4GiB"


def write(folder: Path, height: int, width: int, frames: int) -> Path:
    """Write a stack of JPEG frames, mirrored from a real one, with focus positions in dioptres."""
    files = sorted((DATA / SOURCE).glob("frame_*.jpg"))
    target = folder / f"{height}x{width}x{frames}"
    if target.exists():
        return target
    target.mkdir()
    for i in range(frames):
        picture = mirrored(cv2.imread(str(files[i * (len(files) - 1) // (frames - 1)])), height, width)
        cv2.imwrite(str(target / f"{i:02d}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 91])
    return target


def row(network: str, folder: Path, limit: str, *more: str) -> dict[str, object]:
    """One run."""
    out = folder.with_name("out")
    height, width, frames = map(int, folder.name.split("x"))
    focus = ",".join(f"{v:.4f}" for v in np.linspace(10, 1, frames))
    command = [
        sys.executable, "-m", "focaldepth", "estimate", str(folder), "-o", str(out), "--method", network,
        "--weights", "random", "--align", "none", "--focus", focus, "--focus-unit", "dioptre",
        "--optics", "focal_length=4mm", "--optics", "disparity_scale_m_px=0.1", *more,
    ]  # fmt: skip
    command += ["--max-memory", limit] if limit else []
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", LAUNCHER, *command], capture_output=True, text=True, check=True)
    code, peak = map(int, done.stdout.split())
    if code:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    shutil.rmtree(out)
    number, unit = TOLD.search(done.stderr).groups()  # type: ignore[union-attr]
    told, held = float(number) * {"KiB": 1 / 1024, "MiB": 1, "GiB": 1024}[unit], peak * 1024 / MIB
    facts = {"network": network, "N x H x W": f"{frames}x{height}x{width}", "limit": limit or "none"}
    facts |= {"precision": "bfloat16" if any("bfloat16" in one for one in more) else "float32"}
    seconds = round(time.perf_counter() - start, 1)
    return {
        **facts,
        "told MiB": round(told),
        "peak MiB": round(held),
        "told / peak": round(told / held, 2),
        "s": seconds,
    }


def kept(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Rows of an earlier run that were not measured anew."""
    path = RESULTS / "networks_memory.json"
    old = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    names = ("network", "N x H x W", "limit", "precision")
    anew = {tuple(one[name] for name in names) for one in rows}
    return [one for one in old if tuple(one[name] for name in names) not in anew]


def runs(chosen: argparse.Namespace) -> list[tuple[str, tuple[int, int, int], str, tuple[str, ...]]]:
    """Network, size, limit and further options of every run."""
    narrow = ("--set", "precision=bfloat16") if has_bf16() else ()
    found: list[tuple[str, tuple[int, int, int], str, tuple[str, ...]]] = []
    for name in chosen.network or (("dfv", "dff-in-the-wild") if chosen.large else NETWORKS):
        if chosen.large:
            found.append((name, LARGE, LARGE_LIMIT, narrow))
            continue
        found.append((name, SMALL, "", ()))
        if not chosen.quick and name not in SLOW:
            found.append((name, MIDDLE, "", ()))
            found += [] if name == WHOLE else [(name, TILED, LIMIT, ())]
    return found


def store(rows: list[dict[str, object]]) -> None:
    """Write the table; after every run, because runs are long."""
    rows = sorted(
        [*kept(rows), *rows], key=lambda one: (NETWORKS.index(str(one["network"])), len(str(one["N x H x W"])))
    )
    ratios = [float(str(one["told / peak"])) for one in rows]
    note = (
        f"Told / peak: {min(ratios)} to {max(ratios)}. Whole commands with all outputs; random weights. "
        "Seconds of a busy machine."
    )
    record("networks_memory", "Networks: memory told before the start and used", rows, note)


def main() -> None:
    """One table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the smallest size only")
    parser.add_argument("--large", action="store_true", help="ten frames of 24 megapixels under 4 GiB, nothing else")
    parser.add_argument("--network", action="append", choices=NETWORKS, help="only this one; may be repeated")
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as temporary:
        for name, size, limit, more in runs(parser.parse_args()):
            rows.append(row(name, write(Path(temporary), *size), limit, *more))
            store(rows)


if __name__ == "__main__":
    main()

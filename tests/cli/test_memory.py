"""The memory that is told before the start is kept, and not far above what a run takes (R40)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import focaldepth
from focaldepth._memory import held_bytes, memory_needed, working_memory
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import METHODS
from focaldepth.io.load import load_stack

SRC = Path(focaldepth.__file__).parents[1]
SHAPE = (1300, 1700)
"""2.2 megapixels: above the size from which classical-fast works on a coarser grid."""
KINDS = {"uint8": 1, "uint16": 257, "float32": 1 / 255}


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Four frames of every data type, drifting by two pixels, in uncompressed TIFF."""
    noise = np.random.default_rng(1).integers(0, 256, (SHAPE[0] // 4, SHAPE[1] // 4, 3)).astype(np.uint8)
    wide = np.repeat(np.repeat(np.pad(noise, ((4, 4), (4, 4), (0, 0)), mode="wrap"), 4, 0), 4, 1)
    found = {}
    for name, factor in KINDS.items():
        folder = found[name] = tmp_path_factory.mktemp(name)
        for i in range(4):
            frame = wide[2 * i : 2 * i + SHAPE[0], i : i + SHAPE[1]]
            tifffile.imwrite(folder / f"{i}.tif", (frame * np.dtype(name).type(factor)).astype(name), photometric="rgb")
    return found


LAUNCHER = """
import os, subprocess, sys
_, status, usage = os.wait4(subprocess.Popen(sys.argv[1:]).pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""
"""Linux counts the memory of the process that starts another into the peak of that other; this one is small."""


def run(folder: Path, out: Path, *args: str) -> tuple[int, str, int]:
    """Exit code, messages and peak resident bytes of one command in a process of its own."""
    command = [sys.executable, "-m", "focaldepth", "estimate", str(folder), "-o", str(out), "--threads", "2", *args]
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )
    code, peak = map(int, done.stdout.split())
    return code, done.stderr, peak * (1 if sys.platform == "darwin" else 1024)


def told(said: str) -> float:
    """Bytes that the line "memory" announces."""
    found = re.search(r"at most about ([\d.]+) (\w+)", said)
    assert found, said
    return float(found[1]) * {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[found[2]]


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system does not tell the memory of a child")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("align", ["none", "ecc"])
@pytest.mark.parametrize("method", ["naive", "classical-fast"])
def test_a_run_takes_what_was_told(stacks, tmp_path: Path, method: str, align: str, kind: str) -> None:
    code, said, peak = run(stacks[kind], tmp_path / "out", "--method", method, "--align", align)
    assert code == 0, said
    assert peak <= told(said) <= 1.4 * peak, f"told {told(said) / 2**20:.0f}, used {peak / 2**20:.0f} MiB"


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system does not tell the memory of a child")
@pytest.mark.parametrize("args", [("--fusion", "none"), ("--fusion", "colour"), ("--fill",)])
def test_options_count(stacks, tmp_path: Path, args: tuple[str, ...]) -> None:
    code, said, peak = run(stacks["uint8"], tmp_path / "out", "--method", "classical-fast", "--align", "none", *args)
    assert code == 0, said
    assert peak <= told(said) <= 1.4 * peak, f"told {told(said) / 2**20:.0f}, used {peak / 2**20:.0f} MiB"


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system does not tell the memory of a child")
@pytest.mark.parametrize("method", ["classical", "semi-global", "vdff"])
def test_volume_methods_stay_below_what_was_told(stacks, tmp_path: Path, method: str) -> None:
    """How many depths are tried depends on the blur, so this is a bound and no estimate."""
    code, said, peak = run(stacks["uint8"], tmp_path / "out", "--method", method, "--align", "none")
    assert code == 0, said
    assert peak <= told(said)


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system does not tell the memory of a child")
def test_models_count_as_if_every_pixel_were_valid(stacks, tmp_path: Path) -> None:
    code, said, peak = run(stacks["uint8"], tmp_path / "out", "--align", "none", "--3d", "ply,glb,stl")
    assert code == 0, said
    assert peak <= told(said)


def test_a_tight_limit_is_kept(stacks, tmp_path: Path) -> None:
    """What is told fits as a limit, a little less is refused with what would fit, and that does."""
    args = ("--method", "classical-fast", "--align", "none", "--no-report")
    code, said, _ = run(stacks["uint8"], tmp_path / "a", *args)
    assert code == 0
    limit = int(told(said) / 2**20)
    code, _, peak = run(stacks["uint8"], tmp_path / "b", *args, "--max-memory", f"{limit + 1}MiB")
    assert code == 0
    assert peak <= (limit + 1) * 2**20
    code, said, _ = run(stacks["uint8"], tmp_path / "c", *args, "--max-memory", f"{limit - 2}MiB")
    assert code == 2
    assert "--fusion none would fit" in said
    assert not (tmp_path / "c").exists()
    code, _, peak = run(stacks["uint8"], tmp_path / "d", *args, "--fusion", "none", "--max-memory", f"{limit - 2}MiB")
    assert code == 0
    assert peak <= (limit - 2) * 2**20


def test_frames_that_lie_in_memory_count(tmp_path: Path) -> None:
    """Arrays, and packed npz stacks, which are unpacked at once; files and unpacked npz stay outside."""
    frames = np.random.default_rng(0).integers(0, 256, (5, 40, 60, 3)).astype(np.uint8)
    stack = FocalStack.from_arrays(frames)
    assert held_bytes(stack.reversed().source) == frames.nbytes
    np.savez_compressed(tmp_path / "packed.npz", frames=frames)
    np.savez(tmp_path / "plain.npz", frames=frames)
    np.save(tmp_path / "plain.npy", frames)
    held = {n: held_bytes(load_stack(tmp_path / n).source) for n in ("packed.npz", "plain.npz", "plain.npy")}
    assert held == {"packed.npz": frames.nbytes, "plain.npz": 0, "plain.npy": 0}


def test_a_method_without_a_model_of_its_own_counts_by_pixel() -> None:
    class Plain:
        spec = METHODS.get("naive").spec

    stack = FocalStack.from_arrays(np.zeros((3, 100, 100), np.uint8))
    assert working_memory(Plain(), stack, Run()).reading == 10_000 * Plain.spec.bytes_per_pixel  # type: ignore[arg-type]
    assert memory_needed(stack, Plain(), Run(), aligned=False) > 90 << 20  # type: ignore[arg-type]


def test_more_threads_need_more() -> None:
    big = FocalStack.from_arrays(np.broadcast_to(np.zeros((1, 1, 1, 3), np.float32), (40, 2000, 3000, 3)))
    naive = METHODS.get("naive")()
    assert memory_needed(big, naive, Run(threads=32)) > 1.5 * memory_needed(big, naive, Run(threads=2))

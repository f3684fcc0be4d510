"""Ctrl-C, SIGTERM, kill -9 and a full disk in the middle: nothing half-written stays (R41)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import focaldepth

SRC = Path(focaldepth.__file__).parents[1]
Frames = tuple[np.ndarray, ...]

SLOW = """
import sys, time
from focaldepth.io import {module} as module
plain = module.{function}
def slow(*args, **options):
    print("now", file=sys.stderr, flush=True)
    time.sleep({seconds})
    return plain(*args, **options)
module.{function} = slow
from focaldepth.cli import main
main()
"""
"""The command line in which one step takes long, so that the signal arrives in it."""

STEPS = {"reading": ("load", "load_sample"), "writing": ("result_folder", "write_mask")}


def start(step: str, *args: object, seconds: float = 20) -> subprocess.Popen[str]:
    """Start a run and wait until it is inside the step."""
    module, function = STEPS[step]
    code = SLOW.format(module=module, function=function, seconds=seconds)
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )
    assert process.stderr
    while process.stderr.readline().strip() != "now":
        assert process.poll() is None
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_reading(write, scene: Frames, tmp_path: Path, number: signal.Signals) -> None:
    folder = write(scene)
    process = start("reading", "estimate", folder, "-o", tmp_path / "out", "--method", "naive")
    begin = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - begin < 5
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "focaldepth: interrupted; nothing was written"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["stack"]


def test_stopped_while_writing(write, scene: Frames, tmp_path: Path) -> None:
    """The hidden neighbour is cleaned up, an old result stays."""
    folder = write(scene)
    process = start("writing", "estimate", folder, "-o", tmp_path / "out", "--method", "naive", seconds=1.5)
    assert any(p.name.startswith(".out.partial") for p in tmp_path.iterdir())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "focaldepth: interrupted; nothing was written"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["stack"]


def test_killed_while_writing(cli, write, scene: Frames, tmp_path: Path) -> None:
    """After kill -9 there is no result; the next run sweeps what is left and ends well."""
    folder = write(scene)
    process = start("writing", "estimate", folder, "-o", tmp_path / "out", "--method", "naive")
    process.kill()
    process.wait(10)
    assert not (tmp_path / "out").exists()
    assert cli("estimate", folder, "-o", tmp_path / "out", "--method", "naive").code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "stack"]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_run_again_after_a_kill_gives_the_same_bytes(cli, write, scene: Frames, tmp_path: Path) -> None:
    """A run is short and repeatable, so it is resumed by starting it again (R41)."""
    folder = write(scene)
    assert cli("estimate", folder, "-o", tmp_path / "whole").code == 0
    for seconds in (0.0, 0.3, 0.7):
        process = start("reading", "estimate", folder, "-o", tmp_path / "out", seconds=0.05)
        time.sleep(seconds)
        process.kill()
        process.communicate()
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
    assert cli("estimate", folder, "-o", tmp_path / "out").code == 0
    for name in ("depth.tiff", "sigma.tiff", "valid.png", "index.tiff", "source_frame.png"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_disk_full(write, scene: Frames, tmp_path: Path) -> None:
    """A real small disk: one sentence, exit code 1, no result and no rest."""
    folder = write(scene)
    disk = tmp_path / "disk"
    disk.mkdir()
    run = f"{sys.executable} -m focaldepth estimate {folder} -o {disk}/out --method naive --quiet"
    script = f"mount -t tmpfs -o size=64k none {disk} || exit 77; {run}; code=$?; ls -A {disk}; exit $code"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )
    if done.returncode in (77, 1) and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip("may not mount here")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("focaldepth: ")
    assert "disk is full" in done.stderr
    assert done.stderr.count("\n") == 1


def test_disk_full_without_a_disk(cli, write, scene: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same from an error of the system while a file is written."""
    import errno

    from focaldepth.io import result_folder

    def full(path: Path, mask: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(result_folder, "write_mask", full)
    out = cli("estimate", write(scene), "-o", tmp_path / "out", "--method", "naive", "--quiet")
    assert (out.code, out.out) == (1, "")
    assert "disk is full" in out.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["stack"]

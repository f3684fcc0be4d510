"""Start-up: fast, and with nothing heavy imported (R45)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import focaldepth

SRC = Path(focaldepth.__file__).parents[1]
ENV = {**os.environ, "PYTHONPATH": str(SRC)}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_quick_start(option: str) -> None:
    """The best of five cold starts takes at most 0.3 s."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "focaldepth", option], env=ENV, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    assert min(times) <= 0.3


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_loads_click_only(option: str) -> None:
    """Help and version import no numpy, no rich and no sub-command."""
    code = f"import sys; from focaldepth.cli._guard import run; run([{option!r}]); print(*sys.modules, sep='\\n')"
    out = subprocess.run([sys.executable, "-c", code], env=ENV, check=True, capture_output=True, text=True).stdout
    loaded = set(out.splitlines())
    assert not loaded & {"numpy", "rich", "scipy", "cv2", "focaldepth.estimate", "focaldepth.cli.estimate"}
    assert "click" in loaded


def test_entry_point_is_the_module() -> None:
    """The installed script and ``python -m focaldepth`` are one function."""
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["focaldepth"] == "focaldepth.cli:main"
    out = subprocess.run([sys.executable, "-m", "focaldepth", "--version"], env=ENV, capture_output=True, text=True)
    assert out.stdout.startswith("focaldepth ")


def test_completion_script() -> None:
    """The line of the help text prints a completion script; option values complete by name."""
    env = {**ENV, "_FOCALDEPTH_COMPLETE": "zsh_source"}
    out = subprocess.run([sys.executable, "-m", "focaldepth"], env=env, capture_output=True, text=True)
    assert out.returncode == 0
    assert "compdef" in out.stdout
    env = {
        **ENV,
        "_FOCALDEPTH_COMPLETE": "zsh_complete",
        "COMP_WORDS": "focaldepth estimate x --method ",
        "COMP_CWORD": "4",
    }
    out = subprocess.run([sys.executable, "-m", "focaldepth"], env=env, capture_output=True, text=True)
    assert "classical" in out.stdout.split()

"""Run the command line in this process, through its guard."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from focaldepth.cli._guard import run

SRC = Path(__file__).parents[2] / "src"


@dataclass(frozen=True)
class Outcome:
    """What one invocation gave."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Call the command line here; output of C libraries is seen, too."""

    def call(*args: object) -> Outcome:
        capfd.readouterr()
        code = run([str(a) for a in args])
        return Outcome(code, *capfd.readouterr())

    return call


@pytest.fixture
def fresh() -> Callable[..., subprocess.Popen[str]]:
    """Start the command line in a fresh process."""

    def start(*args: object, **options: object) -> subprocess.Popen[str]:
        env = {**os.environ, "PYTHONPATH": str(SRC)}
        return subprocess.Popen(
            [sys.executable, "-m", "focaldepth", *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
            **options,  # type: ignore[call-overload]
        )

    return start

"""Run the command line in this process, through its guard."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

import focaldepth
from focaldepth.cli._guard import run

SRC = Path(focaldepth.__file__).parents[1]


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
            **options,
        )

    return start


Writer = Callable[..., Path]


@pytest.fixture(scope="session")
def scene() -> tuple[np.ndarray, ...]:
    """Eight frames (96, 128, 3) uint8 RGB of a rendered scene, near to far."""
    from focaldepth.scenes.layers import LayeredScene, render

    return tuple(render(LayeredScene(height=96, width=128, frames=8, seed=3)).stack.read_all())


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Write frames as pictures into a folder and return it."""

    def call(frames: Sequence[np.ndarray], suffix: str = ".png", name: str = "stack") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for i, frame in enumerate(frames):
            picture = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) if frame.ndim == 3 else frame
            assert cv2.imwrite(str(folder / f"img{i + 1}{suffix}"), picture)
        return folder

    return call

"""Run the command line in this process, through its guard."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from focaldepth.cli._guard import run


@dataclass(frozen=True)
class Outcome:
    """What one invocation gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The object on stdout."""
        return json.loads(self.out)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Call the command line here; output of C libraries is seen, too."""

    def call(*args: object) -> Outcome:
        capfd.readouterr()
        code = run([str(a) for a in args])
        return Outcome(code, *capfd.readouterr())

    return call

"""What is told early: memory before the first step, time after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from focaldepth.core.errors import MemoryLimitError
from focaldepth.core.progress import Run, Silent
from focaldepth.networks._net import build
from focaldepth.training import _outlook
from focaldepth.training._batch import Batch
from focaldepth.training._memory import step_memory
from focaldepth.training._optimiser import chosen
from focaldepth.training._outlook import Outlook
from focaldepth.training._recipe import load_recipe

from . import small
from .test_loop import recipe, run


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    with small.registered():
        yield


class Notes(Silent):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, message: str) -> None:
        self.told.append(message)


def test_memory_is_told_before_the_first_step_and_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = recipe(tmp_path, validation_split="")
    with pytest.raises(MemoryLimitError, match=r"2 stacks of 3 frames of 32 x 32 px need about 0\.\d GiB.*batch=1"):
        run(made, tmp_path / "out", Run(threads=1, max_memory=1 << 20))
    monkeypatch.setattr(_outlook, "_SMALL", 0)
    for free, advised in ((1 << 40, False), (1 << 20, True)):
        monkeypatch.setattr(_outlook, "free_memory", lambda device, free=free: free)
        notes = Notes()
        run(made, tmp_path / str(free), Run(notes, threads=1), max_steps=1)
        told = next(line for line in notes.told if "of memory" in line)
        assert ("accumulate=2" in told) == advised


def test_memory_grows_with_what_is_held() -> None:
    """The activations of a batch twice as large are twice as many; frozen weights need neither gradient nor moments."""

    def needed(batch: int, changes: dict[str, str], train: str = "") -> int:
        stage = load_recipe("defocusnet-fod500", {"filters": "4", **changes}, data="scenes").stages[1]
        with torch.device("meta"):
            net = build("defocusnet", stage.options)
            chosen(net, train, "")
            shape = (batch, 5, 64, 64)
            held = Batch(
                torch.empty(batch, 5, 3, 64, 64), torch.empty(batch, 5), torch.empty(batch, 1, 64, 64),
                torch.empty(batch, 1, 64, 64, dtype=torch.bool), circles=torch.empty(shape),
            )  # fmt: skip
            return step_memory(stage, net, held)

    one, two, four = (needed(batch, {}) for batch in (8, 16, 32))
    assert four - two == pytest.approx(2 * (two - one), rel=0.01)
    assert needed(16, {"precision": "bfloat16"}) < two
    assert needed(16, {}, "conv_out.") < two
    assert needed(16, {"ema": "0.9"}) > two


@pytest.mark.parametrize(
    ("left", "times", "words"),
    [
        (2, (0.1, 1.0), ""),
        (598, (0.1, 0.9), "598 steps more take 10 min"),
        (999_998, (0.0, 1.0), "12 days; --max-time"),
    ],
)
def test_the_pace_is_told_where_much_is_left(tmp_path: Path, left: int, times: tuple[float, float], words: str) -> None:
    notes = Notes()
    Outlook(recipe(tmp_path).first, Run(notes), torch.device("cpu"), 0).after(2, left + 2, *times)
    assert (words in "".join(notes.told)) if words else not notes.told

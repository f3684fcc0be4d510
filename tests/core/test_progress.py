"""Progress and cancellation: one small protocol."""

import pytest

from focaldepth.core.errors import Cancelled, SettingError
from focaldepth.core.progress import Run, Silent


class Listener(Silent):
    def __init__(self, stop_after: int = 99) -> None:
        self.heard: list[object] = []
        self._left = stop_after

    def stage(self, name: str, total: int) -> None:
        self.heard.append((name, total))

    def advance(self, steps: int = 1) -> None:
        self.heard.append(steps)
        self._left -= 1

    def cancelled(self) -> bool:
        return self._left <= 0


def test_stages_and_steps_reach_the_listener() -> None:
    listener = Listener()
    run = Run(listener)
    run.stage("depth", 3)
    run.advance()
    run.advance(2)
    assert listener.heard == [("depth", 3), 1, 2]


def test_a_run_stops_at_the_next_step_once_cancelled() -> None:
    run = Run(Listener(stop_after=1))
    run.stage("depth", 3)
    run.advance()
    for step in (run.check, run.advance, lambda: run.stage("next", 1)):
        with pytest.raises(Cancelled, match=r"stopped on request; nothing was written\."):
            step()


def test_silence_hears_nothing_and_never_stops() -> None:
    run = Run()
    run.stage("depth", 1)
    run.advance()
    run.progress.note("x")
    run.warn("y")
    run.check()


def test_by_default_every_core_works_and_memory_has_no_limit() -> None:
    assert Run().threads >= 1
    assert Run().max_memory is None


@pytest.mark.parametrize(
    ("options", "message"),
    [({"threads": 0}, r"threads: threads must be at least 1, got 0. Leave it away"),
     ({"max_memory": 0}, r"max_memory: max_memory must be positive, got 0. Give a size in bytes")],
)  # fmt: skip
def test_impossible_resources_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Run(**options)


def test_a_run_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Run().threads = 2

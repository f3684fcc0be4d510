"""Progress: a bar at a terminal, lines in a log, silence when quiet."""

from __future__ import annotations

import io
import sys

import pytest

from focaldepth.cli import _terminal
from focaldepth.cli._session import Session
from focaldepth.core.errors import Cancelled
from focaldepth.core.progress import Run


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def play(run: Run) -> None:
    run.stage("measure focus", 3)
    for _ in range(3):
        run.advance()
    run.progress.note("frame 2 is brighter")
    run.stage("write", 1)


def test_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """One line per stage with its time; notes come between."""
    with _terminal.progress(Session(), quiet=False) as drawn:
        play(Run(drawn))
    err = capsys.readouterr().err.splitlines()
    assert err[0] == "  frame 2 is brighter"
    assert err[1].startswith("  measure focus: ")
    assert err[2].startswith("  write: ")
    assert len(err) == 3


def test_long_stage_gives_signs_of_life(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_terminal, "_HEARTBEAT_S", 0.0)
    with _terminal.progress(Session(), quiet=False) as drawn:
        play(Run(drawn))
    assert "  measure focus: 2 of 3" in capsys.readouterr().err.splitlines()


def test_bar_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stage is drawn and ends full; notes are not taken as markup."""
    screen = Tty()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with _terminal.progress(Session(), quiet=False) as drawn:
        run = Run(drawn)
        run.stage("measure focus", 3)
        run.advance()
        run.progress.note("[1/2] odd")
        run.stage("write", 0)
    text = screen.getvalue()
    assert "measure focus" in text
    assert "3/3" in text
    assert "1/1" in text
    assert "[1/2] odd" in text


@pytest.mark.parametrize("variable", ["dumb"])
def test_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    screen = Tty()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", variable)
    with _terminal.progress(Session(), quiet=False) as drawn:
        assert isinstance(drawn, _terminal.Lines)


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with _terminal.progress(Session(), quiet=True) as drawn:
        play(Run(drawn))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("quiet", [True, False])
def test_stop_reaches_the_computation(quiet: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """A stop that no exception delivered ends the run at its next step."""
    session = Session()
    with _terminal.progress(session, quiet=quiet) as drawn:
        run = Run(drawn)
        run.stage("measure focus", 3)
        session.stop = True
        with pytest.raises(Cancelled):
            run.advance()

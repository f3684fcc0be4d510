"""Progress on stderr: a bar for a person at a terminal, plain lines for a log, nothing when quiet."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import click

from focaldepth.cli._session import Session
from focaldepth.core.progress import Progress

_HEARTBEAT_S = 5.0


class Quiet:
    """Tells nothing, stops on request."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def stage(self, name: str, total: int) -> None:
        """Ignore."""

    def advance(self, steps: int = 1) -> None:
        """Ignore."""

    def note(self, message: str) -> None:
        """Ignore."""

    def cancelled(self) -> bool:
        """True once the user pressed Ctrl-C."""
        return self._session.stop


class Lines(Quiet):
    """One line per stage, and a sign of life every few seconds."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._lock = Lock()
        self._name, self._total, self._done = "", 0, 0
        self._start = self._told = time.monotonic()

    def stage(self, name: str, total: int) -> None:
        """Close the stage before and begin the next."""
        with self._lock:
            self._close()
            self._name, self._total, self._done = name, total, 0
            self._start = self._told = time.monotonic()

    def advance(self, steps: int = 1) -> None:
        """Count; now and then say how far it is."""
        with self._lock:
            self._done += steps
            now = time.monotonic()
            if now - self._told >= _HEARTBEAT_S:
                self._told = now
                click.echo(f"  {self._name}: {self._done} of {self._total}", err=True)

    def note(self, message: str) -> None:
        """Print the message."""
        click.echo(f"  {message}", err=True)

    def finish(self) -> None:
        """Close the last stage."""
        with self._lock:
            self._close()
            self._name = ""

    def _close(self) -> None:
        if self._name:
            click.echo(f"  {self._name}: {time.monotonic() - self._start:.1f} s", err=True)


class Bar(Quiet):
    """A rich progress bar, one row per stage."""

    def __init__(self, session: Session, bars: Any) -> None:
        super().__init__(session)
        self._bars = bars
        self._task: Any = None

    def stage(self, name: str, total: int) -> None:
        """Complete the row before and open the next."""
        self.finish()
        self._task = self._bars.add_task(name, total=max(total, 1))

    def advance(self, steps: int = 1) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bars.advance(self._task, steps)

    def note(self, message: str) -> None:
        """Print the message above the bars."""
        self._bars.console.print(f"  {message}", markup=False, highlight=False)

    def finish(self) -> None:
        """Fill the last row."""
        if self._task is not None:
            total = next(t.total for t in self._bars.tasks if t.id == self._task)
            self._bars.update(self._task, completed=total)


@contextmanager
def progress(session: Session, *, quiet: bool) -> Iterator[Progress]:
    """Give the progress that fits where stderr goes, and close it."""
    if quiet:
        yield Quiet(session)
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _bars() as bars:
            bar = Bar(session, bars)
            yield bar
            bar.finish()
    else:
        lines = Lines(session)
        yield lines
        lines.finish()


def _bars() -> Any:
    """Rich is imported only when a bar is drawn."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("  {task.description:<24}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )

"""Where every invocation ends: errors become one line and an exit code, signals become a clean stop."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import click

from focaldepth.cli._app import app
from focaldepth.cli._session import Session
from focaldepth.core.errors import FocalDepthError

FAILED, USAGE, INTERRUPTED = 1, 2, 130
_BOUNCE_S = 2.0


def run(args: Sequence[str]) -> int:
    """Run one command and return its exit code; every failure is told on stderr in one line."""
    session = Session(debug="--debug" in args)
    _tolerant_output()
    instruction = os.environ.get("_FOCALDEPTH_COMPLETE")
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(app, {}, "focaldepth", "_FOCALDEPTH_COMPLETE", instruction)
    with _signals(session), _silent_libraries(session):
        try:
            with app.make_context("focaldepth", list(args), obj=session) as context:
                app.invoke(context)
            sys.stdout.flush()
        except click.exceptions.Exit as leave:
            return leave.exit_code
        except BaseException as error:  # noqa: BLE001 - the one place where every failure gets its line and code
            return _end(error, session)
    return 0


def _end(error: BaseException, session: Session) -> int:
    """Tell an error and return its exit code."""
    if isinstance(error, BrokenPipeError) or (isinstance(error, OSError) and error.errno == errno.EPIPE):
        _close_pipe()
        return FAILED
    if session.debug and not isinstance(error, click.ClickException):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    line, code = describe(error, session)
    click.echo(f"focaldepth: {line}", err=True)
    return code


def describe(error: BaseException, session: Session) -> tuple[str, int]:
    """Return the line and the exit code of an error."""
    if isinstance(error, KeyboardInterrupt | click.Abort) or getattr(error, "exit_code", 0) == INTERRUPTED:
        done = f"{session.written} was already complete" if session.written else session.kept or "nothing was written"
        return f"interrupted; {done}", INTERRUPTED
    if isinstance(error, FocalDepthError):
        return " ".join(str(error).split("\n")), error.exit_code
    if _disk_full(error):
        return _with_place(error, "no space left on the disk. Free some space or give another -o."), FAILED
    if isinstance(error, OSError) and error.strerror:
        return _with_place(error, f"{error.strerror}."), FAILED
    if isinstance(error, MemoryError):
        return "out of memory. Give --max-memory, fewer --threads, or smaller pictures.", FAILED
    text = " ".join(str(error).split()) or "no message"
    again = "" if session.debug else " (run with --debug for the traceback)"
    return f"unexpected {type(error).__name__}: {text}{again}", FAILED


def _with_place(error: BaseException, text: str) -> str:
    place = getattr(error, "where", "") or getattr(error, "filename", "") or ""
    return f"{place}: {text}" if place else text


def _disk_full(error: BaseException | None) -> bool:
    """True when the error, or one that it was raised from, says that the disk or quota is full."""
    seen = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _close_pipe() -> None:
    """Point stdout at nothing, so that Python does not complain about the reader who left when it exits."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tolerant_output() -> None:
    """A terminal that cannot show µ gets a question mark, not a failure."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


@contextmanager
def _silent_libraries(session: Session) -> Iterator[None]:
    """One clear message per error: no chatter of decoders around it, unless debugging."""
    import logging
    import warnings

    if session.debug:
        yield
        return
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    nobody = logging.NullHandler()
    logging.getLogger().addHandler(nobody)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger().removeHandler(nobody)


@contextmanager
def _signals(session: Session) -> Iterator[None]:
    """Let SIGTERM act like Ctrl-C, and let cleaning up after the first one not be disturbed by an echo of it."""
    last = -_BOUNCE_S

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.monotonic()
        session.stop = True
        if now - last >= _BOUNCE_S:
            last = now
            raise KeyboardInterrupt

    before = {}
    with suppress(ValueError):  # outside the main thread signals belong to somebody else
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Every failure ends in one line and the right exit code."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys

import click
import pytest

from focaldepth.cli import _app, _guard
from focaldepth.cli._session import Session, current
from focaldepth.core import errors


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A command `methods` whose body is given by the test."""
    body: dict[str, object] = {}

    @click.command("methods")
    def command() -> None:
        body["do"]()

    monkeypatch.setattr(_app.LazyGroup, "get_command", lambda self, ctx, name: command)
    return body


def raiser(error: BaseException):
    def do() -> None:
        raise error

    return do


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            errors.StackError("one frame.", where="x.jpg", hint="Give two."),
            2,
            "focaldepth: x.jpg: one frame. Give two.",
        ),
        (errors.WriteError("no permission.", where="out"), 1, "focaldepth: out: no permission."),
        (errors.MemoryLimitError("needs 3 GiB."), 2, "focaldepth: needs 3 GiB."),
        (errors.Cancelled(), 130, "focaldepth: interrupted; nothing was written"),
        (KeyboardInterrupt(), 130, "focaldepth: interrupted; nothing was written"),
        (OSError(errno.ENOSPC, "No space left on device", "out/a"), 1, "focaldepth: out/a: no space left on the disk."),
        (PermissionError(errno.EACCES, "Permission denied", "a"), 1, "focaldepth: a: Permission denied."),
        (MemoryError(), 1, "focaldepth: out of memory."),
        (
            ZeroDivisionError("division\nby zero"),
            1,
            "focaldepth: unexpected ZeroDivisionError: division by zero (run with",
        ),
        (RuntimeError(), 1, "focaldepth: unexpected RuntimeError: no message (run with --debug for the traceback)"),
    ],
)
def test_one_line_and_code(cli, failing, error: BaseException, code: int, text: str) -> None:
    failing["do"] = raiser(error)
    out = cli("methods")
    assert (out.code, out.out) == (code, "")
    assert out.err.startswith(text)
    assert out.err.count("\n") == 1


def test_disk_full_behind_another_error() -> None:
    """The cause is found, whatever was raised from it."""
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as inner:
            raise RuntimeError("cannot encode") from inner
    except RuntimeError as error:
        line, code = _guard.describe(error, Session())
    assert line.startswith("no space left on the disk.")
    assert code == 1


def test_interrupt_after_the_end_tells_the_truth() -> None:
    line, code = _guard.describe(KeyboardInterrupt(), Session(written="out"))
    assert (line, code) == ("interrupted; out was already complete", 130)


@pytest.mark.parametrize("args", [("--debug", "methods"), ("methods",)])
def test_debug_shows_the_traceback(cli, failing, args: tuple[str, ...]) -> None:
    failing["do"] = raiser(ZeroDivisionError("planted"))
    out = cli(*args)
    assert ("Traceback" in out.err) == ("--debug" in args)
    assert "focaldepth: unexpected ZeroDivisionError: planted" in out.err


def test_sigterm_stops_like_ctrl_c(cli, failing) -> None:
    """The computation is told to stop and cleaning up is not disturbed by a second signal."""
    seen = []

    def do() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            seen.append(current().stop)

    failing["do"] = do
    out = cli("methods")
    assert (out.code, out.err, seen) == (130, "focaldepth: interrupted; nothing was written\n", [True])
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_broken_pipe_is_quiet(fresh) -> None:
    """`focaldepth doctor | head -1` complains about nothing."""
    process = fresh("doctor", "--json")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 1


def test_library_chatter_is_silenced(cli, failing) -> None:
    """Warnings and log records of libraries do not stand between the user and the message."""

    def do() -> None:
        import logging
        import warnings

        logging.getLogger("tifffile").error("noise")
        warnings.warn("noise", stacklevel=1)

    failing["do"] = do
    out = cli("methods")
    assert (out.code, out.out, out.err) == (0, "", "")


def test_main_leaves_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    from focaldepth.cli import main

    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with pytest.raises(SystemExit) as leave:
        main(["--version"])
    assert leave.value.code == 0

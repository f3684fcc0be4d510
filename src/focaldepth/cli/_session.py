"""What one invocation of the command line carries from the options to the place where errors end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Session:
    """State of one invocation.

    Attributes:
        debug: show tracebacks and messages of libraries.
        stop: the user asked to stop; long computations see it through their progress.
        written: output that is complete, for the message after an interrupt.
        kept: what an interrupt leaves for the next run of the same command, in words.
    """

    debug: bool = False
    stop: bool = False
    written: str = ""
    kept: str = ""


def current() -> Session:
    """Return the session of the running command."""
    context = click.get_current_context(silent=True)
    found = context.find_object(Session) if context else None
    return found or Session()


def debug_option(function: F) -> F:
    """Add ``--debug``; it may stand before or after the sub-command, so the guard looks for it by itself."""
    help_text = "Show the traceback of an error and the messages of libraries."
    return click.option("--debug", is_flag=True, expose_value=False, help=help_text)(function)

"""How a long computation reports, how it is stopped, and what it may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from focaldepth.core.errors import Cancelled, SettingError
from focaldepth.core.machine import cores


class Progress(Protocol):
    """What a caller gives to hear of a computation: a terminal bar, a page, or nothing."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of `total` steps; the one before is over."""

    def advance(self, steps: int = 1) -> None:
        """Count steps of the current stage."""

    def note(self, message: str) -> None:
        """Tell something that is worth reading while the computation goes on."""

    def cancelled(self) -> bool:
        """True once the caller wants the computation to stop."""


class Silent:
    """Hears nothing and never stops."""

    def stage(self, name: str, total: int) -> None:
        """Ignore."""

    def advance(self, steps: int = 1) -> None:
        """Ignore."""

    def note(self, message: str) -> None:
        """Ignore."""

    def cancelled(self) -> bool:
        """Return False."""
        return False


@dataclass(frozen=True)
class Inside:
    """The progress of one stack among many: its stages are not told, notes and a stop are."""

    outer: Progress

    def stage(self, name: str, total: int) -> None:
        """Ignore."""

    def advance(self, steps: int = 1) -> None:
        """Ignore."""

    def note(self, message: str) -> None:
        """Pass on."""
        self.outer.note(message)

    def cancelled(self) -> bool:
        """Ask the caller."""
        return self.outer.cancelled()


@dataclass(frozen=True)
class Run:
    """What one computation may use and whom it tells.

    Attributes:
        progress: who hears of stages and may stop them.
        threads: worker threads, >= 1; by default every core.
        max_memory: upper limit of the memory of the whole run in bytes, interpreter included; None = no limit. The run
            that a method gets says what is left for the method.
        warn: receives each warning sentence that belongs into the result.

    Raises:
        SettingError: no thread, or no memory.
    """

    progress: Progress = field(default_factory=Silent)
    threads: int = field(default_factory=cores)
    max_memory: int | None = None
    warn: Callable[[str], None] = field(default=lambda message: None)

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise SettingError(
                f"threads must be at least 1, got {self.threads}.",
                where="threads",
                hint="Leave it away to use every core.",
            )
        if self.max_memory is not None and self.max_memory < 1:
            raise SettingError(
                f"max_memory must be positive, got {self.max_memory}.", where="max_memory", hint="Give a size in bytes."
            )

    def stage(self, name: str, total: int) -> None:
        """Begin a stage, or raise Cancelled."""
        self.check()
        self.progress.stage(name, total)

    def advance(self, steps: int = 1) -> None:
        """Count steps, or raise Cancelled."""
        self.check()
        self.progress.advance(steps)

    def check(self) -> None:
        """Raise Cancelled once the caller wants to stop."""
        if self.progress.cancelled():
            raise Cancelled

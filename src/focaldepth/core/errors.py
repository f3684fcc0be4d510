"""Every error that focaldepth raises on purpose.

Each one says what is wrong, where (file or argument) and what to do::

    FocalDepthError            base; ``exit_code`` is what the command line returns
    ├── StackError             (ValueError)  the frames do not make a focal stack
    ├── AxisError              (ValueError)  focus positions are missing, disordered or impossible
    ├── UnitError              (ValueError)  a number cannot be moved to the asked unit
    ├── SettingError           (ValueError)  a setting has a wrong value
    ├── UnknownNameError       (LookupError) no method, reader, ... of that name
    ├── MissingExtraError      (ImportError) an optional package is not installed
    ├── ReadError              (OSError)     a file cannot be read as what it claims to be
    ├── WeightsError           (ValueError)  weights are damaged, or belong to another network
    ├── WriteError             (OSError)     a result cannot be written
    ├── AlignmentError         (RuntimeError) frames cannot be brought into one geometry
    ├── TrainingError          (RuntimeError) a training cannot go on
    ├── MemoryLimitError       (MemoryError) the run does not fit the memory limit
    └── Cancelled              (RuntimeError) the caller asked to stop
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class FocalDepthError(Exception):
    """Base of all focaldepth errors.

    Args:
        what: one sentence that says what is wrong.
        where: the file, folder or argument at fault; empty when there is none.
        hint: one sentence that says what to do; empty when there is nothing to do.

    An error can be pickled, so it arrives whole from a worker process.

    >>> print(FocalDepthError("10 frames but 9 focus values.", where="scene3", hint="Give one per frame."))
    scene3: 10 frames but 9 focus values. Give one per frame.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, *, where: object = "", hint: str = "") -> None:
        self.what = what
        self.where = str(where)
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" {self.hint}" if self.hint else ""
        return f"{place}{self.what}{advice}"


class StackError(FocalDepthError, ValueError):
    """The frames do not make a focal stack."""


class AxisError(FocalDepthError, ValueError):
    """Focus positions are missing, disordered or impossible."""


class UnitError(FocalDepthError, ValueError):
    """A number cannot be moved to the asked unit."""


class SettingError(FocalDepthError, ValueError):
    """A setting has a wrong value."""


class UnknownNameError(FocalDepthError, LookupError):
    """No such name; the message suggests what the caller knows is meant, or the nearest ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: object = "", meant: str = "") -> None:
        names = sorted(known)
        near = [meant] if meant else get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(names)}."
        super().__init__(f"unknown {kind} {name!r}.", where=where, hint=hint)
        self.args = (kind, name, names)  # what pickle calls the class with


class MissingExtraError(FocalDepthError, ImportError):
    """An optional package is not installed; the message names the command that installs it."""

    def __init__(self, what: str, extra: str, *, where: object = "") -> None:
        super().__init__(
            f"{what} needs the extra '{extra}'.",
            where=where,
            hint=f"Install it with: pip install 'focaldepth[{extra}]'",
        )
        self.args = (what, extra)


class ReadError(FocalDepthError, OSError):
    """A file cannot be read as what it claims to be."""


class WeightsError(FocalDepthError, ValueError):
    """Weights are damaged, or belong to another network."""


class WriteError(FocalDepthError, OSError):
    """A result cannot be written."""

    exit_code = 1


class AlignmentError(FocalDepthError, RuntimeError):
    """Frames cannot be brought into one geometry."""

    exit_code = 1


class TrainingError(FocalDepthError, RuntimeError):
    """A training cannot go on: its loss is no number any more."""

    exit_code = 1


class MemoryLimitError(FocalDepthError, MemoryError):
    """The run does not fit the memory limit."""


class Cancelled(FocalDepthError, RuntimeError):
    """The caller asked to stop."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("stopped on request; nothing was written.")
        self.args = ()

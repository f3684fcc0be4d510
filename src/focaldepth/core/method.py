"""The contract of a method: facts that can be listed, and a call from stack to estimate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

from focaldepth.core.axis import Unit
from focaldepth.core.errors import StackError, UnitError
from focaldepth.core.progress import Run
from focaldepth.core.result import Estimate
from focaldepth.core.stack import FocalStack


class Access(StrEnum):
    """How a method reads a stack, and with it how much memory it takes."""

    STREAM = "stream"
    """Each frame once; memory does not grow with N."""
    VOLUME = "volume"
    """Keeps a reduced focus volume; memory grows with N at 1/4 to 1/16 of the pixels."""
    WHOLE = "whole"
    """Needs frames (or tiles of all frames) together."""


@dataclass(frozen=True)
class Citation:
    """Where a method was published."""

    key: str
    text: str
    url: str = ""
    bibtex: str = ""


@dataclass(frozen=True)
class WorkingMemory:
    """Bytes that a method holds at most, beside decoded frames.

    Attributes:
        reading: while frames go by.
        finishing: afterwards, with everything that it returns.
    """

    reading: int
    finishing: int


@dataclass(frozen=True)
class MethodSpec:
    """Facts of a method.

    Attributes:
        title: one line for people.
        access: how it reads the stack.
        summary: what it is good for, two sentences.
        min_frames, max_frames: N it takes; None = any.
        units: units of focus axis it understands.
        gives: names of what it returns beside depth ("sigma", "all_in_focus", "index").
        extra: optional package group that it needs; empty for none.
        citations: what to cite when using it.
        invariances: laws it claims and that tests check ("frame order", "gain", "offset").
        aligns: it brings frames into one geometry itself, so `--align auto` leaves them as they are.
        bytes_per_pixel: working memory per pixel of a frame, beside decoded frames; the peak of the whole run. A
            method that knows more has `working_memory(stack, run) -> WorkingMemory`, which raises what a run would.
    """

    title: str
    access: Access
    summary: str
    min_frames: int = 2
    max_frames: int | None = None
    units: tuple[Unit, ...] = tuple(Unit)
    gives: tuple[str, ...] = ("sigma", "index")
    extra: str = ""
    citations: tuple[Citation, ...] = ()
    invariances: tuple[str, ...] = ()
    aligns: bool = False
    bytes_per_pixel: int = 32

    def check(self, stack: FocalStack, name: str) -> None:
        """Raise StackError or UnitError for a stack that the method cannot take; `name` is that of the method."""
        n = len(stack)
        if n < self.min_frames or (self.max_frames is not None and n > self.max_frames):
            most = f" to {self.max_frames}" if self.max_frames is not None else " or more"
            raise StackError(
                f"{name} takes {self.min_frames}{most} frames, this stack has {n}.",
                where=stack.info.name,
                hint="Give another number of frames, or choose another method (--method).",
            )
        if stack.axis.unit not in self.units:
            known = ", ".join(self.units)
            raise UnitError(
                f"{name} does not understand a focus axis in {stack.axis.unit}.",
                where=stack.info.name,
                hint=f"It takes: {known}.",
            )


@runtime_checkable
class Method(Protocol):
    """A frozen dataclass of settings that turns a stack into an estimate; nothing of a run lives on it."""

    spec: ClassVar[MethodSpec]

    def __call__(self, stack: FocalStack, run: Run = ...) -> Estimate:
        """Estimate depth; values and sigma in the blur-linear unit of the stack."""

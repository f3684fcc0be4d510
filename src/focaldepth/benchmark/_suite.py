"""What a suite fixes; each is one file with a last line ``SUITE = ...``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import nan
from typing import Any

from focaldepth.core.errors import UnknownNameError
from focaldepth.core.registry import Registry

FrameRule = Callable[[int], tuple[int, ...] | None]
"""Number of frames of a stack -> those to use, in order; None where the stack has too few."""


@dataclass(frozen=True)
class Printed:
    """Where a published table has the number of an entry.

    Attributes:
        table, row: see `_published`.
        arm: label of the arm that the row belongs to; empty = all.
    """

    table: str
    row: str
    arm: str = ""


@dataclass(frozen=True)
class Entry:
    """One row of a table: a method with its settings.

    Attributes:
        label: unique in the suite.
        method: name of the method; empty = only published numbers exist.
        settings: of the method, as texts.
        weights: name of the weights that it needs; empty for a method that needs none.
        default_network: its architecture is the one that random weights are made for, so it can have a dry run.
        published: what was printed for exactly this; rows that a protocol has of the same method are found by name.
        data: names of the data sets that it is for; empty = any.
    """

    label: str
    method: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    weights: str = ""
    default_network: bool = True
    published: tuple[Printed, ...] = ()
    data: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arm:
    """One variation that every entry runs in.

    Attributes:
        label: unique in the suite; empty where there is one arm only.
        frames: which frames are used; None = all.
        align: how frames are brought into one geometry; empty = only where the data say that they are not.
        x: place on the axis of a figure; NaN = arms are names, not numbers.
    """

    label: str = ""
    frames: FrameRule | None = None
    align: str = ""
    x: float = nan


@dataclass(frozen=True)
class Wanted:
    """A data set that a suite is about.

    Attributes:
        dataset: its name in the published tables; readers are those that name the protocol.
        protocol: by which it is judged.
    """

    dataset: str
    protocol: str


@dataclass(frozen=True)
class Suite:
    """Methods x variations x data sets that answer one question.

    Attributes:
        title: for people.
        question: what the numbers answer, one or two sentences.
        entries: the methods.
        arms: variations of every run.
        wanted: published data sets with their protocols.
        protocol: of all other stacks with truth that are found.
        unregistered: take only stacks whose frames are not in one geometry.
        tables: ids of published tables that belong to the question; shown whole.
        figures: which figures are drawn: "time", "bad-pix", "sparsification", "arms".
        arm_axis: caption of the axis of arms.
        note: what a reader of the numbers has to know.
    """

    title: str
    question: str
    entries: tuple[Entry, ...]
    arms: tuple[Arm, ...] = (Arm(),)
    wanted: tuple[Wanted, ...] = ()
    protocol: str = "plain"
    unregistered: bool = False
    tables: tuple[str, ...] = ()
    figures: tuple[str, ...] = ("time", "bad-pix", "sparsification")
    arm_axis: str = ""
    note: str = ""

    def with_methods(self, names: tuple[str, ...]) -> Suite:
        """Return the suite with other methods; names that begin with "+" come on top of its own.

        Args:
            names: labels or methods of entries, or any registered methods; empty = those of the suite.

        Raises:
            UnknownNameError: no entry and no method has the name.
        """
        if not names:
            return self
        added = [e for n in names if n.startswith("+") for e in self._entries_of(n[1:])]
        named = [e for n in names if not n.startswith("+") for e in self._entries_of(n)]
        chosen = {e.label: e for e in [*(named or self.entries), *added]}
        return replace(self, entries=tuple(chosen.values()))

    def _entries_of(self, name: str) -> list[Entry]:
        from focaldepth.estimate import METHODS
        from focaldepth.networks._spec import NETWORKS

        mine = [e for e in self.entries if name in (e.label, e.method)]
        if mine:
            return mine
        if name not in METHODS.names() and name not in dict(METHODS.aliases):
            raise UnknownNameError("method", name, {*METHODS.names(), *(e.label for e in self.entries)})
        method = METHODS.resolve(name)
        return [Entry(method, method, weights=method if method in NETWORKS.names() else "")]


SUITES: Registry[Suite] = Registry("suite", ("benchmark.suites",), "SUITE")
"""All suites: files of ``focaldepth/benchmark/suites`` and entry points ``focaldepth.suites``."""


def classical(*methods: str) -> tuple[Entry, ...]:
    """Return entries of methods that need no weights."""
    return tuple(Entry(name, name) for name in methods)


def trained(method: str, tag: str, label: str = "", **more: Any) -> Entry:
    """Return the entry of a network with weights ``METHOD.TAG``."""
    return Entry(label or method, method, weights=f"{method}.{tag}", **more)


def evenly(count: int) -> FrameRule:
    """Return the rule of DFV: count frames from the first to the last, places rounded down.

    >>> evenly(5)(10), evenly(5)(4)
    ((0, 2, 4, 6, 9), None)
    """
    return lambda n: tuple(i * (n - 1) // (count - 1) for i in range(count)) if n >= count else None


def listed(frames: tuple[int, ...], of: int) -> FrameRule:
    """Return the rule that takes these frames of a stack of `of`, and of any longer one those at the same places.

    >>> listed((1, 2, 5, 6, 9), 10)(10), listed((1, 2, 5, 6, 9), 10)(19), listed((1, 2), 10)(9)
    ((1, 2, 5, 6, 9), (2, 4, 10, 12, 18), None)
    """
    return lambda n: tuple(i * (n - 1) // (of - 1) for i in frames) if n >= of else None


def drawn(count: int, seed: int) -> FrameRule:
    """Return the rule that draws frames by chance, the first and the last among them, the same for every method."""

    def rule(n: int) -> tuple[int, ...] | None:
        from numpy.random import default_rng

        if n < count:
            return None
        inner = default_rng((seed, n)).permutation(n - 2)[: count - 2] + 1
        return (0, *sorted(int(i) for i in inner), n - 1)

    return rule

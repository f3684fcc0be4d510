"""What the verbs share: read the stack, show it, check the memory, run, hand out the result."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from focaldepth.cli import _show
from focaldepth.cli._optics import parse_optics
from focaldepth.cli._session import current
from focaldepth.cli._terminal import progress
from focaldepth.cli._types import mapping, size_text
from focaldepth.core.alignment import Alignment
from focaldepth.core.axis import Unit
from focaldepth.core.errors import MemoryLimitError
from focaldepth.core.machine import memory
from focaldepth.core.method import Method
from focaldepth.core.progress import Progress, Run
from focaldepth.core.result import DepthResult
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import EstimateSettings

READ_OPTIONS = (
    "focus",
    "focus_unit",
    "reverse",
    "channel",
    "dataset",
    "axes",
    "log",
    "name_pattern",
    "max_pixels",
    "skip_bad_frames",
)
Options = Mapping[str, Any]
Lighter = tuple[EstimateSettings, Run, str]
"""A run that takes less memory, and the options that make it."""
_MODELS = 250 << 20
"""Memory of making 3D models: their library and the triangles, whose number is limited."""


def load(inputs: Sequence[str], options: Options) -> Sample:
    """Read the stack and, unless quiet, say what was read; a truth that its file carries comes along."""
    from focaldepth.io.load import load_sample

    wanted = {name: options[name] for name in READ_OPTIONS if options[name] is not None}
    optics = parse_optics(mapping(options["optics"], "--optics"))
    sample = load_sample(list(inputs), optics=optics, **wanted)
    if not options["quiet"]:
        _show.stack(sample.stack)
    return sample


def settings_of(options: Options, **fixed: Any) -> EstimateSettings:
    """Make the settings of a run from the options of the same names."""
    names = [f.name for f in fields(EstimateSettings) if f.name in options]
    return EstimateSettings(**{**{n: options[n] for n in names}, **fixed})


@contextmanager
def running(options: Options) -> Iterator[Run]:
    """Give the Run that the options describe; its progress is drawn while the block lasts."""
    with progress(current(), quiet=options["quiet"]) as drawn:
        yield make_run(options, drawn)


def make_run(options: Options, drawn: Progress | None = None) -> Run:
    """Make the Run that the options describe."""
    run = Run(max_memory=options["max_memory"]) if drawn is None else Run(drawn, max_memory=options["max_memory"])
    return replace(run, threads=options["threads"]) if options["threads"] else run


def check_memory(stack: FocalStack, settings: EstimateSettings, options: Options, method: Method | None = None) -> None:
    """Print the memory that the run will need; refuse a run that does not fit the limit and say what would fit.

    Args:
        stack: the frames.
        settings: of the run.
        options: of the command.
        method: what runs; None = the method that the settings name.

    Raises:
        MemoryLimitError: the estimate is above ``--max-memory``.
    """
    from focaldepth._memory import memory_needed
    from focaldepth.estimate import make_method

    own = mapping(options.get("method_settings", ()), "--set")
    models = _MODELS if options.get("mesh") else 0

    def need(chosen: EstimateSettings, with_run: Run) -> int:
        runs = method or make_method(chosen, own if chosen.method == settings.method else {})
        aligned = chosen.align != "none" or options.get("transforms") is not None
        return memory_needed(stack, runs, with_run, aligned=aligned) + models

    run = make_run(options)
    needed = need(settings, run)
    if not options["quiet"]:
        _show.memory(needed, run)
    if run.max_memory is None:
        warn_of_little_memory(needed)
        return
    if needed <= run.max_memory:
        return
    one = replace(run, threads=1)
    lighter = [(settings, one, "--threads 1")] if method is not None else _lighter(settings, run, options)
    fitting = _what_fits(run.max_memory, lighter, need)
    raise MemoryLimitError(
        f"the run needs about {size_text(needed)}, the limit is {size_text(run.max_memory)}.",
        where=stack.info.name,
        hint=f"{fitting} Or give --max-memory {_round_up(needed)}, or smaller pictures.",
    )


def warn_of_little_memory(needed: int) -> None:
    """Say before the start that the system may kill a run of this size."""
    free = memory().get("free", needed)
    if needed > free:
        hint = "Give --max-memory to hear what would fit, or smaller pictures."
        _show.warn([f"the run needs about {size_text(needed)}, only {size_text(free)} are free. {hint}"])


def _lighter(settings: EstimateSettings, run: Run, options: Options) -> list[Lighter]:
    """Runs that take less, the least change first; `fuse` must make a picture and has one method."""
    one, fuses = replace(run, threads=1), "method" not in options
    least = "colour" if fuses else "none"
    bare = replace(settings, fusion=least)
    last = (
        replace(bare, align="none")
        if fuses
        else replace(bare, method="classical-fast", align="none", weights="", device="")
    )
    words = f"--align none --fusion {least} --threads 1"
    return [
        (settings, one, "--threads 1"),
        (bare, run, f"--fusion {least}"),
        (bare, one, f"--fusion {least} --threads 1"),
        (last, one, words if fuses else f"--method classical-fast {words}"),
    ]


def _what_fits(limit: int, lighter: Iterable[Lighter], need: Callable[[EstimateSettings, Run], int]) -> str:
    """Name the first lighter run that fits, as options."""
    for other, with_run, words in lighter:
        size = need(other, with_run)
        if size <= limit:
            return f"{words} would fit ({size_text(size)})."
    return "No option makes it fit."


def _round_up(size: int) -> str:
    """Write a size just above as an option value, in 0.1 GiB or 16 MiB."""
    if size > 2**30:
        return f"{-(-size * 10 // 2**30) / 10:g}GiB"
    return f"{-(-size // 2**24) * 16}MiB"


def unit_of(settings: EstimateSettings, stack: FocalStack) -> Unit:
    """Return the unit that the result will have."""
    return Unit.parse(settings.unit) if settings.unit else stack.axis.unit


def read_transforms(path: str | None, stack: FocalStack) -> Alignment | None:
    """Read the alignment of an earlier run for a stack of as many frames of that size; None without a path."""
    if path is None:
        return None
    from focaldepth.io.transforms import read_transforms as read

    file = read(path, frames=len(stack), size=(stack.shape[0], stack.shape[1]))
    return replace(file.alignment(), rule=path)


def signed(result: DepthResult, read: Mapping[str, Any], loaded_s: float) -> DepthResult:
    """Return the result with what only the command line knows: the command, and how and how long the input was read."""
    made = result.provenance
    total = made.times_s.get("total", sum(made.times_s.values())) + loaded_s
    times = {"open": loaded_s, **made.times_s, "total": total}
    command = made.command or "focaldepth " + shlex.join(sys.argv[1:])
    settings = {**made.settings, "read": dict(read)}
    return replace(result, provenance=replace(made, settings=settings, times_s=times, command=command))


def read_facts(inputs: Sequence[str], options: Options) -> dict[str, Any]:
    """Return the options of reading as plain values with absolute paths, for `rerun`."""
    found: dict[str, Any] = {n: options[n] for n in READ_OPTIONS if options[n] not in (None, False)}
    found["transforms"] = options["transforms"]
    for name in ("focus", "log", "transforms"):
        if isinstance(found.get(name), str) and Path(found[name]).is_file():
            found[name] = str(Path(found[name]).absolute())
    found["optics"] = [list(pair) for pair in options["optics"]]
    found["inputs"] = [str(Path(i).absolute()) for i in inputs]
    return found

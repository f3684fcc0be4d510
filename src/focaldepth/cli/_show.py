"""Lines on stderr for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from focaldepth.align._alignment import Alignment
from focaldepth.cli._summary import axis_text, bit_depth
from focaldepth.cli._types import size_text
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthResult
from focaldepth.core.stack import FocalStack
from focaldepth.report._facts import headline


def fact(label: str, text: str) -> None:
    """Print one labelled line."""
    click.echo(f"{click.style(f'{label:<14}', bold=True)}{text}", err=True)


def warn(sentences: Iterable[str]) -> None:
    """Print each warning on its own line."""
    for sentence in sentences:
        click.echo(f"{click.style('warning', fg='yellow', bold=True)}       {sentence}", err=True)


def stack(found: FocalStack) -> None:
    """Print what was read: number, size, depth, order, focus, and what is odd about it."""
    h, w, c = found.shape
    colour = {1: "grey", 3: "RGB"}.get(c, f"{c} channels")
    fact("stack", f"{found.info.name}: {len(found)} frames of {w} x {h} px, {colour}, {bit_depth(found)}")
    fact("order", found.info.order_rule)
    fact("focus", axis_text(found.axis, found.info.focus_origin))
    lens = found.optics.facts()
    if len(lens) > 1 or lens["model"] != "thin_lens":
        fact("optics", ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in lens.items()))
    warn(found.info.warnings)


def memory(needed: int, run: Run) -> None:
    """Print the estimate of memory before the start."""
    limit = "no limit" if run.max_memory is None else f"limit {size_text(run.max_memory)}"
    fact("memory", f"about {size_text(needed)} ({limit}), {run.threads} threads")


def written(files: Iterable[str]) -> None:
    """Print the paths of what was written."""
    for i, path in enumerate(files):
        fact("" if i else "written", path)


def summary(result: DepthResult, told: Sequence[str]) -> None:
    """Print the figures of the report's first row, and the warnings that were not told yet."""
    for number in headline(result):
        comma = "" if number.note.startswith("of ") else ","
        fact(number.label.lower(), f"{number.value}{comma} {number.note}")
    warnings(result.provenance.warnings, told)


def warnings(all_of_them: Sequence[str], told: Sequence[str]) -> None:
    """Print the number of warnings and those that were not told yet."""
    new = [sentence for sentence in all_of_them if sentence not in told]
    before = len(all_of_them) - len(new)
    above = f", {before} of them above" if before and new else " (above)" if before else ""
    fact("warnings", f"{len(all_of_them)}{above}" if all_of_them else "none")
    warn(new)


def alignment(found: FocalStack, result: Alignment) -> None:
    """Print the rule and the frames that could not be aligned."""
    fact("aligned", f"{result.rule}; reference {found.info.frame_names[result.reference]}")
    bad = (i for i in range(len(found)) if not result.aligned[i])
    warn(f"{found.info.frame_names[i]} could not be aligned: {result.reasons[i]}" for i in bad)

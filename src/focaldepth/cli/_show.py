"""Lines on stderr for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from focaldepth.cli._summary import axis_text, bit_depth
from focaldepth.cli._types import size_text
from focaldepth.core.axis import Unit
from focaldepth.core.optics import LensModel, Optics
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthResult
from focaldepth.core.stack import FocalStack
from focaldepth.report._facts import headline
from focaldepth.report.scale import display_for


def fact(label: str, text: str) -> None:
    """Print one labelled line."""
    click.echo(f"{click.style(f'{label:<14}', bold=True)}{text}", err=True)


def warn(sentences: Iterable[str]) -> None:
    """Print each warning on its own line; many frames with one and the same warning share a line."""
    for sentence in grouped(sentences):
        click.echo(f"{click.style('warning', fg='yellow', bold=True)}       {sentence}", err=True)


def grouped(sentences: Iterable[str]) -> list[str]:
    """Join what is said of more than three frames in the same words; the record keeps every sentence.

    >>> grouped([*(f"img{i}.png: is dark." for i in range(5)), "The lens moved."])
    ['img0.png, img1.png, img2.png and 2 more: is dark.', 'The lens moved.']
    """
    by_words: dict[tuple[str, str], list[str]] = {}
    for sentence in dict.fromkeys(sentences):
        name, _, words = sentence.partition(": ")
        by_words.setdefault((words, "" if words else sentence), []).append(name)
    told: list[str] = []
    for (words, _), names in by_words.items():
        start = names[0][: names[0].rfind(" ") + 1]
        if not words:
            told += names
        elif len(names) > 3 and all(n.startswith(start) for n in names):
            listed = ", ".join(n[len(start) :] for n in names[:3])
            told.append(f"{start}{listed} and {len(names) - 3} more: {words}")
        else:
            told += [f"{name}: {words}" for name in names]
    return told


def stack(found: FocalStack) -> None:
    """Print what was read: number, size, depth, order, focus, and what is odd about it."""
    h, w, c = found.shape
    colour = {1: "grey", 3: "RGB"}.get(c, f"{c} channels")
    fact("stack", f"{found.info.name}: {len(found)} frames of {w} x {h} px, {colour}, {bit_depth(found)}")
    fact("order", found.info.order_rule)
    fact("focus", axis_text(found.axis, found.info.focus_origin))
    lens = optics_text(found.optics)
    if lens:
        fact("optics", lens)
    warn(found.info.warnings)


def optics_text(optics: Optics) -> str:
    """Say what is known of the lens; empty when nothing is.

    >>> optics_text(Optics(focal_length_m=0.05, f_number=2.8))
    'focal length 50 mm, f-number 2.8'
    """
    words = []
    for name, value in optics.facts().items():
        if name.endswith("_m"):
            shown = display_for(0, value, Unit.METRE)
            words.append(f"{name[:-2].replace('_', ' ')} {value * shown.factor:.4g} {shown.symbol}")
        elif name != "model":
            words.append(f"{name.replace('f_number', 'f-number').replace('_', ' ')} {value:.4g}")
        elif optics.model is not LensModel.THIN_LENS:
            words.append(f"{value} optics")
    return ", ".join(words)


def memory(needed: int, run: Run) -> None:
    """Print the estimate of memory before the start."""
    tenth = 2**30 // 10
    needed = -(-needed // tenth) * tenth if needed > 2**30 else needed  # a bound is rounded up
    limit = "no limit" if run.max_memory is None else f"limit {size_text(run.max_memory)}"
    fact("memory", f"at most about {size_text(needed)} ({limit}), {run.threads} threads")


def written(files: Iterable[str]) -> None:
    """Print the paths of what was written."""
    for i, path in enumerate(files):
        fact("" if i else "written", path)


def kept(files: Sequence[str]) -> None:
    """Print what lay in an overwritten folder and is no part of the result."""
    if files:
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        fact("kept", f"{', '.join(files[:3])}{more}: no part of the earlier result, or changed since")


def summary(result: DepthResult, told: Sequence[str], seconds: float) -> None:
    """Print the figures of the report's first row with the whole time, and the warnings that were not told yet."""
    for number in headline(result):
        comma = "" if number.note.startswith("of ") else ","
        note = f"{seconds:.1f} s with writing" if number.label == "Time" else number.note
        fact(number.label.lower(), f"{number.text}{comma} {note}")
    warnings(result.provenance.warnings, told)


def warnings(all_of_them: Sequence[str], told: Sequence[str]) -> None:
    """Print the number of warnings and those that were not told yet."""
    new = [sentence for sentence in all_of_them if sentence not in told]
    before = len(all_of_them) - len(new)
    above = f", {before} of them above" if before and new else " (above)" if before else ""
    fact("warnings", f"{len(all_of_them)}{above}" if all_of_them else "none")
    warn(new)

"""The tables of a suite as texts: one per data set, or one per number where there are several arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from focaldepth.benchmark._outcome import KNOWN, MEASURED, MISSING, NOTHING, PRINTED, TIME, Block, Line, Mark, overview
from focaldepth.benchmark._suite import Suite


@dataclass(frozen=True)
class CellText:
    """One number as people read it.

    Attributes:
        text: the number; empty where there is none.
        beside: the published number of the same method; empty where there is none.
        who: of a best known number, its method.
        source: where that, or the number of a published line, was printed.
        best: to be set in bold.
        suspect: to be set in brackets.
        notes: marks of footnotes.
    """

    text: str = ""
    beside: str = ""
    who: str = ""
    source: str = ""
    best: bool = False
    suspect: bool = False
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """The cell of a Markdown table."""
        text = f"**{self.text}**" if self.best else f"({self.text})" if self.suspect else self.text
        beside = f"published {self.beside}" if self.beside else self.who
        marks = f" [{', '.join(self.notes)}]" if self.notes else ""
        return (f"{text} ({beside})" if text and beside else text or beside) + marks


@dataclass(frozen=True)
class RowText:
    """One line.

    Attributes:
        label: what it is of.
        kind: as that of `Line`.
        cells: as many as there are columns.
        note: what has to be said of it.
        random: weights mean nothing.
    """

    label: str
    kind: str
    cells: tuple[CellText, ...]
    note: str = ""
    random: bool = False


@dataclass(frozen=True)
class TableText:
    """One table.

    Attributes:
        caption: what the numbers are, where the heading of its section does not say it.
        columns: headings.
        rows: lines.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[RowText, ...]

    def markdown(self) -> str:
        """The table in Markdown."""
        lines = ["| " + " | ".join(("", *self.columns)) + " |", "|---|" + "---:|" * len(self.columns)]
        for row in self.rows:
            label = f"{row.label} (RANDOM WEIGHTS)" if row.random else row.label
            label = f"{label} (not run)" if row.kind == MISSING else label
            label = f"*{label}*" if row.kind in (KNOWN, PRINTED) else label
            lines.append("| " + " | ".join((label, *(cell.markdown() for cell in row.cells))) + " |")
        notes = [f"- {row.label}: {row.note}" for row in self.rows if row.note and row.kind == MEASURED]
        return "\n".join([*lines, *([""] if notes else []), *notes])


def number(value: float, digits: int = 0) -> str:
    """Write a number as tables of papers do; empty for NaN.

    Args:
        value: the number.
        digits: significant ones, of a number that was printed; 0 = those of a measured one.

    >>> number(0.00066312), number(76.7412), number(0.0224), number(float("nan"))
    ('6.63e-4', '76.74', '0.02240', '')
    >>> number(9.7e-4, 2), number(0.029, 2), number(53.0, 3)
    ('9.7e-4', '0.029', '53.0')
    """
    if value != value:
        return ""
    if not isfinite(value) or value == 0:
        return f"{value:g}"
    if abs(value) < 1e-3 or abs(value) >= 1e5:
        mantissa, _, power = f"{value:.{(digits or 3) - 1}e}".partition("e")
        return f"{mantissa}e{int(power)}"
    return f"{value:#.{digits or 4}g}".rstrip(".")


def block_tables(suite: Suite, block: Block) -> list[TableText]:
    """Return the tables of one data set."""
    if len(suite.arms) == 1:
        return [_whole(block)] if block.lines else []
    found = []
    run = [line for line in block.lines if line.kind in (MEASURED, MISSING)]
    if run:
        found += [_grid(suite, block, run, heading) for heading in (block.primary, TIME)]
    printed = [line for line in block.lines if line.kind in (KNOWN, PRINTED)]
    if printed:
        found.append(_whole(block, printed, "Published by this protocol"))
    return found


def summary_table(blocks: Sequence[Block]) -> TableText | None:
    """Return all data at one glance; None where nothing ran, or on one data set alone."""
    ran = [b for b in blocks if b.measured()]
    if len(ran) < 2:
        return None
    found = overview(ran)
    first = found[0][0]
    columns = [f"{b.found.key}: {b.primary}{f' ({b.unit})' if b.unit else ''}" for b in ran]
    rows = []
    for label, marks, ratio, time in found:
        cells = [_cell(marks.get(b.found.key, NOTHING), beside=False) for b in ran]
        rows.append(RowText(label, MEASURED, (*cells, CellText(number(ratio)), CellText(number(time)))))
    return TableText("", (*columns, f"error / {first}", TIME), tuple(rows))


def _whole(block: Block, lines: Sequence[Line] | None = None, caption: str = "") -> TableText:
    chosen = block.lines if lines is None else lines
    columns = [h for h in block.headings if any(_says(line.of(h)) for line in chosen)]
    rows = [_row(line, [line.of(h) for h in columns]) for line in chosen]
    return TableText(caption, tuple(columns), tuple(rows))


def _grid(suite: Suite, block: Block, lines: Sequence[Line], heading: str) -> TableText:
    """Entries down, arms across, one number."""
    by_entry: dict[str, dict[str, Line]] = {}
    for line in lines:
        by_entry.setdefault(line.label, {})[line.arm] = line
    rows = []
    for arms in by_entry.values():
        first = next(iter(arms.values()))
        notes = list(dict.fromkeys(line.note for line in arms.values() if line.note))
        marks = [arms[a.label].of(heading) if a.label in arms else NOTHING for a in suite.arms]
        row = _row(first, marks)
        rows.append(RowText(row.label, row.kind, row.cells, notes[0] if notes else "", row.random))
    unit = f" ({block.unit})" if block.unit and heading != TIME else ""
    return TableText(f"{heading}{unit}", tuple(arm.label for arm in suite.arms), tuple(rows))


def _row(line: Line, marks: Sequence[Mark]) -> RowText:
    return RowText(line.label, line.kind, tuple(_cell(m) for m in marks), line.note, line.random)


def _cell(mark: Mark, *, beside: bool = True) -> CellText:
    other = number(mark.beside, mark.digits) if beside else ""
    own = 0 if mark.beside == mark.beside else mark.digits  # digits are those of the published one of the two
    return CellText(
        number(mark.value, own), other, mark.who, mark.source, mark.best, mark.suspect, mark.notes if beside else ()
    )


def _says(mark: Mark) -> bool:
    return mark.value == mark.value or mark.beside == mark.beside

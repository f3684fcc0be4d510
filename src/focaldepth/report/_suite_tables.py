"""The tables of a suite as texts: one per data set, or one per number where there are several arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from focaldepth.benchmark._outcome import (
    KNOWN,
    MEASURED,
    MEMORY,
    MISSING,
    NOTHING,
    POOLED,
    PRINTED,
    TIME,
    Block,
    Line,
    Mark,
    overview,
    reference,
)
from focaldepth.benchmark._protocol import PROTOCOLS, Column
from focaldepth.benchmark._suite import Suite
from focaldepth.metrics._metric import metric


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

    @property
    def notes(self) -> list[tuple[str, str]]:
        """What has to be said of runs: lines, and what holds for all of them."""
        said: dict[str, list[str]] = {}
        for row in self.rows:
            if row.note and row.kind == MEASURED:
                said.setdefault(row.note, []).append(row.label)
        return [(", ".join(labels), note) for note, labels in said.items()]

    def markdown(self) -> str:
        """The table in Markdown."""
        lines = ["| " + " | ".join(("", *self.columns)) + " |", "|---|" + "---:|" * len(self.columns)]
        for row in self.rows:
            label = f"{row.label} (RANDOM WEIGHTS)" if row.random else row.label
            label = f"{label} (not run)" if row.kind == MISSING else label
            label = f"*{label}*" if row.kind in (KNOWN, PRINTED) else label
            lines.append("| " + " | ".join((label, *(cell.markdown() for cell in row.cells))) + " |")
        notes = [f"- {label}: {note}" for label, note in self.notes]
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
    """Return the tables of one data set: what ran, and what was printed; one table where the two compare."""
    run = [line for line in block.lines if line.kind in (MEASURED, MISSING)]
    printed = [line for line in block.lines if line.kind in (KNOWN, PRINTED)]
    if len(suite.arms) == 1 and not block.kin:
        return [_whole(block, block.lines)] if block.lines else []
    found = []
    if len(suite.arms) == 1 and run:
        found.append(_whole(block, run))
    elif run:
        found.append(_grid(suite, block, run, block.primary))
        times = _grid(suite, block, run, TIME, told=False)
        found += [times] if any(cell.text or cell.beside for row in times.rows for cell in row.cells) else []
    if printed:
        found.append(_whole(block, printed, _other_stacks(block) if block.kin else "Published by this protocol"))
    return found


def _other_stacks(block: Block) -> str:
    unit = PROTOCOLS.get(block.kin).rules.unit
    told = f", errors in {unit.symbol}" if unit else ""
    return f"Published for other stacks of the same kind by {block.kin}{told}: not to be compared number by number"


def legend(suite: Suite, blocks: Sequence[Block]) -> list[tuple[str, str]]:
    """Return the headings of all tables and what stands below them."""
    found: dict[str, dict[str, str]] = {}
    for block in blocks:
        shown = {h for t in block_tables(suite, block) for h in t.columns}
        shown |= {block.primary, TIME} if len(suite.arms) > 1 else set()
        printed = PROTOCOLS.get(block.kin).columns if block.kin else ()
        for column in (*block.record.columns, *printed):
            if column.heading in shown:
                found.setdefault(column.heading, {})[column.metric] = _definition(column)
        found |= {h: {h: text} for h, text in _BESIDE.items() if h in shown}
    if not found:
        return []
    bold = "the best measured number of a column" + (", of one variation" if len(suite.arms) > 1 else "")
    lines = [(heading, " Elsewhere: ".join(dict.fromkeys(texts.values()))) for heading, texts in found.items()]
    letters = (
        "mean over images, of e = estimate - truth, p = estimate, t = truth, sigma = its standard deviation, over the "
    )
    letters += "pixels that the protocol counts; the filled map unless it says that a method claims a depth there."
    return [
        ("Every number", letters),
        *lines,
        ("Bold", f"{bold}. Brackets: a published number that is suspect and takes no part in rankings."),
    ]


_BESIDE = {
    POOLED: "over the pixels of all images together; RMSE is the mean of the values of the images, as papers print it.",
    TIME: "wall time of one estimate, alignment and filling among it, of a stack that was read once before: median "
    "over the images without the first run of the method, which pays for what is done once.",
    MEMORY: "main memory that an estimate takes beside what the process held before, most of all images.",
}


def _definition(column: Column) -> str:
    """Definition, name in the list of metrics with its settings, direction, and where it is compared."""
    facts, variant = metric(column.metric).facts, column.metric.partition(".")[2]
    changed = "".join(f", {key} = {value}" for key, value in facts.variants.get(variant, {}).items())
    share = ", in per cent" if column.factor == 100 else ""
    better = f"{facts.better} is better" if facts.better in ("lower", "higher") else f"ideal {facts.better}"
    unit = {"depth": ", in the unit of errors", "depth^2": ", in its square"}.get(facts.scale, "")
    where = "; only where the method claims a depth" if column.claimed else ""
    return f"{facts.formula} ({column.metric}{changed}{share}{unit}; {better}{where})."


def summary_table(blocks: Sequence[Block]) -> TableText | None:
    """Return all data at one glance; None where nothing ran, or on one data set alone."""
    ran = [b for b in blocks if b.measured()]
    if len(ran) < 2:
        return None
    base = reference(ran)
    columns = [f"{b.found.key}: {b.primary}{f' ({b.unit})' if b.unit else ''}" for b in ran]
    rows = []
    for label, marks, ratio, time, random in overview(ran):
        cells = [_cell(marks.get(b.found.key, NOTHING), beside=False) for b in ran]
        cells += [CellText(number(ratio))] if base else []
        rows.append(RowText(label, MEASURED, (*cells, CellText(number(time))), random=random))
    return TableText("", (*columns, *([f"error / {base}"] if base else []), TIME), tuple(rows))


def _whole(block: Block, chosen: Sequence[Line], caption: str = "") -> TableText:
    known = dict.fromkeys([*block.headings, *(h for line in chosen for h in line.marks)])
    columns = [h for h in known if any(_says(line.of(h)) for line in chosen)]
    rows = [_row(line, [line.of(h) for h in columns]) for line in chosen]
    return TableText(caption, tuple(columns), tuple(rows))


def _grid(suite: Suite, block: Block, lines: Sequence[Line], heading: str, *, told: bool = True) -> TableText:
    """Entries down, arms across, one number; `told` where the table says what did not run."""
    by_entry: dict[str, dict[str, Line]] = {}
    for line in lines:
        by_entry.setdefault(line.label, {})[line.arm] = line
    rows = []
    for arms in by_entry.values():
        first = next(iter(arms.values()))
        untold = [line for line in arms.values() if line.note and told]
        note = f"{', '.join(line.arm for line in untold)}: {untold[0].note}" if untold else ""
        marks = [arms[a.label].of(heading) if a.label in arms else NOTHING for a in suite.arms]
        row = _row(first, marks)
        rows.append(RowText(row.label, row.kind, row.cells, note if first.kind == MEASURED else first.note, row.random))
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

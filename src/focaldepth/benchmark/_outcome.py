"""Runs become tables: every number beside the published one, and the best known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, fsum, inf, isfinite, log, nan

import numpy as np

from focaldepth.benchmark import _published as published
from focaldepth.benchmark._evaluate import Evaluation
from focaldepth.benchmark._found import Found
from focaldepth.benchmark._protocol import Column, Protocol
from focaldepth.benchmark._run_suite import RANDOM, Ready, groups, judged_by, runs_on
from focaldepth.benchmark._store import RunRecord, scores_of
from focaldepth.benchmark._suite import Entry, Suite
from focaldepth.core.axis import Unit
from focaldepth.metrics._metric import metric

TIME = "s / image"
"""Median over images; the first run of a method, which pays for what is done once, is left out."""
MEMORY = "memory MiB"
"""Most of all images, beside what the process held before."""
POOLED = "RMSE of all pixels"
MEASURED, MISSING, KNOWN, PRINTED = "measured", "missing", "best known", "published"


@dataclass(frozen=True)
class Mark:
    """One number of a table.

    Attributes:
        value: as the column prints it; NaN = there is none.
        beside: the published number of the same method, in the same form; NaN = there is none.
        source: where `beside`, or the value of a published line, was printed.
        who: of a best known number, its method.
        digits: significant digits of the published number; 0 = none.
        best: nothing measured in this column is better.
        suspect: a published number that takes no part in rankings.
        notes: marks of footnotes.
    """

    value: float = nan
    beside: float = nan
    source: str = ""
    who: str = ""
    digits: int = 0
    best: bool = False
    suspect: bool = False
    notes: tuple[str, ...] = ()


NOTHING = Mark()


@dataclass(frozen=True)
class Line:
    """One line of a table.

    Attributes:
        label: the entry, or the printed name.
        arm: the variation; empty where there is one only.
        kind: measured, missing, best known or published.
        marks: heading -> number.
        images: number of images behind it.
        note: what has to be said of it: weights that are missing, stacks that it cannot take.
        random: it ran with weights that mean nothing.
    """

    label: str
    arm: str
    kind: str
    marks: Mapping[str, Mark]
    images: int = 0
    note: str = ""
    random: bool = False

    def of(self, heading: str) -> Mark:
        """Return the number of a column."""
        return self.marks.get(heading, NOTHING)


@dataclass(frozen=True)
class Block:
    """The table of one data set by one protocol.

    Attributes:
        found: the data.
        record: the protocol.
        unit: symbol of the unit of errors; empty where nothing ran and the protocol leaves it to the stacks.
        headings: heading -> "lower", "higher", or the ideal value.
        lines: measured, missing, best known, published.
        kin: the published numbers are of other stacks of the same kind, by this protocol; empty = they compare.
        curves: name -> entry -> mean curve.
        footnotes: of the numbers in it.
    """

    found: Found
    record: Protocol
    unit: str
    headings: Mapping[str, str]
    lines: tuple[Line, ...]
    kin: str = ""
    curves: Mapping[str, Mapping[str, list[float]]] = field(default_factory=dict)
    footnotes: tuple[published.Footnote, ...] = ()

    @property
    def primary(self) -> str:
        """Heading of the column that ranks."""
        return next(iter(self.headings))

    def measured(self) -> list[Line]:
        """Return the lines of runs."""
        return [line for line in self.lines if line.kind == MEASURED]

    def line(self, label: str, arm: str = "") -> Line | None:
        """Return the measured line of an entry in an arm."""
        return next((x for x in self.measured() if (x.label, x.arm) == (label, arm)), None)


def blocks(suite: Suite, found: Sequence[Found], entries: Sequence[Ready], records: Sequence[RunRecord]) -> list[Block]:
    """Return one table per data set, in their order."""
    grouped = dict(groups(records))
    return [_block(suite, one, entries, grouped, records) for one in found]


def _block(
    suite: Suite,
    found: Found,
    entries: Sequence[Ready],
    grouped: Mapping[tuple[str, str, str], dict[str, RunRecord]],
    records: Sequence[RunRecord],
) -> Block:
    record = judged_by(found.protocol)
    kin = next((w.protocol for w in suite.wanted if w.dataset == found.name and not found.published), "")
    protocol = found.protocol if found.published else kin
    here = [e for e in entries if runs_on(e.entry, found)]
    lines: list[Line] = []
    units: dict[str, None] = {}
    for entry in here:
        for arm in suite.arms:
            runs = grouped.get((found.key, entry.entry.label, arm.label), {})
            units |= dict.fromkeys(r.unit for r in runs.values())
            line = _line(found, record, entry, arm.label, runs, records)
            lines += [line] if line else []
        if found.published and not any(x.label == entry.entry.label for x in lines):
            lines += _unrun(suite, found, record, entry)
    if not units and record.rules.unit:
        units[record.rules.unit.value] = None
    headings = _headings(record, any(line.kind == MEASURED for line in lines))
    lines = _marked(lines, headings)
    lines += _printed(protocol, judged_by(kin) if kin else record) if protocol else []
    notes = {n.mark: n for t in suite.tables for n in published.table(t).footnotes}
    notes |= {n.mark: n for t, _ in published.printed_by(protocol) for n in t.footnotes}
    used = {mark for line in lines for m in line.marks.values() for mark in m.notes}
    used |= {mark for _, row in published.printed_by(protocol) for mark in _general(row)}
    return Block(
        found, record, ", ".join(Unit(u).symbol for u in units), headings, tuple(lines), kin,
        _curves(here, found, grouped), tuple(sorted((n for mark, n in notes.items() if mark in used), key=_order)),
    )  # fmt: skip


def _order(note: published.Footnote) -> tuple[int, str]:
    return (int(note.mark), "") if note.mark.isdigit() else (1000, note.mark)


def _headings(record: Protocol, measured: bool) -> dict[str, str]:
    found = {}
    for column in record.columns:
        found[column.heading] = metric(column.metric).facts.better
        if column.metric == "rmse" and not column.claimed and measured:
            found[POOLED] = "lower"
    return {**found, TIME: "lower", **({MEMORY: "lower"} if measured else {})}


def _line(
    found: Found,
    record: Protocol,
    ready: Ready,
    arm: str,
    runs: dict[str, RunRecord],
    records: Sequence[RunRecord],
) -> Line | None:
    """The line of an entry in an arm; None where nothing ran."""
    mine = [r for r in records if (r.data, r.entry, r.arm) == (found.key, ready.entry.label, arm) and not r.scored]
    if not runs and not mine:
        return None
    told = dict.fromkeys(r.failed or r.refused for r in mine)
    note = f"{len(mine)} of {len(mine) + len(runs)} stacks not run: {next(iter(told))}" if mine else ""
    values = _values(found, record, ready.entry.label, runs) if runs else {}
    beside = _beside(found, record, ready.entry, arm)
    marks = {
        heading: replace(beside.get(heading, NOTHING), value=values.get(heading, nan))
        for heading in {**values, **beside}
    }
    return Line(ready.entry.label, arm, MEASURED, marks, len(runs), note, ready.weights == RANDOM)


def _values(found: Found, record: Protocol, label: str, runs: dict[str, RunRecord]) -> dict[str, float]:
    evaluation = Evaluation(
        found.protocol, record, label, scores_of(runs, claimed=False), scores_of(runs, claimed=True)
    )
    values = {column.heading: evaluation.mean(column) for column in record.columns}
    rmse = next((c for c in record.columns if c.metric == "rmse" and not c.claimed), None)
    if rmse is not None:
        values[POOLED] = evaluation.pooled(rmse)
    later = [r.seconds for r in runs.values() if not r.first] or [r.seconds for r in runs.values()]
    values[TIME] = float(np.median(later))  # a busy machine makes outliers
    return {
        **values,
        MEMORY: max((r.grown_bytes for r in runs.values() if isfinite(r.grown_bytes)), default=nan) / 2**20,
    }


def _unrun(suite: Suite, found: Found, record: Protocol, ready: Ready) -> Iterator[Line]:
    """What is known of an entry that did not run on a published data set."""
    note = ready.missing if ready.missing else ""
    for arm in suite.arms:
        beside = _beside(found, record, ready.entry, arm.label)
        if beside:
            yield Line(ready.entry.label, arm.label, MISSING, beside, note=note)


def _beside(found: Found, record: Protocol, entry: Entry, arm: str) -> dict[str, Mark]:
    """Published numbers of an entry by the protocol of a data set: those named for it, else of the same method."""
    if not found.published:
        return {}
    named = [published.table(p.table).row(p.row) for p in entry.published if p.arm in ("", arm)]
    rows = [row for row in named if row.protocol == found.protocol]
    if not entry.published:
        names = published.SAME.get(entry.method or entry.label, ())
        rows = [row for _, row in published.printed_by(found.protocol) if row.method in names]
    marks: dict[str, Mark] = {}
    for row in rows:
        for heading, mark in _row_marks(record, row).items():
            marks.setdefault(heading, replace(mark, beside=mark.value, value=nan))
    return marks


def _row_marks(record: Protocol, row: published.Row, scopes: tuple[str, ...] = ("row", "cell")) -> dict[str, Mark]:
    """Numbers of a published row under the headings of a protocol, with its footnotes of some scopes."""
    marks = {}
    for column in (*record.columns, Column(published.SECONDS)):
        time = column.metric == published.SECONDS
        cell = None if column.claimed else row.of(column.metric)
        if cell is not None and cell.value is not None:
            heading = TIME if time else column.heading
            title = f"{published.table(cell.table).title}: {row.name}"
            notes = tuple(n.mark for n in cell.footnotes if n.scope in scopes)
            marks[heading] = Mark(
                cell.value * column.factor, source=title, digits=cell.digits, suspect=cell.suspect, notes=notes
            )
    return marks


def _printed(protocol: str, record: Protocol) -> Iterator[Line]:
    """The best known numbers of a protocol, then every published row."""
    best = {}
    for column in record.columns:
        known = None if column.claimed else published.best_known(protocol, column.metric)
        if known is not None:
            row, _ = known
            mark = _row_marks(replace(record, columns=(column,)), row)[column.heading]
            best[column.heading] = replace(mark, who=_who(row))
    if best:
        yield Line("best known", "", KNOWN, best)
    for table, row in published.printed_by(protocol):
        marks = _row_marks(record, row, ("cell",))
        if marks:
            whole = ", ".join(_general(row))
            yield Line(
                row.name.replace("_", " "), "", PRINTED, marks, note=f"{table.title}{f' [{whole}]' if whole else ''}"
            )


def _general(row: published.Row) -> list[str]:
    """Marks of the footnotes of a row as a whole, those of its table among them."""
    marks = {n.mark: n for c in row.cells.values() for n in c.footnotes if n.scope != "cell"}
    return [n.mark for n in sorted(marks.values(), key=_order)]


def _who(row: published.Row) -> str:
    """Name of the method with its year, or of the whole row where its first identifier is no method."""
    year = row.ids.get("year", "")
    name = f"{row.method}{f' {year}' if year else ''}" if "method" in row.ids else row.name
    return name.replace("_", " ")


def _marked(lines: list[Line], headings: Mapping[str, str]) -> list[Line]:
    """Mark the best measured number of every column; runs with random weights take no part."""
    ranked = [x for x in lines if x.kind == MEASURED and not x.random]
    if len({line.label for line in ranked}) < 2:
        return lines
    met: dict[tuple[str, str], list[float]] = {}
    for line in ranked:
        for heading, better in headings.items():
            badness = badness_of(line.of(heading).value, better)
            met.setdefault((line.arm, heading), []).extend([badness] if badness < inf else [])
    best = {place: min(several) for place, several in met.items() if len(several) > 1}

    def marked(line: Line) -> Line:
        if line.kind != MEASURED or line.random:
            return line
        badness = {h: badness_of(m.value, headings.get(h, "lower")) for h, m in line.marks.items()}
        marks = {h: replace(m, best=badness[h] == best.get((line.arm, h))) for h, m in line.marks.items()}
        return replace(line, marks=marks)

    return [marked(line) for line in lines]


def badness_of(value: float, better: str) -> float:
    """Return a number that is lower for a better value; infinity for none."""
    if value != value:
        return inf
    if better in ("lower", "higher"):
        return value if better == "lower" else -value
    return abs(value - float(better))


def _curves(
    entries: Sequence[Ready], found: Found, grouped: Mapping[tuple[str, str, str], dict[str, RunRecord]]
) -> dict[str, dict[str, list[float]]]:
    """Mean curve over images of every entry, of arm-less suites."""
    curves: dict[str, dict[str, list[float]]] = {}
    for ready in entries:
        runs = grouped.get((found.key, ready.entry.label, ""), {})
        for name in ("bad-pix", "sparsification"):
            rows = [r.curves[name] for r in runs.values() if name in r.curves]
            if rows:
                curves.setdefault(name, {})[ready.entry.label] = np.mean(rows, axis=0).tolist()
    return curves


def reference(all_blocks: Sequence[Block]) -> str:
    """Return the first entry that has a number on every data set on which anything ran; empty where none has."""
    ran = [b for b in all_blocks if b.measured()]
    labels = dict.fromkeys(line.label for b in ran for line in b.measured())
    return next((x for x in labels if all(isfinite(_first_arm(b, x).of(b.primary).value) for b in ran)), "")


def _first_arm(block: Block, label: str) -> Line:
    lines = block.measured()
    arm = lines[0].arm if lines else ""
    return block.line(label, arm) or Line(label, arm, MISSING, {})


def overview(all_blocks: Sequence[Block]) -> list[tuple[str, dict[str, Mark], float, float, bool]]:
    """Return (entry, data -> primary number, mean ratio to the reference, mean time, random): all data at one glance.

    The ratio is the geometric mean over the data sets; arms other than the first are left out.
    """
    ran = [b for b in all_blocks if b.measured()]
    base = reference(ran)
    found = []
    for label in dict.fromkeys(line.label for b in ran for line in b.measured()):
        lines = [_first_arm(b, label) for b in ran]
        marks = {b.found.key: line.of(b.primary) for b, line in zip(ran, lines, strict=True)}
        pairs = [
            (line.of(b.primary).value, _first_arm(b, base).of(b.primary).value)
            for b, line in zip(ran, lines, strict=True)
        ]
        ratios = [a / b for a, b in pairs if isfinite(a) and isfinite(b) and a > 0 and b > 0]
        ratio = exp(fsum(map(log, ratios)) / len(ratios)) if len(ratios) == len(ran) else nan
        times = [t for line in lines if isfinite(t := line.of(TIME).value)]
        mean = fsum(times) / len(times) if times else nan
        found.append((label, marks, ratio, mean, any(line.random for line in lines)))
    return found

"""Files of a suite: the record, the table of images, a page in Markdown and in HTML, and the figures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from focaldepth._version import __version__
from focaldepth.benchmark import _published as published
from focaldepth.benchmark._outcome import Block
from focaldepth.benchmark._run_suite import judged_by
from focaldepth.benchmark._store import RunRecord, scores_of
from focaldepth.benchmark._suite import Suite
from focaldepth.core.errors import SettingError
from focaldepth.report._suite_figures import CAPTIONS, TITLES, figures, file_name
from focaldepth.report._suite_tables import CellText, RowText, TableText, block_tables, legend, summary_table
from focaldepth.report.html import TEMPLATES
from focaldepth.report.plot import Plot, svg

RECORD = "suite.json"
RUNS = "runs.jsonl"
IMAGES = "images.csv"
MARKDOWN = "report.md"
PAGE = "report.html"
FIGURES = "figures"
SCHEMA = "focaldepth.suite/1"


@dataclass(frozen=True)
class SuiteOutcome:
    """Everything that a suite gave.

    Attributes:
        name: of the suite.
        suite: its facts.
        blocks: one table per data set.
        records: all runs.
        absent: label of an entry that did not run -> why.
        facts: how it came about: command line, settings, machine.
    """

    name: str
    suite: Suite
    blocks: Sequence[Block]
    records: Sequence[RunRecord]
    absent: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def random(self) -> list[str]:
        """Labels of entries that ran with random weights."""
        return list(dict.fromkeys(line.label for b in self.blocks for line in b.measured() if line.random))

    @property
    def failures(self) -> list[RunRecord]:
        """Runs that went wrong."""
        return [r for r in self.records if r.failed]


def check_suite_folder(out: Path, name: str) -> None:
    """Raise SettingError for a folder that holds something else than runs of this suite.

    Args:
        out: folder of the results; a new one, an empty one, or one of an earlier run.
        name: of the suite.
    """
    hint = "Give another folder."
    if not out.exists():
        return
    if not out.is_dir():
        raise SettingError("is a file, not a folder.", where=out, hint="Give the name of a folder.")
    if not any(out.iterdir()):
        return
    try:
        old = json.loads((out / RECORD).read_text(encoding="utf-8"))
        theirs = old["suite"] if old["schema"] == SCHEMA else ""
    except (OSError, ValueError, KeyError, TypeError):
        theirs = ""
    if not theirs:
        raise SettingError(f"is no folder of a suite (no {RECORD} of one in it).", where=out, hint=hint)
    if theirs != name:
        raise SettingError(f"holds the results of the suite {theirs!r}, not of {name!r}.", where=out, hint=hint)


def begin_suite(out: Path, name: str, facts: Mapping[str, Any]) -> None:
    """Make the folder and sign it, so that a stopped run is known as one of this suite."""
    out.mkdir(parents=True, exist_ok=True)
    if not (out / RECORD).exists():
        _write(out / RECORD, _json({"schema": SCHEMA, "suite": name, "complete": False, **facts}))


def save_suite(outcome: SuiteOutcome, out: Path) -> list[str]:
    """Write all files of a suite; each is complete or not there, those of an earlier run are replaced.

    Returns:
        Paths of the files.
    """
    drawn = figures(outcome.suite, outcome.blocks)
    files = {IMAGES: images_csv(outcome), MARKDOWN: markdown(outcome, drawn), PAGE: page(outcome, drawn)}
    for kind, plots in drawn.items():
        for key, plot in plots.items():
            files[f"{FIGURES}/{file_name(kind, key)}"] = svg(plot) + "\n"
    (out / FIGURES).mkdir(exist_ok=True)
    for old in (out / FIGURES).glob("*.svg"):
        if f"{FIGURES}/{old.name}" not in files:
            old.unlink()
    for name, text in files.items():
        _write(out / name, text)
    _write(out / RECORD, _json(record(outcome) | {"files": [*files, RUNS]}))
    shown = [MARKDOWN, PAGE, IMAGES, RECORD]
    return [str(out / name) for name in shown]


def record(outcome: SuiteOutcome) -> dict[str, Any]:
    """Return everything as plain values; NaN and infinity are None."""
    content = {
        "schema": SCHEMA,
        "suite": outcome.name,
        "complete": True,
        "version": __version__,
        "title": outcome.suite.title,
        "random_weights": outcome.random,
        "not_run": dict(outcome.absent),
        "failures": [f"{r.data}, {r.image}, {r.entry}: {r.failed}" for r in outcome.failures],
        "data": [_block(block) for block in outcome.blocks],
        "published": {name: _published(name) for name in outcome.suite.tables},
        **outcome.facts,
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def _block(block: Block) -> dict[str, Any]:
    return {
        "name": block.found.name,
        "protocol": block.found.protocol,
        "place": block.found.place,
        "images": len(block.found.items),
        "missing": block.found.missing,
        "unit": block.unit,
        "better": dict(block.headings),
        "lines": [asdict(line) for line in block.lines],
        "curves": {name: dict(curves) for name, curves in block.curves.items()},
        "footnotes": {n.mark: n.text for n in block.footnotes},
        "published_numbers_are_of_other_stacks": bool(block.kin),
    }


def _published(name: str) -> dict[str, Any]:
    table = published.table(name)
    return {
        "title": table.title,
        "facts": dict(table.facts),
        "rows": {row.name: {h: c.printed for h, c in row.cells.items()} for row in table.rows.values()},
        "footnotes": {n.mark: n.text for n in table.footnotes},
    }


def images_csv(outcome: SuiteOutcome) -> str:
    """Return one row per run: what it is, every number by its heading, time, and why there is none."""
    headings = list(dict.fromkeys(c.heading for b in outcome.blocks for c in b.record.columns))
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    first = ["data", "protocol", "image", "method", "variation", "unit"]
    out.writerow([*first, *headings, "seconds", "memory bytes", "fit", "not run"])
    protocols = {b.found.key: b.found.protocol for b in outcome.blocks}
    for run in outcome.records:
        cells = dict.fromkeys(headings, "")
        if run.scored:
            scores = {claimed: scores_of({run.image: run}, claimed=claimed) for claimed in (False, True)}
            for column in judged_by(protocols[run.data]).columns:
                value = column.factor * scores[column.claimed].of(run.image, column.metric)
                cells[column.heading] = "" if value != value else repr(value)
        seconds = f"{run.seconds:.4f}" if run.scored else ""
        place = (run.data, protocols[run.data], run.image, run.entry, run.arm, run.unit)
        memory = f"{run.grown_bytes:.0f}" if isfinite(run.grown_bytes) else ""
        out.writerow([*place, *cells.values(), seconds, memory, run.fit, run.failed or run.refused])
    return text.getvalue()


def markdown(outcome: SuiteOutcome, drawn: Mapping[str, Mapping[str, Plot]]) -> str:
    """Return the page in Markdown; figures are linked."""
    suite = outcome.suite
    parts = [f"# {suite.title}", suite.question, *_warnings(outcome), *([suite.note] if suite.note else [])]
    summary = summary_table(outcome.blocks) if len(suite.arms) == 1 else None
    parts += ["## All data", summary.markdown()] if summary else []
    for block in outcome.blocks:
        tables = block_tables(suite, block)
        if not tables:
            continue
        parts += [f"## {block.found.key}", ". ".join(_about(block)) + "."]
        for table in tables:
            parts += [*([f"### {table.caption}"] if table.caption else []), table.markdown()]
        parts += ["\n".join(f"[{n.mark}] {n.text}  " for n in block.footnotes)] if block.footnotes else []
    parts += ["## What the numbers are", "\n".join(f"- **{k}**: {v}" for k, v in legend(suite, outcome.blocks))]
    absent = "\n".join(f"- {label}: {why}" for label, why in outcome.absent.items())
    parts += ["## Not run", absent] if absent else []
    for kind, plots in drawn.items():
        parts += [f"## {TITLES[kind]}", CAPTIONS[kind]]
        parts.append("\n".join(f"![{p.title}]({FIGURES}/{file_name(kind, key)})" for key, p in plots.items()))
    for name in suite.tables:
        table, notes = published_table(name)
        parts += [f"## {published.table(name).title} ({name})", table.markdown(), *(f"[{m}] {t}" for m, t in notes)]
    parts.append(_made(outcome))
    return "\n\n".join(parts) + "\n"


def page(outcome: SuiteOutcome, drawn: Mapping[str, Mapping[str, Plot]]) -> str:
    """Return the page in HTML, which carries everything in itself."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    suite = outcome.suite
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    shown = [(b, block_tables(suite, b)) for b in outcome.blocks]
    return environment.get_template("suite.html.j2").render(
        css=(TEMPLATES / "report.css").read_text("utf-8") + (TEMPLATES / "suite.css").read_text("utf-8"),
        version=__version__,
        suite=suite,
        warnings=_warnings(outcome),
        summary=summary_table(outcome.blocks) if len(suite.arms) == 1 else None,
        blocks=[(b, _about(b), tables) for b, tables in shown if tables],
        figures=[(TITLES[k], CAPTIONS[k], [svg(p) for p in plots.values()]) for k, plots in drawn.items()],
        published=[(published.table(n).title, n, *published_table(n)) for n in suite.tables],
        legend=legend(suite, outcome.blocks),
        absent=outcome.absent,
        sources=published.sources(),
        made=_made(outcome),
    )


def published_table(name: str) -> tuple[TableText, list[tuple[str, str]]]:
    """Return a published table as it was printed, and its footnotes."""
    table = published.table(name)
    headings = list(next(iter(table.rows.values())).cells)
    rows = []
    for row in table.rows.values():
        of_row = dict.fromkeys(n.mark for c in row.cells.values() for n in c.footnotes if n.scope == "row")
        marks = f" [{', '.join(of_row)}]" if of_row else ""
        label = f"{row.name.replace('_', ' ')}{marks}"
        cells = [
            CellText(c.printed, suspect=c.suspect, notes=tuple(n.mark for n in c.footnotes if n.scope == "cell"))
            for c in row.cells.values()
        ]
        rows.append(RowText(label, "published", tuple(cells)))
    columns = tuple(next(iter(table.rows.values())).cells[h].heading for h in headings)
    return TableText("", columns, tuple(rows)), [(n.mark, n.text) for n in table.footnotes]


def _about(block: Block) -> list[str]:
    """What a reader has to know of a data set: how it is judged, how much there is, what is missing."""
    found = [f"Protocol {block.found.protocol}: {block.record.title} ({block.record.source})"]
    if block.found.items:
        count = len(block.found.items)
        found.append(f"{count} {'stack' if count == 1 else 'stacks'} of {block.found.place}")
    if block.unit:
        found.append(f"errors in {block.unit}")
    if block.found.missing:
        found.append(f"data not found: {block.found.missing.rstrip('.')}")
    if block.record.note and (block.found.published or block.measured()):
        found.append(block.record.note.rstrip("."))
    return found


def _warnings(outcome: SuiteOutcome) -> list[str]:
    found = []
    if outcome.random:
        found.append(
            f"DRY RUN WITH RANDOM WEIGHTS: the numbers of {', '.join(outcome.random)} mean nothing. They show that the "
            "suite runs, and how long it takes."
        )
    if not outcome.records:
        found.append("Nothing was run: these are the published numbers alone.")
    if outcome.failures:
        first = outcome.failures[0]
        found.append(
            f"{len(outcome.failures)} of {len(outcome.records)} runs failed, the first: {first.data}, {first.image}, "
            f"{first.entry}: {first.failed}"
        )
    return found


def _made(outcome: SuiteOutcome) -> str:
    facts = outcome.facts
    said = [f"focaldepth {__version__}", *(str(facts[k]) for k in ("machine", "date", "line") if facts.get(k))]
    return "; ".join(said)


def _write(path: Path, text: str) -> None:
    from focaldepth.io._atomic import staged_file

    with staged_file(path, overwrite=True) as part:
        part.write_text(text, encoding="utf-8")


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if isinstance(value, str | int | None) else str(value)

"""``focaldepth benchmark``: methods over data sets, every number beside the published one."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.cli import _options, _show, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._listing import print_table
from focaldepth.cli._session import current
from focaldepth.core.errors import SettingError
from focaldepth.core.machine import described
from focaldepth.estimate import EstimateSettings

RANDOM = "random"


@click.command("benchmark", short_help="Methods over data sets, beside the published numbers.")
@click.argument("suite", metavar="SUITE", required=False)
@click.option("--list", "listing", is_flag=True, help="List the suites.")
@click.option(
    "--root", metavar="DIR", help="Folder of data sets and stacks with truth.  [default: published numbers alone]"
)
@click.option(
    "--methods",
    metavar="NAME,NAME",
    default="",
    help="Methods instead of those of the suite; +NAME comes on top of them.",
)
@click.option("--data", metavar="NAME,NAME", default="", help="Only these data sets or families of stacks.")
@click.option(
    "--weights",
    metavar="METHOD=FILE",
    multiple=True,
    help="Weights of a network, file or name; or random for a dry run whose numbers mean nothing. Repeatable.",
)
@_options.output("OUT", "Folder of the results; a stopped run in it goes on.", required=False)
@click.option("--overwrite", is_flag=True, help="Forget the finished runs in OUT, as after data have changed.")
@_options.settings(EstimateSettings, only=("device",))
@_options.running
def command(suite: str | None, output: str | None, **options: Any) -> None:
    """Run the methods of SUITE on every data set found below --root; write tables, figures and numbers into OUT.

    Every finished run is stored at once: the same command goes on where it was stopped, and runs nothing twice.
    """
    from focaldepth.benchmark._found import find_data
    from focaldepth.benchmark._outcome import blocks
    from focaldepth.benchmark._run_suite import ready, run_suite, tasks
    from focaldepth.benchmark._store import RunStore
    from focaldepth.benchmark._suite import SUITES
    from focaldepth.report.suite import RUNS, SuiteOutcome, begin_suite, check_suite_folder, record, save_suite

    if options["listing"]:
        _list(as_json=options["as_json"])
        return
    if suite is None:
        raise click.UsageError(f"Name a suite: {', '.join(SUITES.names())}.")
    chosen = SUITES.get(suite).with_methods(_names(options["methods"]))
    if output is None:
        raise click.UsageError("Give a folder for the results: -o OUT.")
    out = Path(output)
    check_suite_folder(out, suite)
    entries = ready(chosen, _weights(options["weights"]))
    found = find_data(chosen, options["root"], _names(options["data"]))
    todo = tasks(chosen, found, entries)
    facts = _facts()
    begin_suite(out, suite, facts)
    if options["overwrite"]:
        (out / RUNS).unlink(missing_ok=True)
    store = RunStore(out / RUNS)
    current().kept = f"finished runs are kept in {out}, the same command goes on with them"
    _tell(options, entries, found, todo)
    with _work.running(options) as run:
        records = run_suite(chosen, todo, store, EstimateSettings(device=options["device"]), run)
    absent = {entry.entry.label: entry.missing for entry in entries if entry.missing}
    tables = blocks(chosen, found, entries, records)
    outcome = SuiteOutcome(suite, chosen, tables, records, absent, facts)
    files = save_suite(outcome, out)
    current().written = str(out)
    if options["as_json"]:
        print_json(record(outcome) | {"output": output})
    else:
        _print(outcome)
    if not options["quiet"]:
        _show.written(files)
    if outcome.failures:
        first = outcome.failures[0]
        count = f"{len(outcome.failures)} of {len(records)} runs failed"
        click.echo(f"focaldepth: {count}, the first: {first.image}, {first.entry}: {first.failed}", err=True)
        click.get_current_context().exit(1)


def _names(text: str) -> tuple[str, ...]:
    """Read names separated by commas; they keep their case and their plus."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _weights(texts: Sequence[str]) -> dict[str, str]:
    """Read METHOD=FILE, or random for every network."""
    found: dict[str, str] = {}
    for text in texts:
        key, sign, value = (part.strip() for part in text.partition("="))
        if key == RANDOM and not sign:
            key, value = "", RANDOM
        elif not (key and value):
            raise SettingError(f"{text!r} is not METHOD=FILE.", where="--weights", hint="Or give random for a dry run.")
        if found.setdefault(key, value) != value:
            raise SettingError(f"{key or RANDOM} is given twice.", where="--weights", hint="Give one set of weights.")
    return found


def _facts() -> dict[str, Any]:
    return {
        "line": "focaldepth " + shlex.join(sys.argv[1:]),
        "machine": described(),
        "date": date.today().isoformat(),
    }


def _list(*, as_json: bool) -> None:
    from focaldepth.benchmark._suite import SUITES

    suites = {name: SUITES.get(name) for name in SUITES.names()}
    if as_json:
        facts = {
            name: {
                "title": s.title,
                "question": s.question,
                "methods": [e.label for e in s.entries],
                "variations": [a.label for a in s.arms if a.label],
                "data": [f"{w.dataset}, {w.protocol}" for w in s.wanted],
                "tables": list(s.tables),
            }
            for name, s in suites.items()
        }
        print_json({"command": "benchmark", "version": __version__, "suites": facts})
        return
    print_table([("suite", "what it answers"), *((name, s.question) for name, s in suites.items())])


def _tell(options: Any, entries: Sequence[Any], found: Sequence[Any], todo: Sequence[Any]) -> None:
    """Say what was found and what is missing, before the runs."""
    if options["quiet"]:
        return
    for one in found:
        if one.items:
            _show.fact("data", f"{one.key}: {len(one.items)} stacks, {one.place}")
    for one in found:
        if one.missing:
            _show.fact("not found", f"{one.key}: {one.missing}")
    for entry in entries:
        if entry.missing:
            _show.fact("not run", f"{entry.entry.label}: {entry.missing}")
    if any(entry.weights == RANDOM for entry in entries):
        _show.warn(["RANDOM WEIGHTS: the numbers of these networks mean nothing."])
    _show.fact("runs", str(len(todo)))


def _print(outcome: Any) -> None:
    """Print the tables of what ran on stdout; without data those of the published numbers."""
    from focaldepth.report._suite_tables import block_tables

    ran = [b for b in outcome.blocks if b.measured()]
    for block in ran or outcome.blocks:
        for table in block_tables(outcome.suite, block):
            rows = [(row.label, *(_cell(c) for c in row.cells)) for row in table.rows]
            title = f"{block.found.key}{f', {table.caption}' if table.caption else ''}"
            print_table([(title, *table.columns), *rows])
    if outcome.random:
        click.echo(f"RANDOM WEIGHTS, these numbers mean nothing: {', '.join(outcome.random)}\n")


def _cell(cell: Any) -> str:
    text = f"{cell.text}{'*' if cell.best else ''}"
    return f"{text} ({cell.beside})".strip() if cell.beside else text or "-"

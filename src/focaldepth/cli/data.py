"""``focaldepth data``: the data sets that are known, a check of one on disk, stacks of raw data, miniatures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.cli import _options, _show, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._listing import print_facts, print_settings, print_table, setting_facts
from focaldepth.cli._session import current, debug_option
from focaldepth.cli._types import mapping, pair
from focaldepth.core.errors import SettingError
from focaldepth.core.progress import Run, Silent
from focaldepth.core.sample import Item
from focaldepth.datasets._dataset import (
    DATASETS,
    Dataset,
    Findings,
    Handed,
    Submission,
    dataset,
    write_fake,
    write_prepared,
)
from focaldepth.estimate import EstimateSettings, estimate

_FREE = ("align", "weights", "device")
_COLUMNS = ("data set", "title", "frames", "truth in", "splits")
_ROOT = click.option("--root", metavar="DIR", required=True, type=click.Path(), help="Folder of the data set.")
_SET = click.option(
    "--set",
    "settings",
    type=pair,
    metavar="KEY=VALUE",
    multiple=True,
    help="Setting of the data set; see `focaldepth data info NAME`. Repeatable.",
)


@click.group("data", short_help="Data sets: what is known of them, checks, preparation, miniatures.")
@debug_option
def command() -> None:
    """Public data sets of depth from focus: facts, a check of files, stacks out of raw data, miniatures for tests."""


@command.command("info", short_help="The data sets, or all about one of them.")
@click.argument("name", required=False)
@_options.JSON
@debug_option
def info(name: str | None, as_json: bool) -> None:
    """List the data sets; with NAME tell where it is got, what lies on disk, and what to beware of."""
    names = [DATASETS.resolve(name)] if name else DATASETS.names()
    found = {n: dataset_facts(n) for n in names}
    if as_json:
        print_json({"datasets": found, "aliases": dict(DATASETS.aliases)})
    elif name:
        _print_one(names[0], found[names[0]])
    else:
        print_table([_COLUMNS, *(_row(n, facts) for n, facts in found.items())])
        for alias, target in DATASETS.aliases:
            click.echo(f"{alias} stands for {target}.")
        click.echo("All about one: focaldepth data info NAME")


@command.command("check", short_help="Open every stack of a data set and tell what is wrong.")
@click.argument("name")
@click.option("--root", metavar="DIR", type=click.Path(), help="Folder of the data set.")
@click.option(
    "--submission", metavar="PATH", type=click.Path(), help="Look at results that are to be handed in instead."
)
@_SET
@_options.printing
def check(
    name: str, root: str | None, submission: str | None, settings: tuple[tuple[str, str], ...], **options: Any
) -> None:
    """Count the stacks of data set NAME in DIR, open each one, and compare it with what is known of the set.

    The exit code is 1 where anything is wrong; every problem names its file or stack.
    """
    made = _chosen(name, settings)
    if (root is None) == (submission is None):
        raise click.UsageError("Give either --root or --submission.")
    if submission is not None:
        found = Findings({}, _form(made, name).check(submission))
    else:
        with _work.running({**options, "threads": None, "max_memory": None}) as run:
            found = made.check(str(root), run)
    if not options["quiet"]:
        for split, count in found.counts.items():
            _show.fact(split or "stacks", f"{count}")
        _show.warn(found.notes)
    for problem in found.problems:
        click.echo(problem, err=True)
    if not found.problems and not options["quiet"]:
        _show.fact("problems", "none")
    if options["as_json"]:
        facts = {"dataset": DATASETS.resolve(name), "root": root, "submission": submission, **asdict(found)}
        print_json({"command": "data check", "version": __version__, **facts})
    if found.problems:
        click.get_current_context().exit(1)


@command.command("prepare", short_help="Make stacks of the raw data of a set.")
@click.argument("name")
@_ROOT
@_options.output("OUT", "New folder for the stacks.")
@_SET
@_options.THREADS
@_options.printing
def prepare(name: str, root: str, output: str, settings: tuple[tuple[str, str], ...], **options: Any) -> None:
    """Make the stacks of data set NAME out of the raw data in DIR; OUT appears when everything is done."""
    made = _chosen(name, settings)
    with _work.running({**options, "max_memory": None}) as run:
        write_prepared(made, root, output, run)
        current().written = output
    _tell("data prepare", name, output, options)


@command.command("submit", short_help="Results of a method on the stacks of a benchmark that keeps their truth.")
@click.argument("name")
@click.argument("method", metavar="METHOD")
@_ROOT
@_options.output("OUT", "What is handed in: a new folder (ddff12) or zip (zedd).")
@_options.settings(EstimateSettings, only=_FREE)
@_options.SET
@click.option(
    "--data",
    "settings",
    type=pair,
    metavar="KEY=VALUE",
    multiple=True,
    help="Setting of the data set; see `focaldepth data info NAME`. Repeatable.",
)
@_options.running
def submit(name: str, method: str, root: str, output: str, **options: Any) -> None:
    """Run METHOD on the test stacks of data set NAME in DIR and write what its benchmark takes.

    Every pixel gets a number, in the unit of the benchmark; OUT appears when it is complete and right.
    """
    from focaldepth.estimate import make_method

    made = _chosen(name, options["settings"])
    form = _form(made, name)
    settings = _work.settings_of(options, method=method, unit=form.unit.value, fill=True, fusion="none")
    own = mapping(options["method_settings"], "--set")
    make_method(settings, own)
    items = made.items(root, form.split)
    with _work.running(options) as run:
        form.write(output, _results(items, settings, own, run))
        current().written = output
    _tell("data submit", name, output, options)


@command.command("fake", short_help="A miniature of a data set, in its own format.")
@click.argument("name")
@click.option("--root", metavar="DIR", required=True, type=click.Path(), help="New folder for the miniature.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another one, other content.")
@_SET
@_options.printing
def fake(name: str, root: str, seed: int, settings: tuple[tuple[str, str], ...], **options: Any) -> None:
    """Write a tiny data set with the files, names, keys and types of data set NAME into DIR, to try programs on."""
    write_fake(_chosen(name, settings), root, seed)
    current().written = root
    _tell("data fake", name, root, options)


def _chosen(name: str, settings: tuple[tuple[str, str], ...]) -> Dataset:
    return dataset(name, **mapping(settings, "--set"))


def _results(items: list[Item], settings: EstimateSettings, own: dict[str, str], run: Run) -> Iterator[Handed]:
    """Yield name, depth of every pixel and seconds of one stack after the other."""
    run.stage("submit", len(items))
    for item in items:
        stack = item.open().stack
        begin = time.perf_counter()
        result = estimate(stack, settings, method_settings=own, run=replace(run, progress=Silent()))
        seconds = time.perf_counter() - begin
        yield item.name, (result.filled or result.map).values, seconds
        run.advance()


def _form(made: Dataset, name: str) -> Submission:
    form = made.submission()
    if form is None:
        raise SettingError("all truth is public.", where=name, hint="Measure the errors: focaldepth evaluate.")
    return form


def _tell(verb: str, name: str, folder: str, options: dict[str, Any]) -> None:
    files = sorted(str(p) for p in Path(folder).rglob("*") if p.is_file())
    if not options["quiet"]:
        _show.written(files if len(files) <= 6 else [*files[:2], f"... {len(files) - 4} more", *files[-2:]])
    if options["as_json"]:
        facts = {"dataset": DATASETS.resolve(name), "output": folder, "files": files}
        print_json({"command": verb, "version": __version__, **facts})


def dataset_facts(name: str) -> dict[str, Any]:
    """Return all facts of a data set as plain values."""
    cls = DATASETS.get(name)
    spec = cls.spec
    axis, citation = spec.axis, spec.citation
    plain = {f: getattr(spec, f) for f in ("title", "summary", "address", "licence", "frames", "focus", "split_rule")}
    listed = {f: list(getattr(spec, f)) for f in ("splits", "protocols", "checksums", "layout", "notes")}
    return {
        **plain,
        "citation": citation.text if citation else "",
        "unit": spec.unit.value if spec.unit else "",
        "axis": {"values": axis.values.tolist(), "unit": axis.unit.value} if axis is not None else None,
        "submits": cls.submission is not Dataset.submission,
        "prepares": cls.prepare is not Dataset.prepare,
        "aliases": [alias for alias, target in DATASETS.aliases if target == name],
        **listed,
        "settings": setting_facts(cls),
    }


def _row(name: str, facts: dict[str, Any]) -> tuple[str, ...]:
    return (name, facts["title"], facts["frames"], facts["unit"] or "-", ", ".join(facts["splits"]) or "-")


def _print_one(name: str, facts: dict[str, Any]) -> None:
    click.echo(f"{name}: {facts['title']}")
    click.echo(facts["summary"])
    splits = ", ".join(facts["splits"])
    lines = {
        "also called": ", ".join(facts["aliases"]),
        "got from": facts["address"],
        "licence": facts["licence"],
        "cite": facts["citation"],
        "frames": facts["frames"],
        "focus": facts["focus"],
        "truth in": facts["unit"],
        "splits": f"{splits} ({facts['split_rule']})" if splits else "",
        "protocols": ", ".join(facts["protocols"]),
    }
    print_facts(lines)
    for heading, rows in (("On disk:", facts["layout"]), ("Beware:", facts["notes"])):
        if rows:
            click.echo(heading)
        for row in rows:
            click.echo(f"  {row}")
    if facts["checksums"]:
        click.echo("Checksums:")
    for file, algorithm, digest in facts["checksums"]:
        click.echo(f"  {file}  {algorithm} {digest}")
    if facts["prepares"]:
        click.echo(f"Raw data is turned into stacks: focaldepth data prepare {name} --root DIR -o OUT")
    if facts["submits"]:
        click.echo(f"Results are handed in: focaldepth data submit {name} METHOD --root DIR -o OUT")
    print_settings(facts["settings"], "--set name=value")

"""``focaldepth methods``: what there is, without running anything."""

from __future__ import annotations

from typing import Any

import click

from focaldepth.cli._json import print_json
from focaldepth.cli._listing import print_facts, print_settings, print_table, setting_facts
from focaldepth.cli._session import debug_option
from focaldepth.core.errors import MissingExtraError
from focaldepth.estimate import METHODS
from focaldepth.networks._catalogue import available

_COLUMNS = ("method", "title", "reads", "frames", "gives", "extra")


@click.command("methods", short_help="The methods, or all about one of them.")
@click.argument("name", required=False)
@click.option("--measures", is_flag=True, help="The focus measures instead; NAME may be a code such as TENG.")
@click.option("--metrics", is_flag=True, help="The metrics of `evaluate` instead.")
@click.option("--protocols", is_flag=True, help="The protocols of `evaluate` instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@debug_option
def command(name: str | None, measures: bool, metrics: bool, protocols: bool, as_json: bool) -> None:
    """List the methods; with NAME tell all about one, with the settings that --set takes."""
    if metrics or protocols:
        from focaldepth.cli._judging import list_metrics, list_protocols

        (list_metrics if metrics else list_protocols)(name, as_json)
        return
    if measures:
        from focaldepth.cli._measures import list_measures

        list_measures(name, as_json)
        return
    names = [METHODS.resolve(name)] if name else METHODS.names()
    found = {n: method_facts(n) for n in names}
    if as_json:
        print_json({"methods": found, "aliases": dict(METHODS.aliases)})
    elif name:
        _print_one(names[0], found[names[0]])
    else:
        _print_table(found)


def method_facts(name: str) -> dict[str, Any]:
    """Return all facts of a method; of one whose extra is missing only how to get it."""
    aliases = [alias for alias, target in METHODS.aliases if target == name]
    try:
        method = METHODS.get(name)
    except MissingExtraError as error:
        return {"title": str(error), "aliases": aliases, "available": False}
    spec = method.spec
    return {
        "title": spec.title,
        "summary": spec.summary,
        "aliases": aliases,
        "available": True,
        "access": spec.access.value,
        "min_frames": spec.min_frames,
        "max_frames": spec.max_frames,
        "units": [u.value for u in spec.units],
        "gives": list(spec.gives),
        "extra": spec.extra,
        "invariances": list(spec.invariances),
        "citations": [c.key for c in spec.citations],
        "settings": setting_facts(method),
        "weights": [card.name for card in available().values() if card.network == name],
    }


def _frames(facts: dict[str, Any]) -> str:
    most = facts["max_frames"]
    return f"{facts['min_frames']} to {most}" if most else f"{facts['min_frames']} or more"


def _print_table(found: dict[str, dict[str, Any]]) -> None:
    print_table([_COLUMNS, *(_row(name, facts) for name, facts in found.items())])
    for alias, target in METHODS.aliases:
        click.echo(f"{alias} stands for {target}.")
    click.echo("All about one: focaldepth methods NAME")


def _row(name: str, facts: dict[str, Any]) -> tuple[str, ...]:
    if not facts["available"]:
        return (name, facts["title"], "", "", "", "missing")
    return (name, facts["title"], facts["access"], _frames(facts), ", ".join(facts["gives"]), facts["extra"] or "-")


def _print_one(name: str, facts: dict[str, Any]) -> None:
    click.echo(f"{name}: {facts['title']}")
    if not facts["available"]:
        return
    click.echo(facts["summary"])
    aliases = ", ".join(facts["aliases"])
    lines = {
        "also called": aliases,
        "reads": facts["access"],
        "frames": _frames(facts),
        "units": ", ".join(facts["units"]),
        "gives": ", ".join(facts["gives"]),
        "extra": facts["extra"],
        "invariant to": ", ".join(facts["invariances"]),
        "weights": ", ".join(facts["weights"]),
        "cite": ", ".join(facts["citations"]),
    }
    print_facts(lines)
    print_settings(facts["settings"], "--set name=value")

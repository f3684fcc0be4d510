"""What ``focaldepth methods --measures`` tells."""

from __future__ import annotations

from inspect import getdoc
from typing import Any

import click

from focaldepth.cli._json import print_json
from focaldepth.cli._listing import print_facts, print_settings, print_table, setting_facts
from focaldepth.core.errors import MissingExtraError
from focaldepth.measures._measure import MEASURES

_COLUMNS = ("measure", "codes", "family", "gain", "offset", "frames", "title")


def list_measures(name: str | None, as_json: bool) -> None:
    """Print all focus measures, or all about one that is given by name or code."""
    names = [MEASURES.resolve(name)] if name else MEASURES.names()
    found = {n: measure_facts(n) for n in names}
    if as_json:
        print_json({"measures": found, "aliases": dict(MEASURES.aliases)})
    elif name:
        _print_one(names[0], found[names[0]])
    else:
        print_table([_COLUMNS, *(_row(n, facts) for n, facts in found.items())])
        click.echo("All about one: focaldepth methods --measures NAME (or a code)")
        click.echo("Depth with one: focaldepth estimate IN -o OUT --method naive --set measure=NAME")


def measure_facts(name: str) -> dict[str, Any]:
    """Return all facts of a measure; of one whose extra is missing only how to get it."""
    try:
        measure = MEASURES.get(name)
    except MissingExtraError as error:
        return {"title": str(error), "available": False}
    return {
        "title": measure.title,
        "summary": getdoc(type(measure)) or "",
        "available": True,
        "codes": list(measure.facts.codes),
        "family": measure.facts.family,
        "degree": measure.facts.degree,
        "offset": measure.facts.offset,
        "frames": measure.facts.frames,
        "reach": measure.reach,
        "source": measure.source,
        "settings": setting_facts(measure),
    }


def _gain(degree: float | None) -> str:
    return "no law" if degree is None else f"degree {degree:g}"


def _row(name: str, facts: dict[str, Any]) -> tuple[str, ...]:
    if not facts["available"]:
        return (name, "", "", "", "", "", facts["title"])
    offset = "ignored" if facts["offset"] else "counts"
    codes = " ".join(facts["codes"]) or "-"
    return (name, codes, facts["family"], _gain(facts["degree"]), offset, str(facts["frames"]), facts["title"])


def _print_one(name: str, facts: dict[str, Any]) -> None:
    click.echo(f"{name}: {facts['title']}")
    if not facts["available"]:
        return
    click.echo(facts["summary"])
    lines = {
        "also called": ", ".join(facts["codes"]),
        "family": facts["family"],
        "gain": _gain(facts["degree"]),
        "brightness": "does not count" if facts["offset"] else "counts",
        "frames": str(facts["frames"]),
        "reach": f"{facts['reach']} px",
        "source": facts["source"],
    }
    print_facts(lines)
    print_settings(facts["settings"], "from Python, dataclasses.replace")

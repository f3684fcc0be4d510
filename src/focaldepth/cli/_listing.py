"""Tables of what there is, and the settings of one thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from focaldepth.core.settings import facts


def setting_facts(owner: Any) -> list[dict[str, Any]]:
    """Return the settings of a class or instance, ready for JSON."""
    return [
        {
            "name": fact.name,
            "type": getattr(fact.type, "__name__", str(fact.type)),
            "default": fact.default,
            "allowed": fact.range_text,
            "unit": fact.unit,
            "help": fact.help,
        }
        for fact in facts(owner)
    ]


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Print rows of texts in columns; the first row names them."""
    rows = list(rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    click.echo()


def print_facts(lines: Mapping[str, str]) -> None:
    """Print label and text of each fact that there is."""
    for label, text in lines.items():
        if text:
            click.echo(f"  {label:<14}{text}")


def print_settings(settings: Sequence[Mapping[str, Any]], how: str) -> None:
    """Print the settings, if any; `how` says in what way they are given."""
    if settings:
        click.echo(f"Settings ({how}):")
    for one in settings:
        unit = f" {one['unit']}" if one["unit"] else ""
        allowed = f"; {one['allowed']}" if one["allowed"] else ""
        click.echo(f"  {one['name']} = {one['default']}{unit}  {one['help']} ({one['type']}{allowed})")

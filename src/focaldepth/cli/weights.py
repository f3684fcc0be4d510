"""``focaldepth weights``: which weights there are, and what is known of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from focaldepth.cli._json import print_json
from focaldepth.cli._session import debug_option
from focaldepth.networks._card import Card, read_card
from focaldepth.networks._catalogue import VARIABLE, available, find_weights, folders


@click.command("weights", short_help="The weights that are there, or the card of one.")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@debug_option
def command(name: str | None, as_json: bool) -> None:
    """List the weights in the weights folder; with NAME (or a file) show the card of one.

    The folder is that of the environment variable FOCALDEPTH_WEIGHTS, or "focaldepth/weights" among the user's data.
    """
    if name:
        path = find_weights(name)
        found = {path: read_card(path)}
    else:
        found = available()
    if as_json:
        print_json({"folders": [str(f) for f in folders()], "weights": [facts(p, c) for p, c in found.items()]})
    elif name:
        _print_one(facts(*next(iter(found.items()))))
    else:
        _print_list(found)


def facts(path: Path, card: Card) -> dict[str, Any]:
    """Return the card of weights as plain values, with their name and file."""
    return {"name": card.name, "file": str(path), **vars(card), "convention": card.convention.as_dict()}


def _print_list(found: dict[Path, Card]) -> None:
    for folder in folders():
        click.echo(f"{folder}{'' if folder.is_dir() else ' (does not exist yet)'}")
    width = max((len(card.name) for card in found.values()), default=0)
    for card in found.values():
        trained = f", trained on {card.trained_on}" if card.trained_on else ""
        click.echo(f"  {card.name:<{width}}  {card.parameters:,} numbers, {card.convention.unit}{trained}")
    if not found:
        click.echo("  no weights yet")
    click.echo(f"\nMore: focaldepth import CHECKPOINT --as NETWORK. Other folders: set {VARIABLE}.")


def _print_one(card: dict[str, Any]) -> None:
    click.echo(card.pop("name"))
    for key, value in card.items():
        if isinstance(value, dict):
            click.echo(f"  {key}")
            for inner, one in value.items():
                click.echo(f"    {inner:<16}{_text(one)}")
        else:
            click.echo(f"  {key:<16}{_text(value)}")


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value) or "-"

"""``focaldepth rerun``: the same run again, from the record in its result folder."""

import click


@click.command("rerun", short_help="Repeat a run from its result folder.")
def command() -> None:
    """Todo."""

"""``focaldepth calibrate``: error ranges of a camera out of stacks of dots, a benchmark out of one's own rig."""

from __future__ import annotations

import click

from focaldepth.cli._calibrate_rig import rig
from focaldepth.cli._calibrate_stack import stack
from focaldepth.cli._session import debug_option


@click.group("calibrate", short_help="A camera's focus errors from stacks of dots; depth of a rig.")
@debug_option
def command() -> None:
    """Calibrate a camera that makes focal stacks, or a rig that measures depth for them."""


command.add_command(stack)
command.add_command(rig)

"""The command line: parse, call the front door, show; no numerics here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run ``focaldepth`` with the given arguments (those of the process by default) and leave the process."""
    from focaldepth.cli._guard import run

    sys.exit(run(sys.argv[1:] if args is None else list(args)))

"""One JSON object on stdout."""

from __future__ import annotations

import json
import math
from typing import Any

import click


def print_json(facts: dict[str, Any]) -> None:
    """Print one JSON object on stdout; what is not a finite number becomes null."""
    click.echo(json.dumps(_plain(facts), ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)

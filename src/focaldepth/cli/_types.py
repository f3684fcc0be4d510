"""How texts on the command line become values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


class MemorySize(click.ParamType):
    """A number of bytes: 2GiB, 800MB, 1.5g, 1073741824."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a size."""
        match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([kmgt]?i?)b?\s*", str(value).lower())
        size = int(float(match[1]) * _SIZES.get(match[2], 0)) if match else 0
        if size < 1:
            self.fail(f"{value!r} is no amount of memory. Write for example 2GiB or 800MB.", param, ctx)
        return size


class Pair(click.ParamType):
    """key=value."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split at the first equals sign."""
        if isinstance(value, tuple):
            return value
        key, sign, text = str(value).partition("=")
        if not (key.strip() and sign and text.strip()):
            self.fail(f"{value!r} is not key=value.", param, ctx)
        return key.strip(), text.strip()


class Focus(click.ParamType):
    """Focus positions as numbers, or the file that holds them."""

    name = "numbers|file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a tuple of numbers, or the path of an existing file."""
        if not isinstance(value, str):
            return value
        words = [w for w in re.split(r"[\s,;]+", value) if w]
        try:
            return tuple(float(w) for w in words)
        except ValueError:
            path = Path(value)
        if not path.is_file():
            self.fail(f"{value!r} is neither a list of numbers such as 0.3,0.4,0.5 nor a file.", param, ctx)
        return path


class Words(click.ParamType):
    """Names separated by commas."""

    name = "name,name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Split at commas."""
        if isinstance(value, str):
            return tuple(w.strip().lower().lstrip(".") for w in value.split(",") if w.strip())
        return tuple(value)


def mapping(pairs: Sequence[tuple[str, str]], option: str) -> dict[str, str]:
    """Return repeated key=value options as a dictionary; a key given twice with two values is an error."""
    found: dict[str, str] = {}
    for key, text in pairs:
        if found.setdefault(key, text) != text:
            raise click.UsageError(f"{option} {key} is given twice: {found[key]} and {text}.")
    return found


def size_text(size: float) -> str:
    """Write a number of bytes for people.

    >>> size_text(3 * 2**30)
    '3.0 GiB'
    """
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"

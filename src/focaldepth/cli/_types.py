"""How texts on the command line become values."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def memory_size(text: str) -> int:
    """Read a number of bytes: 2GiB, 800MB, 1.5g, 1073741824.

    >>> memory_size("2GiB"), memory_size("800 MB")
    (2147483648, 800000000)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([kmgt]?i?)b?\s*", str(text).lower())
    size = int(float(match[1]) * _SIZES.get(match[2], 0)) if match else 0
    if size < 1:
        raise click.BadParameter(f"{text!r} is no amount of memory. Write for example 2GiB or 800MB.")
    return size


def pair(text: str) -> tuple[str, str]:
    """Split key=value at the first equals sign."""
    key, sign, value = str(text).partition("=")
    if not (key.strip() and sign and value.strip()):
        raise click.BadParameter(f"{text!r} is not key=value.")
    return key.strip(), value.strip()


def words(text: str) -> tuple[str, ...]:
    """Read names separated by commas.

    >>> words("ply, .glb")
    ('ply', 'glb')
    """
    return tuple(w.strip().lower().lstrip(".") for w in text.split(",") if w.strip())


def grid(text: str) -> tuple[int, int]:
    """Read rows and columns: 9x9.

    >>> grid("9x9"), grid("1 x 17")
    ((9, 9), (1, 17))
    """
    match = re.fullmatch(r"\s*(\d{1,3})\s*[x×,]\s*(\d{1,3})\s*", str(text).lower())
    if not match:
        raise click.BadParameter(f"{text!r} is no grid. Write rows x columns, such as 9x9.")
    return int(match[1]), int(match[2])


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

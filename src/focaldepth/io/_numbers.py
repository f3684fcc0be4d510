"""Numbers with units as people write them into text files."""

from __future__ import annotations

import re

from focaldepth.core.axis import Unit
from focaldepth.core.errors import UnitError

_VALUE = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf(?:inity)?|nan|∞)\s*([^\d\s].*)?$", re.I)
_BRACKET = re.compile(r"[(\[]([^)\]]+)[)\]]\s*$")
_STATED = re.compile(r"\bunits?\s*[:=]?\s*([^\s,;]+)", re.I)


def parse_value(text: str) -> tuple[float, str] | None:
    """Read a number and the unit behind it, or None where the text is no number.

    >>> parse_value("430 mm"), parse_value("inf"), parse_value("IMG_1")
    ((430.0, 'mm'), (inf, ''), None)
    """
    match = _VALUE.match(text)
    if match is None:
        return None
    number, unit = match[1].replace("∞", "inf"), (match[2] or "").strip()
    if unit and not is_unit(unit):
        return None
    return float(number), unit


def is_unit(text: str) -> bool:
    """True for a word that names a unit of focus positions."""
    try:
        Unit.parse_scaled(text)
    except UnitError:
        return False
    return True


def unit_of_heading(text: str) -> str | None:
    """Return the unit that a column heading or key names at its end.

    >>> unit_of_heading("focus_mm"), unit_of_heading("distance [m]"), unit_of_heading("focus")
    ('mm', 'm', None)
    """
    bracket = _BRACKET.search(text)
    word = bracket[1] if bracket else re.split(r"[_\s]+", text.strip())[-1]
    return word.strip() if is_unit(word) and word.lower() not in ("index", "frame", "frames") else None


def unit_of_comment(text: str) -> str | None:
    """Return the unit that a comment such as "unit: mm" or "distances in metres" states.

    >>> unit_of_comment("focus distance, unit: mm"), unit_of_comment("distance in cm"), unit_of_comment("by hand")
    ('mm', 'cm', None)
    """
    stated = _STATED.search(text) or re.search(r"\bin\s+([^\s,;.]+)", text) or _BRACKET.search(text)
    return stated[1] if stated and is_unit(stated[1]) else None

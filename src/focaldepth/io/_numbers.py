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


RELATIVE = ("relative", "arbitrary", "unitless", "none", "a.u.")
"""Words that say of positions that they have no unit."""


def is_relative(text: str) -> bool:
    """True for a word that says of focus positions that they have no unit."""
    return text.strip().lower() in RELATIVE


def same_unit(a: str, b: str) -> bool:
    """True for two words for one unit.

    >>> same_unit("mm", "millimetre"), same_unit("m", "mm")
    (True, False)
    """
    if is_relative(a) or is_relative(b):
        return is_relative(a) and is_relative(b)
    return Unit.parse_scaled(a) == Unit.parse_scaled(b)


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
    known = is_unit(word) or word.lower() == RELATIVE[0]
    return word.strip() if known and word.lower() not in ("index", "frame", "frames") else None


def unit_of_comment(text: str) -> str | None:
    """Return the unit that a comment such as "unit: mm", "distances in metres" or "unit: relative" states.

    >>> unit_of_comment("focus distance, unit: mm"), unit_of_comment("distance in cm"), unit_of_comment("by hand")
    ('mm', 'cm', None)
    """
    stated = _STATED.search(text) or re.search(r"\bin\s+([^\s,;.]+)", text) or _BRACKET.search(text)
    return stated[1] if stated and (is_unit(stated[1]) or is_relative(stated[1])) else None

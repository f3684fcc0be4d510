"""Focus positions in file names; a frame counter must never be taken for a distance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from focaldepth.core.errors import AxisError, SettingError
from focaldepth.io._numbers import is_unit
from focaldepth.io._sidecar import Positions

_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_WITH_UNIT = re.compile(
    r"(?<![\d.])((?:(?<=[_=( zZ])-)?\d+(?:\.\d+)?)(mm|cm|um|µm|μm|nm|m|dpt|dioptres?|diopters?)(?![A-Za-z0-9])"
)
_DECIMAL = re.compile(r"(?<![\d.])\d+\.\d+(?![\d.])")
_ORIGIN = "number in file name"


def with_pattern(names: Sequence[str], pattern: str) -> Positions:
    """Read the position out of every name by a pattern that the user gives.

    Args:
        names: file names.
        pattern: a template such as ``image_*_{focus}.jpg`` or ``z{focus}{unit}*``, or a regular expression with a
            group named focus (and, if wanted, unit).

    >>> with_pattern(["image_1_0.25.jpg", "image_2_0.50.jpg"], "image_*_{focus}.jpg").values
    (0.25, 0.5)
    """
    expression = _compiled(pattern)
    values, units = [], set()
    for name in names:
        match = expression.fullmatch(name) or expression.fullmatch(PurePath(name).stem)
        if match is None:
            raise AxisError(
                f"the name does not fit the pattern {pattern!r}.",
                where=name,
                hint="Write {focus} where the number stands and * for what changes beside it.",
            )
        values.append(_float(match["focus"], name))
        units.add(match.groupdict().get("unit") or "")
    if len(units) > 1:
        raise AxisError(f"the names mix units: {', '.join(sorted(units))}.", hint="Use one unit.")
    unit = next(iter(units), "")
    return Positions(tuple(values), _ORIGIN, "file names", names=tuple(names), unit=unit or _literal_unit(pattern))


def _compiled(pattern: str) -> re.Pattern[str]:
    if "{focus}" in pattern:
        fixed = re.escape(pattern).replace(r"\*", ".*").replace(r"\{focus\}", f"(?P<focus>{_NUMBER})")
        pattern = fixed.replace(r"\{unit\}", "(?P<unit>[a-zA-Zµμ]+)")
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise SettingError(f"{pattern!r} is no pattern ({error}).", where="name_pattern", hint=_PATTERN_HINT) from error
    if "focus" not in expression.groupindex:
        raise SettingError(
            f"{pattern!r} does not say where the focus position stands.", where="name_pattern", hint=_PATTERN_HINT
        )
    return expression


_PATTERN_HINT = "Write {focus} for the number and * for anything else: image_*_{focus}.jpg"


def _float(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise AxisError(f"{text!r} is no number.", where=name, hint=_PATTERN_HINT) from error


def _literal_unit(pattern: str) -> str | None:
    match = re.search(r"\{focus\}_?([a-zA-Zµμ]+)", pattern)
    return match[1] if match and is_unit(match[1]) else None


def unambiguous(names: Sequence[str]) -> tuple[Positions | None, str]:
    """Find the one number with a unit that differs from name to name.

    Returns:
        Positions, or None where there is no such number; a sentence when a pattern could help, else "".
    """
    # A bare "2m" may be anything; metres are only believed with a decimal point.
    rows = [[(v, u) for v, u in _WITH_UNIT.findall(PurePath(n).stem) if u != "m" or "." in v] for n in names]
    counts = {len(r) for r in rows}
    if len(counts) == 1 and counts != {0}:
        columns = list(zip(*rows, strict=True))
        varying = [c for c in columns if len({float(v) for v, _ in c}) == len(c) and len({u for _, u in c}) == 1]
        if len(varying) == 1:
            values = tuple(float(v) for v, _ in varying[0])
            return Positions(values, _ORIGIN, "file names", names=tuple(names), unit=varying[0][0][1]), ""
        if len(varying) > 1:
            return None, _suggestion("hold several numbers with units")
    if all(_DECIMAL.search(PurePath(n).stem) for n in names):
        return None, _suggestion("hold decimal numbers that may be focus positions")
    return None, ""


def _suggestion(what: str) -> str:
    return f"File names {what}; to use one, give its place as a name pattern such as image_*_{{focus}}.jpg."

"""How numbers are written for people: a fitting prefix, round ticks, digits that the error bar supports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, log10

from focaldepth.core.axis import Unit

_FEWEST_STEPS = 2.2
"""Ranges that span less than this factor hold too few of the numbers 1, 2, 3, 5 x 10^k: even steps mark them better."""

_KILOMETRES = 1e4
_ROUND = (1, 5, 2, 3, 1.5, 7, 4, 2.5, 1.2)
"""First digits of marks, the roundest first."""


@dataclass(frozen=True)
class Tick:
    """One mark of a bar or an axis: where it stands (percent) and what it says."""

    at: float
    text: str


@dataclass(frozen=True)
class Display:
    """How numbers of one unit are shown.

    Attributes:
        factor: shown number = factor x number in the unit.
        symbol: written behind a number ("mm").
        caption: written on axes and bars ("frame (no unit)").
    """

    factor: float
    symbol: str
    caption: str

    def number(self, value: float, step: float) -> str:
        """Return a number (in the unit) with the digits that steps of `step` (in the unit) need."""
        return fixed(value * self.factor, decimals_for(step * self.factor))

    def quantity(self, value: float, step: float) -> str:
        """Return number and symbol."""
        return f"{self.number(value, step)} {self.symbol}"

    def rounded(self, value: float, digits: int) -> str:
        """Return number and symbol with so many significant digits; kilometres for what is infinity to a lens.

        >>> display_for(0, 20, Unit.METRE).rounded(7223525.8, 3)
        '7220 km'
        """
        if self.symbol == "m" and _KILOMETRES <= abs(value * self.factor) < inf:
            return f"{significant(value * self.factor / 1000, digits)} km"
        return f"{significant(value * self.factor, digits)} {self.symbol}"

    def measured(self, value: float, sigma: float | None) -> str:
        """Return value ± sigma, both with two digits of sigma; without sigma four digits of the value.

        >>> display_for(0.0, 2.0, Unit.METRE).measured(0.61234, 0.0042)
        '0.6123 ± 0.0042 m'
        """
        if sigma is None or not isfinite(sigma) or sigma <= 0:
            return self.quantity(value, 10 ** (floor(log10(abs(value) or 1)) - 3))
        step = 10.0 ** (floor(log10(sigma)) - 1)
        return f"{self.number(value, step)} ± {self.number(sigma, step)} {self.symbol}"


def display_for(low: float, high: float, unit: Unit) -> Display:
    """Return the prefix that suits numbers between `low` and `high`.

    A short range below a metre is shown in millimetres, so that its numbers differ before the third digit.

    >>> display_for(0.010, 0.025, Unit.METRE).symbol, display_for(0.4, 2.3, Unit.METRE).symbol
    ('mm', 'm')
    >>> display_for(0.2416, 0.2511, Unit.METRE).symbol
    'mm'
    """
    largest = max((abs(v) for v in (low, high) if isfinite(v)), default=0.0)
    if unit is Unit.INDEX:
        return Display(1.0, "frames", "frame (no unit)")
    if unit not in (Unit.METRE, Unit.MICROMETRE):
        return Display(1.0, unit.symbol, {"dioptre": "dioptre (1/m)"}.get(unit.value, unit.symbol))
    metres = largest if unit is Unit.METRE else largest * 1e-6
    short = unit is Unit.METRE and isfinite(high - low) and 0.1 <= largest < 1 and 1e-4 <= high - low < 0.1
    symbol, per_metre = ("mm", 1e3) if short else _prefix(metres, unit)
    return Display(per_metre if unit is Unit.METRE else per_metre * 1e-6, symbol, symbol)


def _prefix(metres: float, unit: Unit) -> tuple[str, float]:
    if metres == 0 or not isfinite(metres):
        return unit.symbol, 1.0 if unit is Unit.METRE else 1e6
    if metres < 1e-7:
        return "nm", 1e9
    if metres < (1e-3 if unit is Unit.METRE else 1e-2):
        return "µm", 1e6
    if metres < 0.1:
        return "mm", 1e3
    return "m", 1.0


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return at most `most` multiples of 1, 2 or 5 x 10^k inside [low, high].

    >>> ticks(0.43, 2.3)
    [0.5, 1.0, 1.5, 2.0]
    """
    step = tick_step(low, high, most)
    if step <= 0:
        return [low]
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(i * step, 12) if step > 1e-9 else i * step for i in range(first, last + 1)]


def round_marks(low: float, high: float, place: Callable[[float], float], letter: float = 1.0) -> tuple[Tick, ...]:
    """Return labelled round numbers in [low, high], 0 < low, for a scale on which they do not stand evenly.

    Args:
        low: smallest number, as shown.
        high: largest number, as shown; finite.
        place: position of a number in percent.
        letter: see spread; of two marks that crowd one another the rounder number stays.

    >>> [m.text for m in round_marks(0.5, 8, lambda v: 100 * (2 - 1 / v) / (2 - 1 / 8))]
    ['0.5', '0.7', '1', '2', '5']
    """
    step = tick_step(low, high, 6)
    if high / low < _FEWEST_STEPS and step > 0:
        return spread((Tick(_percent(place(t)), fixed(t, decimals_for(step))) for t in ticks(low, high, 6)), letter)
    powers = range(floor(log10(low)), floor(log10(high)) + 1)
    numbers = [float(f"{f * 10.0**k:.6g}") for f in _ROUND for k in powers]
    inside = [n for n in numbers if low * 0.999 <= n <= high * 1.001]
    return spread((Tick(_percent(place(n)), significant(n, 2, pad=False)) for n in inside), letter)


def _percent(place: float) -> float:
    """Rounding may put the first or last mark a hair outside."""
    return min(max(place, 0.0), 100.0)


def spread(marks: Iterable[Tick], letter: float = 1.0) -> tuple[Tick, ...]:
    """Keep marks, the first ones first, that do not crowd one another; return them in their order of place.

    `letter` is the width of one letter in percent: about 1 along a wide bar, 4 below a small plot.
    """
    kept: list[Tick] = []
    for mark in marks:
        if all(abs(mark.at - m.at) >= 8 + letter * (len(mark.text) + len(m.text)) / 2 for m in kept):
            kept.append(mark)
    return tuple(sorted(kept, key=lambda m: m.at))


def tick_step(low: float, high: float, most: int = 6) -> float:
    """Return the smallest step 1, 2 or 5 x 10^k that gives at most `most` ticks; 0 for an empty range."""
    span = high - low
    if not (isfinite(span) and span > 0):
        return 0.0
    power = 10.0 ** floor(log10(span / most))
    for factor in (1, 2, 5, 10, 20):
        step = factor * power
        if floor(high / step + 1e-9) - ceil(low / step - 1e-9) + 1 <= most:
            return step
    return 50 * power  # pragma: no cover - 20 always fits


def decimals_for(step: float) -> int:
    """Return how many decimals tell numbers `step` apart.

    >>> decimals_for(0.05), decimals_for(20)
    (2, 0)
    """
    return max(0, -floor(log10(step) + 1e-9)) if step > 0 and isfinite(step) else 3


def fixed(value: float, decimals: int) -> str:
    """Return a number with a true minus sign; infinity as ∞."""
    if not isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "n/a"
    text = f"{value:.{decimals}f}"
    return ("−" + text[1:] if float(text) else text[1:]) if text.startswith("-") else text


def significant(value: float, digits: int, pad: bool = True) -> str:
    """Return a number with so many significant digits and without an exponent; without `pad` no zeros are added.

    >>> significant(0.12034, 3), significant(312.6, 3), significant(7223525.8, 3), significant(2.0, 2, pad=False)
    ('0.120', '313', '7220000', '2')
    """
    if value == 0 or not isfinite(value):
        return fixed(value, 0)
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - floor(log10(abs(rounded)) + 1e-9))
    while not pad and decimals and round(rounded, decimals - 1) == rounded:
        decimals -= 1
    return fixed(rounded, decimals)


def seconds(value: float) -> str:
    """Return a duration for people.

    >>> seconds(0.0042), seconds(12.34), seconds(75)
    ('4 ms', '12.3 s', '1 min 15 s')
    """
    if value < 0.1:
        return f"{value * 1e3:.0f} ms"
    if value < 60:
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    return f"{int(value // 60)} min {round(value % 60)} s"


def memory(count: int) -> str:
    """Return a number of bytes for people.

    >>> memory(3 << 20), memory(5 << 29)
    ('3 MiB', '2.50 GiB')
    """
    return f"{count / (1 << 30):.2f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MiB"


def percent(share: float) -> str:
    """Return a share in percent with three digits at most; never 100 % or 0 % unless exact.

    >>> percent(0.98765), percent(1.0), percent(0.99999)
    ('98.8 %', '100 %', '> 99.9 %')
    """
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    if share > 0.999:
        return "> 99.9 %"
    return "< 0.1 %" if share < 0.001 else f"{share * 100:.1f} %"

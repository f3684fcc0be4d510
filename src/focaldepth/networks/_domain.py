"""What weights were trained on, and in what a stack differs from that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from focaldepth.core.axis import Unit, convert
from focaldepth.core.errors import UnitError
from focaldepth.core.stack import FocalStack
from focaldepth.networks._card import DOMAIN
from focaldepth.networks._frames import Seen

Domain = Mapping[str, Sequence[float]]
"""Fact -> least and largest value in training; facts that nobody knows are absent."""

FOCUS, FRAMES = DOMAIN[:2]
_LENS = {"focal_length_m": ("focal lengths", 1e3, "mm"), "f_number": ("f-numbers", 1.0, "")}
_MARGIN = 0.05
"""Of the trained range: a stack that leaves it by less differs in nothing."""


def domain_of(
    stacks: Iterable[FocalStack], unit: Unit, frames: tuple[int, int] | None = None
) -> dict[str, list[float]]:
    """Return the ranges that stacks span together.

    Args:
        stacks: those of the training, or some of them.
        unit: of the weights.
        frames: least and largest number of frames that the network sees of a stack; None = all of each.
    """
    ranges = []
    for stack in stacks:
        facts: dict[str, list[float]] = {FRAMES: [float(len(stack))] if frames is None else [float(n) for n in frames]}
        axis = stack.blur_axis
        try:
            ends = convert(axis.values, axis.unit, unit, stack.optics)
            facts[FOCUS] = [float(ends.min()), float(ends.max())]
        except UnitError:  # told when the network was fed; what is not known is not stated
            pass
        facts |= {name: [value] for name in _LENS if (value := getattr(stack.optics, name)) is not None}
        ranges.append(facts)
    return spanned(ranges)


def spanned(ranges: Iterable[Domain]) -> dict[str, list[float]]:
    """Return what several ranges span together; a fact that only some of them know is that of those.

    >>> spanned([{"frames": [5, 5], "f_number": [1.0]}, {"frames": [10, 10]}])
    {'frames': [5, 10], 'f_number': [1.0, 1.0]}
    """
    found: dict[str, list[float]] = {}
    for facts in ranges:
        for name, values in facts.items():
            both = [*found.get(name, []), *values]
            found[name] = [min(both), max(both)]
    return found


def outside(domain: Domain, stack: FocalStack, seen: Seen, unit: Unit) -> list[str]:
    """Return what of a stack lies outside of the training, in sentences without their subject.

    Args:
        domain: of the card.
        stack: the stack.
        seen: what the network sees of it.
        unit: of the weights.
    """
    said = []
    if FOCUS in domain and seen.unit is unit:
        own = float(seen.positions.min()), float(seen.positions.max())
        if _leaves(own, domain[FOCUS]):
            symbol = f" {unit}"
            said.append(f"focus positions from {_span(domain[FOCUS], symbol)}, this stack has {_span(own, symbol)}")
    if FRAMES in domain and _leaves((len(seen.index),) * 2, domain[FRAMES], margin=0):
        said.append(f"{_span(domain[FRAMES])} frames, here it sees {len(seen.index)}")
    for name, (words, factor, symbol) in _LENS.items():
        value = getattr(stack.optics, name)
        if name in domain and value is not None and _leaves((value, value), domain[name]):
            trained = _span([factor * v for v in domain[name]], f" {symbol}".rstrip())
            said.append(f"{words} from {trained}, this stack has {factor * value:.3g} {symbol}".rstrip())
    return said


def _leaves(own: Sequence[float], trained: Sequence[float], margin: float = _MARGIN) -> bool:
    low, high = trained
    room = margin * max(high - low, abs(high), abs(low))
    return own[0] < low - room or own[1] > high + room


def _span(values: Sequence[float], symbol: str = "") -> str:
    low, high = (f"{v:.3g}" for v in values)
    return f"{low}{symbol}" if low == high else f"{low} to {high}{symbol}"

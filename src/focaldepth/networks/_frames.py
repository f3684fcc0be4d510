"""Which frames a network sees, in which order, and what it is told of their focus positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit, convert
from focaldepth.core.errors import SettingError, UnitError
from focaldepth.core.stack import FocalStack
from focaldepth.networks._spec import NETWORKS, Convention, FocusForm, FrameOrder, Limits
from focaldepth.optics.breathing import relative_field_of_view
from focaldepth.optics.thin_lens import image_distance

Warn = Callable[[str], None]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """The frames that a network sees.

    Attributes:
        index: (M,) float64 fractional indices into the stack, in the order in which the network wants them.
        positions: (M,) their focus positions in `unit`.
        unit: the unit of the network's depth.
        told: (M,) what the network is told of them.
        blur: (M,) their positions on the blur-linear axis of the stack.
        offset, factor: depth in `unit` = offset + factor * what the network returns.
    """

    index: Numbers
    positions: Numbers
    unit: Unit
    told: Numbers
    blur: Numbers
    offset: float
    factor: float

    @property
    def whole(self) -> bool:
        """True where no frame is a mixture of two."""
        return bool((self.index == np.rint(self.index)).all())

    def parts(self, k: int) -> list[tuple[int, float]]:
        """Return the frames of the stack that make frame k, with their shares."""
        at = float(self.index[k])
        low, share = floor(at), at - floor(at)
        return [(low, 1 - share), (ceil(at), share)] if share else [(low, 1.0)]


def choose_frames(
    stack: FocalStack, limits: Limits, convention: Convention, name: str, warn: Warn, *, weighs: bool
) -> Seen:
    """Choose and order frames, and bring their positions to the network's unit.

    Args:
        stack: the stack.
        limits: of the network with the options of its weights.
        convention: of its weights.
        name: of the network, for messages.
        warn: hears of everything that the network was not trained for.
        weighs: the network's depth is a weighted mean of the focus positions, whatever their unit.

    Raises:
        UnitError: depth cannot be brought to the stack's unit.
    """
    axis = stack.blur_axis
    index = _evenly(axis, limits, name, warn)
    index = index[::-1] if _turned(axis, convention.order, name, warn) else index
    blur = np.interp(index, np.arange(len(axis)), axis.values)
    unit = _unit(stack, convention, name, warn, weighs=weighs)
    positions = blur if unit is axis.unit else convert(blur, axis.unit, unit, stack.optics)
    offset, factor = 0.0, convention.depth_factor
    told = positions * convention.focus_factor
    if convention.focus is FocusForm.OVER_LAST:
        told = positions / positions[-1]
    elif convention.focus is FocusForm.UNIT_RANGE:
        offset, factor = float(positions.min()), float(np.ptp(positions))
        told = (positions - offset) / factor
    return Seen(index, positions, unit, told, blur, offset, factor)


def _evenly(axis: FocusAxis, limits: Limits, name: str, warn: Warn) -> Numbers:
    """Return all frames, or as many at even steps as the network takes: the nearest ones, or mixtures of two."""
    n = len(axis)
    wanted = max(limits.min_frames, min(n, limits.max_frames or n))
    every = np.arange(n, dtype=np.float64)
    if wanted == n:
        return every
    even = axis.index_of(np.linspace(axis.values[0], axis.values[-1], wanted))
    takes = f"{name} takes {wanted} frames, the stack has {n}"
    if wanted > n:
        warn(f"{takes}: frames at even steps were mixed from their neighbours, which blurs them.")
        return even
    nearest = np.rint(even)
    if len(set(nearest)) < wanted:
        nearest = np.rint(np.linspace(0, n - 1, wanted))
    chosen = ", ".join(f"{int(i) + 1}" for i in nearest)
    warn(f"{takes}: it saw those nearest to even steps, number {chosen}.")
    return nearest


def _turned(axis: FocusAxis, order: FrameOrder, name: str, warn: Warn) -> bool:
    """True where the network wants the last frame first."""
    if order is FrameOrder.ANY:
        return False
    if axis.near_to_far is None:
        warn(
            f"{name} was trained on frames with {order}; whether the first frame is the nearest is unknown, so they "
            f"were taken as given. If it is not, give --reverse."
        )
        return False
    return axis.near_to_far is not (order is FrameOrder.NEAR_FIRST)


def _unit(stack: FocalStack, convention: Convention, name: str, warn: Warn, *, weighs: bool) -> Unit:
    """Return the convention's unit where the stack can be told in it, else the stack's own where that will do."""
    axis = stack.blur_axis
    try:
        moved = convert(axis.values, axis.unit, convention.unit, stack.optics)
        if np.isfinite(moved).all():
            return convention.unit
        problem = f"a frame is focused at infinity, which is no number in {convention.unit}"
    except UnitError as error:
        problem = error.what.rstrip(".")
        if not weighs and convention.focus is not FocusForm.UNIT_RANGE:
            raise UnitError(
                f"{name} gives depth in {convention.unit}, and {problem}.", where=stack.info.name, hint=error.hint
            ) from error
    if weighs or convention.focus is FocusForm.UNIT_RANGE:
        warn(
            f"{name} was trained on focus positions in {convention.unit}, and {problem}; it weighs the frames all the "
            f"same, and depth is the weighted mean of their positions in {axis.unit}."
        )
        return axis.unit
    raise UnitError(f"{name} gives depth in {convention.unit}, and {problem}.", where=stack.info.name)


def extra_inputs(name: str, stack: FocalStack, seen: Seen, warn: Warn) -> dict[str, Numbers]:
    """Return what else a network wants to know of the frames, input -> (M,) numbers.

    Raises:
        SettingError: a network of another package wants something that nobody can tell it here.
    """
    found = {}
    for wanted in NETWORKS.get(name).inputs:
        if wanted != "field_of_view":
            raise SettingError(f"{name} asks for {wanted}.", where=name, hint="Only field_of_view can be given.")
        found[wanted] = _field_of_view(name, stack, seen, warn)
    return found


def _field_of_view(name: str, stack: FocalStack, seen: Seen, warn: Warn) -> Numbers:
    """Field of view of every frame over the smallest one, from the thin lens; 1 where the lens is unknown."""
    try:
        metres = convert(seen.blur, stack.blur_axis.unit, Unit.METRE, stack.optics)
        focal_length_m = stack.optics.need("focal_length_m", "the field of view of the frames")
    except UnitError as error:
        warn(f"{name} was told that all frames show the same field of view: {error.what}")
        return np.ones(len(seen.index))
    image = image_distance(metres, focal_length_m)
    found: Numbers = relative_field_of_view(image, image.max())
    return found

"""Which frames of a video sweep make the stack: times, positions, gaps, frames taken while the lens moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import ReadError
from focaldepth.io.readers._position_log import PositionLog

_SAME = 0.02
"""Positions that differ by less than this part of the largest step are one position."""
_CLOCK = 0.1
"""Times that differ by less than this part of a frame interval are one time."""
_GAP = 1.5
_PLATEAUS = 3
_SHOWN = 3

OUTSIDE = "outside the time range of the log"
MOVING = "the lens was moving"
REPEATED = "same focus position as a frame that is kept (the middle one of the plateau)"
RETURN = "the sweep had turned back"


@dataclass(frozen=True)
class Sweep:
    """The frames that are kept.

    Attributes:
        kept: their numbers, in time order.
        positions: (N,) of the kept ones, strictly monotone.
        reasons: number of a frame left out -> why.
        note: one sentence about what was left out; empty where nothing was.
    """

    kept: tuple[int, ...]
    positions: NDArray[np.float64]
    reasons: Mapping[int, str]
    note: str


def gaps(times: NDArray[np.float64]) -> str:
    """Return a sentence about missing frames; empty where the time stamps are even.

    >>> gaps(np.array([0.0, 0.1, 0.2, 0.5, 0.6]))
    '2 frames are missing in the video: 2 between 0.200 and 0.500 s.'
    """
    steps = np.diff(times)
    if len(steps) < 3:
        return ""
    usual = float(np.median(steps))
    wide = np.flatnonzero(steps > _GAP * usual)
    if usual <= 0 or not len(wide):
        return ""
    missing = np.maximum(np.rint(steps[wide] / usual).astype(int) - 1, 1)
    shown = [
        f"{m} between {times[i]:.3f} and {times[i + 1]:.3f} s"
        for i, m in zip(wide[:_SHOWN], missing[:_SHOWN], strict=True)
    ]
    more = ", ..." if len(wide) > _SHOWN else ""
    count = int(missing.sum())
    return f"{count} frame{'s are' if count > 1 else ' is'} missing in the video: {', '.join(shown)}{more}."


def choose(times: NDArray[np.float64], log: PositionLog) -> Sweep:
    """Choose frames with a known position at rest, one per position, in one direction.

    Args:
        times: (F,) time stamps of the frames in seconds, increasing.
        log: positions over time, on the same clock.
    """
    clock = _CLOCK * float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    positions, moving = _at(times, log, clock)
    outside = (times < log.times[0] - clock) | (times > log.times[-1] + clock)
    reasons = {int(i): MOVING for i in np.flatnonzero(moving)}
    reasons |= {int(i): OUTSIDE for i in np.flatnonzero(outside)}
    usable = [i for i in range(len(times)) if i not in reasons]
    if not usable:
        raise ReadError(
            f"no frame was taken at a known position: the video runs from {times[0]:.3f} to {times[-1]:.3f} s, "
            f"the log from {log.times[0]:.3f} to {log.times[-1]:.3f} s.",
            where=log.path,
            hint="Both must count time from the same moment.",
        )
    middles, repeated = _plateaus(usable, positions)
    reasons |= dict.fromkeys(repeated, REPEATED)
    start, stop = _longest_run(positions[middles])
    reasons |= dict.fromkeys([*middles[:start], *middles[stop:]], RETURN)
    kept = tuple(middles[start:stop])
    return Sweep(kept, positions[list(kept)], dict(sorted(reasons.items())), _summary(reasons, len(times)))


def _at(times: NDArray[np.float64], log: PositionLog, clock: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return position and movement at the times of the frames."""
    left = np.clip(np.searchsorted(log.times, times + clock, "right") - 1, 0, len(log.times) - 1)
    between = np.interp(times, log.times, log.positions)
    if log.moving is not None:
        moving = log.moving[left]
        return np.where(moving, between, log.positions[left]), moving
    same = _equal_steps(log)
    if not _stepwise(log, same):
        return between, np.zeros(len(times), bool)
    still = np.concatenate([same, [False]]) | np.concatenate([[False], same])
    on_entry = np.abs(times - log.times[left]) <= clock
    interval_still = np.concatenate([same, [True]])[left]
    return between, ~np.where(on_entry, still[left], interval_still)


def _equal_steps(log: PositionLog) -> NDArray[np.bool_]:
    steps = np.abs(np.diff(log.positions))
    return np.asarray(steps <= _SAME * steps.max())


def _stepwise(log: PositionLog, same: NDArray[np.bool_]) -> bool:
    """True where the log shows the lens at rest most of the time, at three positions or more."""
    starts = int(same[0]) + int(np.count_nonzero(same[1:] & ~same[:-1]))
    at_rest = float(np.diff(log.times)[same].sum())
    return starts >= _PLATEAUS and not same.all() and at_rest >= 0.5 * float(log.times[-1] - log.times[0])


def _plateaus(usable: list[int], positions: NDArray[np.float64]) -> tuple[list[int], list[int]]:
    """Return the middle frame of every group of equal positions, and the other frames."""
    values = positions[usable]
    limit = _SAME * float(np.abs(np.diff(values)).max()) if len(values) > 1 else 0.0
    groups: list[list[int]] = []
    for frame in usable:
        if groups and abs(positions[frame] - positions[groups[-1][0]]) <= limit:
            groups[-1].append(frame)
        else:
            groups.append([frame])
    middles = [g[len(g) // 2] for g in groups]
    chosen = set(middles)
    return middles, [i for i in usable if i not in chosen]


def _longest_run(values: NDArray[np.float64]) -> tuple[int, int]:
    """Return start and stop of the longest part that goes strictly in one direction."""
    best, start = (0, min(1, len(values))), 0
    for i in range(1, len(values)):
        turned = i - start >= 2 and (values[i] > values[i - 1]) != (values[i - 1] > values[i - 2])
        if values[i] == values[i - 1]:
            start = i
        elif turned:
            start = i - 1
        if i + 1 - start > best[1] - best[0]:
            best = (start, i + 1)
    return best


def _summary(reasons: Mapping[int, str], count: int) -> str:
    if not reasons:
        return ""
    parts = [f"{n} {why}" for why, n in Counter(reasons.values()).most_common()]
    return f"{len(reasons)} of {count} video frames left out: {'; '.join(parts)}."

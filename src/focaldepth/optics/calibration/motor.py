"""The error ranges of a focus motor, from the motions of one or more stacks, in the form that `faults` takes.

A relative field of view g with an error that is a line in 1/F is, up to a factor that no picture shows, the field of
view of a lens with another focal length phi: g(F) ~ 1 - phi / F. So slope and intercept are one number seen twice, and
the line that is told is the one whose error is 0 at the nearest focus distance, where g is 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import StackError
from focaldepth.core.optics import Optics
from focaldepth.optics.breathing import breathing_scale
from focaldepth.optics.calibration.motion import FrameMotion, StackMotion
from focaldepth.optics.faults.geometry import Motor

_STEPS = 30


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a shift in px, with the standard error of each."""

    mean: float
    deviation: float
    mean_se: float
    deviation_se: float


@dataclass(frozen=True)
class FocusMean:
    """All stacks at one focus distance, against the nearest one.

    Attributes:
        focus_m: focus distance.
        stacks: how many have dots there.
        dots: of all of them.
        alpha, beta, gamma: means over stacks.
        alpha_se, beta_se, gamma_se: standard errors of the means, from the dots of the frames.
        alpha_spread, beta_spread, gamma_spread: standard deviation between stacks; NaN of one.
    """

    focus_m: float
    stacks: int
    dots: int
    alpha: float
    beta: float
    gamma: float
    alpha_se: float
    beta_se: float
    gamma_se: float
    alpha_spread: float
    beta_spread: float
    gamma_spread: float


@dataclass(frozen=True)
class Calibration:
    """What stacks of a circle grid tell of a camera.

    Attributes:
        motor: error ranges, as `focaldepth simulate` and `optics.faults` take them.
        slope_se, intercept_se: standard errors of its line.
        right, down: its shifts, with standard errors.
        zoom_scatter: standard deviation of the zoom about the line, as a share.
        focus_m: nearest and farthest focus distance with dots.
        means: by focus distance, near to far.
        stacks: the measured frames.
        warnings: what the stacks cannot tell.
    """

    motor: Motor
    slope_se: float
    intercept_se: float
    right: Spread
    down: Spread
    zoom_scatter: float
    focus_m: tuple[float, float]
    means: tuple[FocusMean, ...]
    stacks: tuple[StackMotion, ...]
    warnings: tuple[str, ...]


def calibrate(stacks: Sequence[StackMotion], optics: Optics) -> Calibration:
    """Return the error ranges of the camera that took some stacks.

    Args:
        stacks: of one camera: one focal length, one size of frames.
        optics: its f-number and pixel pitch go into the motor, where they are known.

    Raises:
        StackError: stacks of different cameras, or of different sizes.
    """
    first = stacks[0]
    for other in stacks[1:]:
        if (other.focal_length_m, other.size) != (first.focal_length_m, first.size):
            raise StackError(
                f"focal length {other.focal_length_m * 1e3:g} mm, frames of {other.size[1]} x {other.size[0]} px; "
                f"{first.name} has {first.focal_length_m * 1e3:g} mm and {first.size[1]} x {first.size[0]} px.",
                where=other.name,
                hint="Calibrate one camera at a time, with one orientation and size of its frames.",
            )
    focal_m = first.focal_length_m
    nearest = min(f.focus_m for s in stacks for f in s.frames)
    phi, phi_se, scatter = _effective_focal_length(stacks)
    slope, intercept = _line(phi, focal_m, nearest)
    # d slope / d phi of _line
    steep = 1 / (1 - phi / nearest) ** 2
    right, down = (_spread(stacks, axis) for axis in ("beta", "gamma"))
    motor = Motor(
        focal_m,
        optics.f_number,
        first.size[1],
        slope,
        intercept,
        (right.mean, right.deviation),
        (down.mean, down.deviation),
        pixel_pitch_m=optics.pixel_pitch_m,
        nearest_m=nearest,
    )
    seen = [f.focus_m for s in stacks for f in s.used]
    return Calibration(
        motor,
        steep * phi_se,
        steep * phi_se / nearest,
        right,
        down,
        scatter,
        (min(seen), max(seen)),
        _means(stacks),
        tuple(stacks),
        _warnings(stacks),
    )


def _line(phi: float, focal_m: float, nearest_m: float) -> tuple[float, float]:
    """Slope and intercept over 1/F of (1 - phi/F) / (1 - phi/F_near) - (1 - f/F) / (1 - f/F_near)."""
    slope = focal_m / (1 - focal_m / nearest_m) - phi / (1 - phi / nearest_m)
    return slope, -slope / nearest_m


def _effective_focal_length(stacks: Sequence[StackMotion]) -> tuple[float, float, float]:
    """Least squares of ln zoom = c_stack - ln(1 - phi / F): phi, its standard error, and the scatter about it."""
    focal_m = stacks[0].focal_length_m
    rows = [(k, f.focus_m, f.motion) for k, s in enumerate(stacks) for f in s.used if f.motion is not None]
    group = np.array([k for k, _, _ in rows])
    near = np.array([1 / distance for _, distance, _ in rows])
    targets = np.array([s.frames[s.target].focus_m for s in stacks])[group]
    breathing = breathing_scale(1 / np.maximum(near, 1e-300), targets, focal_m)
    zoom = np.log(breathing) + np.log1p([m.alpha for _, _, m in rows])
    phi = focal_m
    for _ in range(_STEPS):
        left = _within(zoom + np.log1p(-phi * near), group)
        tilt = _within(near / (1 - phi * near), group)
        step = float(left @ tilt / (tilt @ tilt))
        phi += step
        if abs(step) < 1e-15 * focal_m:
            break
    left = _within(zoom + np.log1p(-phi * near), group)
    freedom = len(rows) - len(stacks) - 1
    scatter = float(np.sqrt(left @ left / freedom))
    # Few frames may lie on a line by chance, but no better than their dots were placed.
    floor = float(np.sqrt(np.mean([m.alpha_se**2 for _, _, m in rows])))
    return phi, max(scatter, floor) / float(np.sqrt(tilt @ tilt)), scatter


def _within(values: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values less the mean of their stack."""
    means = np.bincount(group, values) / np.bincount(group)
    return np.asarray(values - means[group])


def _spread(stacks: Sequence[StackMotion], axis: str) -> Spread:
    """Mean of the shifts against the target frames, and their deviation within the stacks."""
    values = [
        np.array([getattr(f.motion, axis) for i, f in enumerate(s.frames) if f.motion is not None and i != s.target])
        for s in stacks
    ]
    every = np.concatenate(values)
    freedom = len(every) - len(stacks)
    squares = sum(float(((v - v.mean()) ** 2).sum()) for v in values)
    deviation = float(np.sqrt(squares / freedom))
    # Shifts of one stack share that of its target frame, so their mean is no surer than one target per stack.
    mean_se = deviation * float(np.sqrt(1 / len(every) + 1 / len(stacks)))
    return Spread(float(every.mean()), deviation, mean_se, deviation / float(np.sqrt(2 * freedom)))


def _means(stacks: Sequence[StackMotion]) -> tuple[FocusMean, ...]:
    """Means by focus distance, of the stacks that have the same target."""
    target = min(s.frames[s.target].focus_m for s in stacks)
    alike = [s for s in stacks if _same(s.frames[s.target].focus_m, target)]
    frames = sorted((f for s in alike for f in s.used), key=lambda f: f.focus_m)
    return tuple(_mean(list(members)) for _, members in groupby(frames, key=lambda f: f"{f.focus_m:.6g}"))


def _same(one: float, other: float) -> bool:
    return f"{one:.6g}" == f"{other:.6g}"


def _mean(frames: list[FrameMotion]) -> FocusMean:
    motions = [f.motion for f in frames if f.motion is not None]
    n = len(motions)
    means, errors, spreads = [], [], []
    for axis in ("alpha", "beta", "gamma"):
        values = np.array([getattr(m, axis) for m in motions])
        means.append(float(values.mean()))
        errors.append(float(np.sqrt(sum(getattr(m, f"{axis}_se") ** 2 for m in motions)) / n))
        spreads.append(float(values.std(ddof=1)) if n > 1 else float("nan"))
    return FocusMean(frames[0].focus_m, n, sum(m.dots for m in motions), *means, *errors, *spreads)


def _warnings(stacks: Sequence[StackMotion]) -> tuple[str, ...]:
    told = []
    if len(stacks) == 1:
        told.append(
            "One stack only: shifts of the motor that come back at a focus distance cannot be told from those that "
            "differ every time, nor from a tripod or board that moved, nor zoom of the motor from a lens that comes "
            "nearer to the board; take stacks with the board at several distances."
        )
    for s in stacks:
        missed = [f.name for f in s.frames if f.motion is None]
        if missed:
            told.append(f"{s.name}: no dots in {len(missed)} of {len(s.frames)} frames ({', '.join(missed)}).")
        followed = [f.name for f in s.frames if f.how == "followed"]
        if followed:
            told.append(
                f"{s.name}: too blurred for the grid, dots followed from the next frame: {', '.join(followed)}."
            )
    return tuple(told)

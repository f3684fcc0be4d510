"""What metrics compare: one image, everything in one unit and on one grid of pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from focaldepth.core.axis import Unit
from focaldepth.core.errors import StackError
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.stack import Frame
from focaldepth.metrics._fit import NO_FIT, Fit, fitted

Plane = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Case:
    """One image to judge.

    Attributes:
        found: (H, W) float64 estimate; NaN where there is none.
        truth: (H, W) float64; NaN where unknown.
        mask: (H, W) bool, pixels of the truth that the protocol counts; a subset of the known ones.
        unit: what depth and sigma are in.
        sigma: (H, W) standard deviation of `found`; NaN where there is none, None = not estimated.
        confidence: (H, W) weight of the truth, 0 to 1; None = all the same.
        picture: (H, W, C) all-in-focus picture found.
        sharp: (H, W, C) the true one.
        white: value of a saturated pixel of both pictures.
        fit: what was done to the estimate to bring it to the scale of the truth.

    Raises:
        StackError: planes of different shapes.
    """

    found: Plane
    truth: Plane
    mask: Mask
    unit: Unit = Unit.METRE
    sigma: Plane | None = None
    confidence: Plane | None = None
    picture: Frame | None = None
    sharp: Frame | None = None
    white: float = 255.0
    fit: Fit = NO_FIT

    def __post_init__(self) -> None:
        planes = {"truth": self.truth, "mask": self.mask, "sigma": self.sigma, "confidence": self.confidence}
        for name, plane in planes.items():
            if plane is not None and plane.shape != self.found.shape:
                raise StackError(f"the depth map is {self.found.shape}, its {name} {plane.shape}.")
        if self.picture is not None and self.sharp is not None and self.picture.shape != self.sharp.shape:
            raise StackError(f"the picture is {self.picture.shape}, the sharp one {self.sharp.shape}.")

    @classmethod
    def of(cls, found: ArrayLike, truth: ArrayLike, sigma: ArrayLike | None = None, **more: Any) -> Case:
        """Build a case from plain numbers; NaN is unknown.

        >>> Case.of([[1.0, 2.0]], [[1.0, np.nan]]).compared
        array([[ True, False]])
        """
        true = np.asarray(truth, np.float64)
        error_bar = None if sigma is None else np.asarray(sigma, np.float64)
        return cls(np.asarray(found, np.float64), true, more.pop("mask", np.isfinite(true)), sigma=error_bar, **more)

    @cached_property
    def compared(self) -> Mask:
        """(H, W) where estimate and truth are both known and count."""
        return self.mask & np.isfinite(self.found) & np.isfinite(self.truth)

    @property
    def error(self) -> Plane:
        """(n,) estimate - truth of the compared pixels."""
        return self.found[self.compared] - self.truth[self.compared]

    def at(self, plane: Plane) -> Plane:
        """(n,) values of a plane at the compared pixels."""
        return plane[self.compared]


@dataclass(frozen=True)
class Rules:
    """What counts, and in which coordinate: the part of a protocol that a single image needs.

    Applied in the order in which they stand here.

    Attributes:
        unit: where errors are measured; None = that of the truth.
        fit: "none", "scale", "affine" or "median": what is done to a relative estimate; see `_fit.fitted`.
        low, high: truth outside does not count, limits do; None = no limit.
        window: only that many rows and columns from the upper left count; None = all.
        quantum: estimate and truth are rounded down to multiples, as by a program that stores whole numbers; 0 = not.
        clip: limits that estimates are clipped to; None = not clipped.
        clip_truth: whether truth is clipped, too.
        origin, span: errors are measured in (value - origin) / span, the truth likewise.
    """

    unit: Unit | None = None
    fit: str = "none"
    low: float | None = None
    high: float | None = None
    window: tuple[int, int] | None = None
    quantum: float = 0.0
    clip: tuple[float, float] | None = None
    clip_truth: bool = False
    origin: float = 0.0
    span: float = 1.0

    def coordinate(self, values: Plane, *, truth: bool = False) -> Plane:
        """Return values rounded, clipped and normalised."""
        if self.quantum:
            values = np.floor(values / self.quantum + 1e-3) * self.quantum
        if self.clip is not None and (self.clip_truth or not truth):
            values = np.clip(values, *self.clip)
        return (values - self.origin) / self.span


def make_case(
    found: DepthMap,
    truth: DepthMap,
    rules: Rules = Rules(),
    optics: Optics | None = None,
    *,
    confidence: NDArray[np.floating[Any]] | None = None,
) -> Case:
    """Bring an estimate and its truth into one unit, by the rules of a protocol.

    Args:
        found: the estimate; of a relative method in any unit, when the rules fit it.
        truth: of the same size.
        rules: unit, range, clipping and fit.
        optics: for the change of unit.
        confidence: (H, W) weight of the truth.

    Raises:
        StackError: maps of different sizes.
        UnitError: no law leads from one unit to the other.

    >>> ones, yes = np.ones((2, 2), np.float32), np.ones((2, 2), bool)
    >>> near = make_case(DepthMap(ones * 2, Unit.METRE, yes), DepthMap(ones, Unit.METRE, yes), Rules(Unit.DIOPTRE))
    >>> near.error
    array([-0.5, -0.5, -0.5, -0.5])
    """
    if found.shape != truth.shape:
        raise StackError(f"the depth map is {found.shape}, the truth {truth.shape}.")
    unit = rules.unit or truth.unit
    truth = truth.to(unit, optics)
    found = found if rules.fit != "none" and found.unit is Unit.INDEX else found.to(unit, optics)
    true = truth.values.astype(np.float64)
    mask = np.array(truth.valid)
    mask &= True if rules.low is None else true >= rules.low
    mask &= True if rules.high is None else true <= rules.high
    if rules.window is not None:
        mask[rules.window[0] :], mask[:, rules.window[1] :] = False, False
    values = found.values.astype(np.float64)
    sigma = None if found.sigma is None else found.sigma.astype(np.float64)
    values, sigma, fit = fitted(values, sigma, true, mask & np.isfinite(values), rules.fit)
    values, true = rules.coordinate(values), rules.coordinate(true, truth=True)
    sigma = None if sigma is None else sigma / rules.span
    weight = None if confidence is None else np.clip(confidence.astype(np.float64), 0, 1)
    return Case(values, true, mask, unit, sigma, weight, fit=fit)


def with_pictures(case: Case, picture: Frame | None, sharp: Frame | None, white: float) -> Case:
    """Return the case with the all-in-focus picture that was found and the true one."""
    return replace(case, picture=picture, sharp=sharp, white=white)

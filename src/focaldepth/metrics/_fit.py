"""Estimates up to a scale (Lytro, one-image networks, frames without positions): the best scale, always named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import SettingError

Plane = NDArray[np.float64]
KINDS = ("none", "scale", "affine", "median")


@dataclass(frozen=True)
class Fit:
    """What brought an estimate to the scale of the truth: scale x estimate + offset."""

    kind: str
    scale: float = 1.0
    offset: float = 0.0

    @property
    def text(self) -> str:
        """For tables; empty where nothing was fitted.

        >>> Fit("scale", 2.0).text
        'scale fit: 2 x estimate'
        """
        if self.kind == "none":
            return ""
        offset = f" {'+' if self.offset >= 0 else '-'} {abs(self.offset):.6g}" if self.kind == "affine" else ""
        return f"{self.kind} fit: {self.scale:.6g} x estimate{offset}"


NO_FIT = Fit("none")


def fitted(
    found: Plane, sigma: Plane | None, truth: Plane, where: NDArray[np.bool_], kind: str
) -> tuple[Plane, Plane | None, Fit]:
    """Bring an estimate to the scale of the truth.

    Args:
        found: (H, W) estimate.
        sigma: (H, W) its standard deviation, scaled along; None = not estimated.
        truth: (H, W).
        where: (H, W) pixels that take part.
        kind: "none"; "scale", k* = argmin sum (k p - t)^2 = sum(p t) / sum(p^2) as DDFF eq. 6 fits Lytro depth (the
            paper writes the sum over depths Z and multiplies disparities D by k*, two different quantities;
            here sum, scale and errors are of one quantity, that of the protocol, image by image);
            "affine", least squares of scale and offset; "median", median(t) / median(p) as for DefocusNet in DDFS.

    Raises:
        SettingError: another kind.

    >>> fitted(np.array([[1.0, 2.0]]), None, np.array([[3.0, 5.0]]), np.ones((1, 2), bool), "affine")[2]
    Fit(kind='affine', scale=2.0, offset=1.0)
    """
    if kind not in KINDS:
        raise SettingError(f"unknown fit {kind!r}.", where="fit", hint=f"Known: {', '.join(KINDS)}.")
    if kind == "none":
        return found, sigma, NO_FIT
    scale, offset = _best(found[where], truth[where], kind)
    error_bar = None if sigma is None else sigma * abs(scale)
    return scale * found + offset, error_bar, Fit(kind, scale, offset)


def _best(p: Plane, t: Plane, kind: str) -> tuple[float, float]:
    if not p.size:
        return float("nan"), 0.0
    if kind == "scale":
        return _over(float((p * t).sum()), float((p * p).sum())), 0.0
    if kind == "median":
        return _over(float(np.median(t)), float(np.median(p))), 0.0
    p0, t0 = float(p.mean()), float(t.mean())
    spread = float(((p - p0) ** 2).sum())
    scale = float(((p - p0) * (t - t0)).sum()) / spread if spread > 0 else 0.0  # a constant estimate becomes the mean
    return scale, t0 - scale * p0


def _over(a: float, b: float) -> float:
    return a / b if b else float("nan")

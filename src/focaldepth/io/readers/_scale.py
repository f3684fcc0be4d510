"""Lengths as microscope files write them, and the focus axis that a z step or z positions make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.optics import LensModel, Optics

_METRES = {
    "m": 1.0, "meter": 1.0, "metre": 1.0, "dm": 1e-1, "cm": 1e-2, "centimeter": 1e-2, "centimetre": 1e-2, "mm": 1e-3,
    "millimeter": 1e-3, "millimetre": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "micron": 1e-6, "micrometer": 1e-6,
    "micrometre": 1e-6, "nm": 1e-9, "nanometer": 1e-9, "nanometre": 1e-9, "pm": 1e-12, "picometer": 1e-12,
    "å": 1e-10, "angstrom": 1e-10, "in": 0.0254, "inch": 0.0254, '"': 0.0254, "ft": 0.3048, "foot": 0.3048,
    "mil": 2.54e-5, "thou": 2.54e-5, "km": 1e3, "kilometer": 1e3,
}  # fmt: skip
_AGREE = 0.1
_UNEVEN = 2.0


def metres_per(unit: str | None) -> float | None:
    """Return the length of a unit in metres; None for pixels, nothing, or a word that is no length.

    >>> metres_per("micron"), metres_per(r"\\u00B5m"), metres_per("pixel")
    (1e-06, 1e-06, None)
    """
    word = (unit or "").strip().strip("\x00").replace("\\u00B5", "µ").replace("\\u00b5", "µ").replace("Â", "").lower()
    return _METRES.get(word, _METRES.get(word.removesuffix("s")))


def length_m(value: object, unit: str | None) -> float | None:
    """Return a stated length in metres; None where the number or its unit means nothing."""
    scale = metres_per(unit)
    try:
        number = abs(float(str(value)))
    except ValueError:
        return None
    return number * scale if scale and isfinite(number) and number > 0 else None


@dataclass(frozen=True)
class Scale:
    """What a file states about lengths; None = it does not.

    Attributes:
        origin: which kind of metadata ("OME", "ImageJ").
        step_m: distance of neighbouring planes.
        pixel_m: distance of neighbouring pixels in the scene.
        pixel_y_m: the same along y.
        numerical_aperture: of the objective.
        step_name, position_name: what the entries are called there.
    """

    origin: str = ""
    step_m: float | None = None
    pixel_m: float | None = None
    pixel_y_m: float | None = None
    numerical_aperture: float | None = None
    step_name: str = "z step"
    position_name: str = "z positions"

    def optics(self, axis: FocusAxis | None) -> tuple[Optics, tuple[str, ...]]:
        """Return microscope optics where a length or the focus axis is known, and warnings."""
        if axis is None and self.pixel_m is None and self.numerical_aperture is None:
            return Optics(), ()
        optics = Optics(model=LensModel.MICROSCOPE).with_facts(
            f"{self.origin} metadata", pixel_size_m=self.pixel_m, numerical_aperture=self.numerical_aperture
        )
        if self.pixel_m and self.pixel_y_m and abs(self.pixel_y_m / self.pixel_m - 1) > 0.01:
            sizes = f"{self.pixel_m * 1e6:g} x {self.pixel_y_m * 1e6:g} µm"
            return optics, (f"Pixels are not square ({sizes}); the width is used.",)
        return optics, ()


def z_axis(
    count: int, scale: Scale, positions_m: Sequence[float | None] = ()
) -> tuple[FocusAxis | None, str, tuple[str, ...]]:
    """Return the focus axis in micrometres of stage travel (None = unknown), its origin, and warnings.

    Positions of the planes win over a step where they are complete, go in one direction and do not contradict the step.
    """
    warnings: tuple[str, ...] = ()
    known = [p for p in positions_m if p is not None]
    if count > 1 and known:
        problem = _problem(count, known, scale.step_m)
        if not problem:
            micrometres: NDArray[np.float64] = np.array([p * 1e6 for p in known], np.float64)
            return (
                FocusAxis(micrometres, Unit.MICROMETRE),
                f"{scale.origin} {scale.position_name}",
                (),
            )
        instead = "" if scale.step_m else "; the focus positions are unknown"
        instead = f"; the {scale.step_name} of {scale.step_m * 1e6:g} µm is used" if scale.step_m else instead
        warnings = (f"{scale.origin} {scale.position_name} ignored: {problem}{instead}.",)
    if scale.step_m is None or count < 1:
        return None, "none", warnings
    even: NDArray[np.float64] = np.arange(count, dtype=np.float64) * (scale.step_m * 1e6)
    return FocusAxis(even, Unit.MICROMETRE), f"{scale.origin} {scale.step_name}", warnings


def _problem(count: int, positions: Sequence[float], step_m: float | None) -> str:
    """Say why positions of planes cannot be believed; empty where they can."""
    if len(positions) != count:
        return f"{len(positions)} of {count} planes have one"
    values = np.array(positions)
    if not np.isfinite(values).all():
        return "not all are numbers"
    steps = np.diff(values)
    if np.ptp(values) == 0:
        return "it is the same for every plane"
    if not (np.all(steps > 0) or np.all(steps < 0)):
        return "they repeat or change direction"
    sizes = np.abs(steps)
    if step_m is None:
        return ""
    even = np.ptp(sizes) <= _AGREE * sizes.mean()
    slack = 1 + _AGREE if even else _UNEVEN
    if sizes.max() * slack < step_m or sizes.min() > step_m * slack:
        return f"their step of {sizes.mean() * 1e6:g} µm contradicts the {step_m * 1e6:g} µm stated"
    return ""

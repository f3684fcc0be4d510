"""What is known about the lens and the sensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from math import isfinite
from types import MappingProxyType
from typing import Any

from focaldepth.core.errors import SettingError, UnitError


class LensModel(StrEnum):
    """How distance, focus position and blur hang together."""

    THIN_LENS = "thin_lens"
    TELECENTRIC = "telecentric"
    MICROSCOPE = "microscope"


@dataclass(frozen=True)
class Optics:
    """Facts about lens and sensor; every one may be unknown (None) and none is ever guessed.

    Attributes:
        focal_length_m: focal length in metres, > 0.
        f_number: focal length over entrance pupil diameter, > 0.
        pixel_pitch_m: distance of two pixel centres on the sensor in metres, > 0.
        pixel_size_m: distance of two pixel centres **in the scene** (microscope, telecentric lens), in metres.
        disparity_scale_m_px: baseline (m) x focal length (px) of a light-field camera; depth = scale / disparity
            (Hazirbas et al. 2018, eq. 3).
        numerical_aperture: of the objective.
        model: which law links focus position and blur.
        origin: fact name -> where it came from ("EXIF FocalLength of IMG_1.JPG", "argument").

    Raises:
        SettingError: a fact that is not a positive number, or a model that does not exist.
    """

    focal_length_m: float | None = None
    f_number: float | None = None
    pixel_pitch_m: float | None = None
    pixel_size_m: float | None = None
    disparity_scale_m_px: float | None = None
    numerical_aperture: float | None = None
    model: LensModel = LensModel.THIN_LENS
    origin: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name in _NUMBERS:
            object.__setattr__(self, name, _positive(name, getattr(self, name)))
        if self.model not in list(LensModel):
            raise SettingError(f"model is {self.model!r}.", where="optics", hint=f"Allowed: {', '.join(LensModel)}.")
        object.__setattr__(self, "model", LensModel(self.model))
        object.__setattr__(self, "origin", MappingProxyType(dict(self.origin)))

    def __reduce__(self) -> tuple[type[Optics], tuple[Any, ...]]:
        # Read-only views of dictionaries cannot be pickled.
        return Optics, (*(getattr(self, name) for name in _NUMBERS), self.model, dict(self.origin))

    def need(self, fact: str, purpose: str) -> float:
        """Return a fact, or raise a UnitError that names it and what it is needed for.

        >>> Optics(focal_length_m=0.05).need("focal_length_m", "the field of view")
        0.05
        """
        value = getattr(self, fact)
        if value is None:
            raise UnitError(
                f"{purpose} needs {fact}, which is unknown.",
                where="optics",
                hint=f"Give it with --optics {fact}=VALUE.",
            )
        return float(value)

    def with_facts(self, origin: str, **facts: Any) -> Optics:
        """Return a copy in which facts that are None here are filled; known ones stay."""
        new = {k: v for k, v in facts.items() if v is not None and getattr(self, k) is None}
        values = {f.name: getattr(self, f.name) for f in fields(self)} | new
        values["origin"] = {**self.origin, **dict.fromkeys(new, origin)}
        return Optics(**values)

    def facts(self) -> dict[str, Any]:
        """Return the known facts as plain values, for files and reports."""
        known = {n: getattr(self, n) for n in _NUMBERS if getattr(self, n) is not None}
        return {**known, "model": str(self.model)}


_NUMBERS = tuple(f.name for f in fields(Optics) if f.name not in ("model", "origin"))


def _positive(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not (isfinite(number) and number > 0):
        raise SettingError(
            f"{name} must be a positive number, got {value!r}.",
            where="optics",
            hint="Leave it away when it is unknown.",
        )
    return number

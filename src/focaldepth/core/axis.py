"""Units and the focus axis: the coordinate that frames, depths and errors live on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from focaldepth.core.errors import AxisError, UnitError
from focaldepth.core.optics import LensModel, Optics

Number = TypeVar("Number", float, NDArray[np.float64], NDArray[np.float32])


class Unit(StrEnum):
    """The coordinate that a number lives on."""

    METRE = "metre"
    DIOPTRE = "dioptre"
    DISPARITY_PX = "disparity_px"
    MICROMETRE = "micrometre"
    INDEX = "index"

    @property
    def symbol(self) -> str:
        """Short form for captions: m, 1/m, px, µm, frame."""
        return {"metre": "m", "dioptre": "1/m", "disparity_px": "px", "micrometre": "µm", "index": "frame"}[self]

    @property
    def larger_is_nearer(self) -> bool:
        """True where a larger number means a nearer point (dioptre, disparity)."""
        return self in (Unit.DIOPTRE, Unit.DISPARITY_PX)

    @classmethod
    def parse(cls, text: str) -> Unit:
        """Read a unit from its name or a usual short form.

        >>> Unit.parse("um"), Unit.parse("1/m")
        (<Unit.MICROMETRE: 'micrometre'>, <Unit.DIOPTRE: 'dioptre'>)
        """
        unit, factor = cls.parse_scaled(text)
        if factor != 1.0:
            raise UnitError(f"{text!r} is not a unit of results.", hint=f"Known: {_known()}.")
        return unit

    @classmethod
    def parse_scaled(cls, text: str) -> tuple[Unit, float]:
        """Read a unit in which people write focus positions; returns the unit and the factor into it.

        >>> Unit.parse_scaled("mm")
        (<Unit.METRE: 'metre'>, 0.001)
        """
        word = text.strip().lower()
        if word in _SCALED:
            return _SCALED[word]
        name = _SHORT.get(word, word)
        if name not in {u.value for u in cls}:
            raise UnitError(f"unknown unit {text!r}.", hint=f"Known: {_known()}, mm, cm, nm.")
        return cls(name), 1.0


def _known() -> str:
    return ", ".join(sorted(u.value for u in Unit))


_SHORT = {
    "m": "metre", "meter": "metre", "metres": "metre", "meters": "metre",
    "1/m": "dioptre", "d": "dioptre", "dpt": "dioptre", "diopter": "dioptre", "dioptres": "dioptre",
    "diopters": "dioptre", "um": "micrometre", "µm": "micrometre", "μm": "micrometre", "micron": "micrometre",
    "microns": "micrometre", "micrometer": "micrometre", "micrometres": "micrometre", "px": "disparity_px",
    "disparity": "disparity_px", "frame": "index", "frames": "index",
}  # fmt: skip
_SCALED = {
    "mm": (Unit.METRE, 1e-3), "millimetre": (Unit.METRE, 1e-3), "millimeter": (Unit.METRE, 1e-3),
    "cm": (Unit.METRE, 1e-2), "nm": (Unit.MICROMETRE, 1e-3),
}  # fmt: skip


def convert(values: Number, source: Unit, target: Unit, optics: Optics | None = None) -> Number:
    """Move numbers from one unit to another.

    Args:
        values: numbers in `source`.
        source: unit of `values`.
        target: unit asked for.
        optics: needed for disparity (its scale); a stage position turns into metres of travel only.

    Returns:
        Numbers in `target`; infinity in metres is 0 dioptre and back.

    Raises:
        UnitError: where no law links the two units, or where the fact that it needs is unknown.

    >>> convert(4.0, Unit.DIOPTRE, Unit.METRE)
    0.25
    """
    return _law(Unit.parse(source), Unit.parse(target), optics or Optics())[0](values)


def slope(values: Number, source: Unit, target: Unit, optics: Optics | None = None) -> Number:
    """Return abs(d target / d source) at `values` (numbers in `source`): what moves a sigma along.

    >>> slope(2.0, Unit.METRE, Unit.DIOPTRE)
    0.25
    """
    return _law(Unit.parse(source), Unit.parse(target), optics or Optics())[1](values)


def _law(source: Unit, target: Unit, optics: Optics) -> tuple[Callable[[Number], Number], Callable[[Number], Number]]:
    """Value law and slope law from `source` to `target`."""
    if source is target:
        return (lambda v: v), (lambda v: _same(1.0, v))
    pair = {source, target}
    if pair == {Unit.METRE, Unit.MICROMETRE}:
        factor = 1e6 if target is Unit.MICROMETRE else 1e-6
        return (lambda v: v * factor), (lambda v: _same(factor, v))
    scale = _reciprocal_scale(pair, optics)
    if scale is not None:
        return (lambda v: _over(scale, v)), (lambda v: _over(_over(scale, v), v))
    if pair == {Unit.DIOPTRE, Unit.DISPARITY_PX}:
        factor = optics.need("disparity_scale_m_px", f"moving {source} to {target}")
        factor = factor if target is Unit.DISPARITY_PX else 1 / factor
        return (lambda v: v * factor), (lambda v: _same(factor, v))
    raise UnitError(f"no law leads from {source} to {target}.", hint=_NO_LAW)


def _reciprocal_scale(pair: set[Unit], optics: Optics) -> float | None:
    if pair == {Unit.METRE, Unit.DIOPTRE}:
        return 1.0
    if pair == {Unit.METRE, Unit.DISPARITY_PX}:
        return optics.need("disparity_scale_m_px", "moving between disparity and metres")
    return None


# A number stays a number and an array an array: more than the type checker can follow, hence its three exceptions.


def _over(scale: float | Number, values: Number) -> Number:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        out = scale / np.asarray(values)
    return out[()] if np.ndim(values) else float(out)  # type: ignore[return-value]


def _same(factor: float, values: Number) -> Number:
    """One slope for all values, infinite ones too."""
    if not np.ndim(values):
        return factor  # type: ignore[return-value]
    return np.full(np.shape(values), factor, np.result_type(values, np.float32))  # type: ignore[return-value]


_NO_LAW = "Frame indices and stage positions carry no distance: give focus positions in the unit you want (--focus)."


@dataclass(frozen=True)
class FocusAxis:
    """Focus position of every frame.

    Attributes:
        values: (N,) float64, strictly monotone, near to far or far to near; read-only.
        unit: what they are in. Metres and dioptres are measured from the front principal plane; metres > 0 (infinity
            allowed), dioptres >= 0; micrometres are stage travel; disparities are signed pixels.

    Raises:
        AxisError: values that are not finite, repeat, change direction or are impossible in the unit.
    """

    values: NDArray[np.float64]
    unit: Unit

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64) + 0.0  # no -0, which is equal to 0 and hashes otherwise
        if values.ndim != 1 or values.size < 1:
            raise AxisError(
                f"focus positions must be a list of numbers, got shape {values.shape}.",
                hint="Give one number per frame.",
            )
        object.__setattr__(self, "unit", Unit.parse(self.unit))
        _check_values(values, self.unit)
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FocusAxis) and self.unit is other.unit and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.unit, self.values.tobytes()))

    @classmethod
    def frames(cls, n: int) -> FocusAxis:
        """Return the axis 0, 1 ... n-1 of a stack without known focus positions."""
        return cls(np.arange(n, dtype=np.float64), Unit.INDEX)

    @property
    def near_to_far(self) -> bool | None:
        """Direction of the frames; None where the unit does not tell (stage travel, index) or N = 1."""
        if self.unit in (Unit.INDEX, Unit.MICROMETRE) or len(self) < 2:
            return None
        return bool((self.values[-1] > self.values[0]) != self.unit.larger_is_nearer)

    def to(self, unit: Unit, optics: Optics | None = None) -> FocusAxis:
        """Return the same positions in another unit."""
        return FocusAxis(convert(self.values, self.unit, unit, optics), unit)

    def blur_linear(self, optics: Optics | None = None) -> FocusAxis:
        """Return the axis on which the blur of a point grows linearly with the distance from its focus.

        Dioptres for a lens in air, stage travel for telecentric and microscope optics, disparity for light fields;
        an index stays an index. Peak fits, interpolation and regularisation happen here.
        """
        flat = optics is not None and optics.model is not LensModel.THIN_LENS
        return self.to(Unit.DIOPTRE) if self.unit is Unit.METRE and not flat else self

    def at(self, index: ArrayLike) -> NDArray[np.float64]:
        """Return the positions at fractional frame indices, linear on this axis; outside 0..N-1 clamped."""
        return np.interp(np.asarray(index, dtype=np.float64), np.arange(len(self)), self.values)

    def index_of(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return fractional frame indices of positions, linear on this axis; outside the range clamped."""
        order = slice(None) if self.values[-1] >= self.values[0] else slice(None, None, -1)
        index = np.arange(len(self), dtype=np.float64)
        return np.interp(np.asarray(values, dtype=np.float64), self.values[order], index[order])

    def take(self, frames: ArrayLike) -> FocusAxis:
        """Return the axis of some frames only, in the given order."""
        return FocusAxis(self.values[np.asarray(frames)], self.unit)


def _check_values(values: NDArray[np.float64], unit: Unit) -> None:
    bad = np.isnan(values) | (np.isinf(values) & (unit is not Unit.METRE)) | np.isneginf(values)
    if bad.any():
        i = int(np.argmax(bad))
        raise AxisError(f"focus position {i + 1} is {values[i]}.", hint="Give one finite number per frame.")
    low = {Unit.METRE: values <= 0, Unit.DIOPTRE: values < 0}.get(unit)
    if low is not None and low.any():
        i = int(np.argmax(low))
        raise AxisError(
            f"focus position {i + 1} is {values[i]:g} {unit.symbol}, which no lens can focus at.",
            hint="Metres must be above 0, dioptres at least 0.",
        )
    step = np.diff(np.where(np.isinf(values), np.finfo(float).max, values))
    if len(values) > 1 and (step == 0).any():
        i = int(np.argmax(step == 0))
        raise AxisError(
            f"frames {i + 1} and {i + 2} have the same focus position {values[i]:g} {unit.symbol}.",
            hint="Remove one of the two frames or correct its position.",
        )
    if len(values) > 2 and not (np.all(step > 0) or np.all(step < 0)):
        turn = int(np.argmax(np.sign(step) != np.sign(step[0]))) + 1
        raise AxisError(
            f"focus positions change direction at frame {turn + 1} ({values[turn]:g} {unit.symbol}).",
            hint="Order the frames from near to far or from far to near.",
        )

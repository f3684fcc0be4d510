"""What comes out: depth maps, estimates and complete results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.alignment import Alignment
from focaldepth.core.axis import FocusAxis, Unit, convert, slope
from focaldepth.core.errors import StackError
from focaldepth.core.optics import Optics
from focaldepth.core.stack import Frame, StackInfo

Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class DepthMap:
    """Depth of every pixel; used for predictions and for truth.

    Arrays are read-only views: they share memory with what was given, and cannot be written through the map.

    Attributes:
        values: (H, W) float32 in `unit`; NaN exactly where not valid (enforced here).
        unit: what values and sigma are in.
        valid: (H, W) bool; true is the claim "this number means depth".
        sigma: (H, W) float32, one standard deviation in `unit`, > 0 where valid, NaN elsewhere; None = not estimated.

    Raises:
        StackError: arrays of different shapes, or a sigma that is not positive where depth is valid.

    >>> m = DepthMap(np.array([[1.0, 2.0]], np.float32), Unit.METRE, np.array([[True, False]]))
    >>> m.values
    array([[ 1., nan]], dtype=float32)
    """

    values: Plane
    unit: Unit
    valid: Mask
    sigma: Plane | None = None

    def __post_init__(self) -> None:
        values, valid = np.asarray(self.values, np.float32), np.asarray(self.valid, bool)
        if values.ndim != 2 or values.shape != valid.shape:
            raise StackError(f"depth is {values.shape}, valid is {valid.shape}.", hint="Both must be one (H, W).")
        valid = valid & np.isfinite(values)
        object.__setattr__(self, "unit", Unit.parse(self.unit))
        object.__setattr__(self, "valid", _read_only(valid))
        object.__setattr__(self, "values", _read_only(_masked(values, valid)))
        if self.sigma is None:
            return
        sigma = np.asarray(self.sigma, np.float32)
        if sigma.shape != values.shape:
            raise StackError(f"depth is {values.shape}, sigma is {sigma.shape}.", hint="Both must be one (H, W).")
        bad = np.count_nonzero(valid) - np.count_nonzero(valid & (sigma > 0))
        if bad:
            raise StackError(
                f"sigma is not positive at {bad} valid pixels.", hint="Mark pixels without an error bar as not valid."
            )
        object.__setattr__(self, "sigma", _read_only(_masked(sigma, valid)))

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        h, w = self.values.shape
        return h, w

    def to(self, unit: Unit, optics: Optics | None = None) -> DepthMap:
        """Return the map in another unit; sigma moves with the slope of the law (first order).

        What has no counterpart there is not valid: 0 dioptre or disparity in metres, and whatever lies beyond it.
        """
        unit = Unit.parse(unit)
        if unit is self.unit:
            return self
        values = convert(self.values, self.unit, unit, optics)
        valid = self.valid & np.isfinite(values)
        if unit is Unit.METRE and self.unit.larger_is_nearer:
            valid &= values > 0
        if self.sigma is None:
            return DepthMap(values, unit, valid)
        sigma = self.sigma * slope(self.values, self.unit, unit, optics)
        # float32 ends at about 1e38: where a sigma over- or underflows, nothing is known.
        return DepthMap(values, unit, valid & np.isfinite(sigma) & (sigma > 0), sigma)


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a method returns.

    Attributes:
        map: depth and sigma in the **blur-linear** unit of the stack (see FocusAxis.blur_linear).
        index: (H, W) float32 fractional frame index of best focus at every pixel, also where depth is not valid.
        all_in_focus: (H, W, C) in the dtype of the stack; None if the method makes none.
        filled: depth of every pixel in the unit of `map` for those who want a number everywhere (`valid` all true, with
            its larger sigma); None if the method has none.
        source_frame: (H, W) int16 frame that is sharpest at every pixel: where the all-in-focus picture comes from;
            None if the method does not select.
        extras: further named arrays (focus curves of probe pixels ...).
        weights: card of the network weights that were used; empty for classical methods.
    """

    map: DepthMap
    index: Plane
    all_in_focus: Frame | None = None
    filled: DepthMap | None = None
    source_frame: NDArray[np.int16] | None = None
    extras: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    weights: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Provenance:
    """How a result came about; enough to repeat the run.

    Attributes:
        method: name of the method, e.g. "classical-fast".
        settings: settings of method, alignment and front door, as plain values.
        versions: focaldepth, Python and library versions.
        inputs: file -> sha256 of what was read.
        times_s: stage -> seconds.
        peak_memory_bytes: peak resident memory of the process; None where the system does not tell.
        warnings: every warning sentence of reading, alignment and method.
        created: ISO 8601 time, UTC.
        command: command line, when there was one.
        weights: card of the network weights; empty for classical methods.
    """

    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    times_s: Mapping[str, float] = field(default_factory=dict)
    peak_memory_bytes: int | None = None
    warnings: tuple[str, ...] = ()
    created: str = ""
    command: str = ""
    weights: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class DepthResult:
    """A complete result in the unit that was asked for.

    Attributes:
        map: depth, valid, sigma.
        axis: focus positions of the frames that were used, in the unit of the input.
        optics: what was known of the lens.
        index: (H, W) float32 fractional frame index of best focus.
        filled: depth of every pixel when --fill was asked; None otherwise.
        all_in_focus: (H, W, C) in the dtype of the input; None if the method gives none.
        source_frame: (H, W) int16 sharpest of the used frames, counted from 0; None if the method does not select.
        transforms: (N, 3, 3) float64; pixel of a used frame = transform @ result pixel (homogeneous x, y, 1).
        alignment: how all frames of the input lay, also those that were left out; what `transforms.json` holds.
        info: names, files, EXIF, ICC of the input.
        provenance: how it came about.
        extras: further named arrays for the report: "thumbnails" (N, h, w, 3) uint8; "curves" (N, a, b) float32 focus
            measure on a coarse grid with pixel rows "curve_rows" (a,) and columns "curve_cols" (b,).
    """

    map: DepthMap
    axis: FocusAxis
    optics: Optics
    index: Plane
    provenance: Provenance
    filled: DepthMap | None = None
    all_in_focus: Frame | None = None
    source_frame: NDArray[np.int16] | None = None
    transforms: NDArray[np.float64] | None = None
    alignment: Alignment | None = None
    info: StackInfo = field(default_factory=StackInfo)
    extras: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def save(self, folder: str | PathLike[str], **options: Any) -> Path:
        """Write the files of a result and its report into a new folder; see focaldepth.report.save."""
        written: Path = import_module("focaldepth.report.save").save(self, folder, **options)
        return written

    @staticmethod
    def load(folder: str | PathLike[str]) -> DepthResult:
        """Read a result folder back; see focaldepth.io.result_folder."""
        read: DepthResult = import_module("focaldepth.io.result_folder").load(folder)
        return read


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.setflags(write=False)
    return view


def _masked(values: Plane, valid: Mask) -> Plane:
    """Copy only where something has to change."""
    if (valid | np.isnan(values)).all():
        return values
    return np.where(valid, values, np.float32(np.nan))

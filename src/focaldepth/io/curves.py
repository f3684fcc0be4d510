"""Focus curves as a stack of planes that ImageJ opens: one slice per frame, labelled with its focus position."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit


def has_curves(extras: Mapping[str, NDArray[Any]]) -> bool:
    """Tell whether a result holds focus curves."""
    return {"curves", "curve_rows", "curve_cols"} <= set(extras)


def write_curves(path: Path, extras: Mapping[str, NDArray[Any]], axis: FocusAxis) -> None:
    """Write the focus curves of a result.

    Args:
        path: a TIFF file.
        extras: "curves" (N, a, b) float32 focus measure, no unit; "curve_rows" (a,) and "curve_cols" (b,) are the
            pixels of the picture that they belong to, evenly spaced.
        axis: focus position of every frame.
    """
    import tifffile

    curves = np.ascontiguousarray(extras["curves"], np.float32)
    apart = (_apart(extras["curve_rows"]), _apart(extras["curve_cols"]))
    unit = "frame" if axis.unit is Unit.INDEX else axis.unit.value
    labels = [f"focus {value:.9g} {unit}" for value in axis.values]
    tifffile.imwrite(
        path,
        curves,
        imagej=True,
        resolution=(1 / apart[1], 1 / apart[0]),
        metadata={"axes": "ZYX", "unit": "pixel", "Labels": labels},
        software=False,
    )


def _apart(positions: NDArray[Any]) -> float:
    """Mean distance of neighbouring positions, in pixels of the picture."""
    return float(np.diff(positions).mean()) if len(positions) > 1 else 1.0

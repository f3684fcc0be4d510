"""What the page needs to answer "which depth is here?": small grids of whole numbers, packed as base64."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.result import DepthResult, Mask
from focaldepth.report._curves import CurveGrid
from focaldepth.report.pictures import fit, pick

_LONG_SIDE = 560
_LOG_FROM = 8.0
"""Ranges that span more than this factor are cut into steps of equal ratio instead of equal size."""


def pack(array: NDArray[Any]) -> str:
    """Return the bytes of an array, little-endian, as base64."""
    return b64encode(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()).decode()


def quantise(values: NDArray[Any], valid: Mask, bits: int) -> dict[str, Any]:
    """Return `values` as whole numbers 1 ... 2^bits - 1 between their extremes; 0 = not valid.

    Keys: `data`, `low`, `high`, `log` (steps of equal ratio), `bits`.
    """
    steps = (1 << bits) - 2
    shown = values[valid].astype(np.float64)
    if shown.size == 0:
        return {
            "data": pack(np.zeros(values.shape, f"u{bits // 8}")),
            "low": 0.0,
            "high": 1.0,
            "log": False,
            "bits": bits,
        }
    low, high = float(shown.min()), float(shown.max())
    ratio = low > 0 and high / low > _LOG_FROM
    a, b, v = (np.log(low), np.log(high), np.log(shown)) if ratio else (low, high, shown)
    code = np.zeros(values.shape, f"u{bits // 8}")
    code[valid] = (1 + np.round((v - a) / ((b - a) or 1.0) * steps)).astype(code.dtype)
    return {"data": pack(code), "low": low, "high": high, "log": bool(ratio), "bits": bits}


def grids(result: DepthResult) -> dict[str, Any]:
    """Return the depth, sigma and source-frame grids of a result for the page."""
    height, width = fit(result.map.shape, _LONG_SIDE)
    valid = pick(result.map.valid, _LONG_SIDE)
    frames = np.nan_to_num(pick(result.index, _LONG_SIDE), nan=0.0)
    levels = max(1, min(10, 255 // max(len(result.axis) - 1, 1)))
    out: dict[str, Any] = {
        "width": width,
        "height": height,
        "fullWidth": result.map.shape[1],
        "fullHeight": result.map.shape[0],
        "depth": quantise(pick(result.map.values, _LONG_SIDE), valid, 16),
        # Parts of a frame, tenths at the finest, while they fit a byte.
        "index": {"data": pack(np.clip(np.round(frames * levels), 0, 255).astype(np.uint8))},
        "indexScale": levels,
    }
    if len(result.axis) > 256:
        out["index"] = {"data": pack(np.round(frames).astype(np.uint16)), "bits": 16}
    if result.map.sigma is not None:
        out["sigma"] = quantise(pick(result.map.sigma, _LONG_SIDE), valid, 8)
    return out


def exact_pixels(result: DepthResult, places: Sequence[tuple[int, int]]) -> list[list[float | None]]:
    """Return column, row, depth, sigma and frame of single pixels (row, column); None where there is no number."""
    depth, out = result.map, []
    for row, col in places:
        valid, frame = bool(depth.valid[row, col]), float(result.index[row, col])
        sigma = float(depth.sigma[row, col]) if depth.sigma is not None and valid else None
        value = float(depth.values[row, col]) if valid else None
        out.append([col, row, value, sigma, frame if np.isfinite(frame) else 0.0])
    return out


def curve_bytes(grid: CurveGrid) -> dict[str, Any]:
    """Return the focus curves of the grid as bytes, one curve after another."""
    levels = np.round(grid.curves * 255).astype(np.uint8)
    return {
        "data": pack(np.moveaxis(levels, 0, -1)),
        "rows": grid.rows.tolist(),
        "cols": grid.cols.tolist(),
        "frames": levels.shape[0],
        "contrast": pack(np.clip(np.round(grid.contrast * 10), 0, 65535).astype(np.uint16)),
    }

"""Facts of a stack and of a result, as plain values: printed as lines or as one JSON object."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.result import DepthMap, DepthResult
from focaldepth.core.stack import FocalStack


def bit_depth(stack: FocalStack) -> str:
    """Bits that the pixel values use: "8 bit", "12 bit in 16", "32-bit float"."""
    if stack.dtype.kind == "f":
        return f"{stack.dtype.itemsize * 8}-bit float"
    stored, used = stack.dtype.itemsize * 8, round(math.log2(stack.source.white + 1))
    return f"{stored} bit" if used == stored else f"{used} bit in {stored}"


def stack_facts(stack: FocalStack) -> dict[str, Any]:
    """What was read."""
    h, w, c = stack.shape
    return {
        "name": stack.info.name,
        "frames": len(stack),
        "width": w,
        "height": h,
        "channels": c,
        "bit_depth": bit_depth(stack),
        "order_rule": stack.info.order_rule,
        "focus_origin": stack.info.focus_origin,
        "focus_unit": stack.axis.unit.value,
        "focus": [float(v) for v in stack.axis.values],
        "optics": stack.optics.facts(),
        "skipped": dict(stack.info.skipped),
    }


def map_facts(depth: DepthMap) -> dict[str, Any]:
    """Share of valid pixels, range and precision of a depth map; None where nothing is valid."""
    values = depth.values[depth.valid]
    low, middle, high = np.percentile(values, (5, 50, 95)) if values.size else (np.nan,) * 3
    sigma = np.median(depth.sigma[depth.valid]) if depth.sigma is not None and values.size else np.nan
    return {
        "unit": depth.unit.value,
        "valid_share": float(depth.valid.mean()),
        "depth_5": float(low),
        "depth_median": float(middle),
        "depth_95": float(high),
        "sigma_median": float(sigma),
    }


def result_facts(result: DepthResult) -> dict[str, Any]:
    """What came out."""
    made = result.provenance
    return {
        "method": made.method,
        **map_facts(result.map),
        "times_s": {k: float(v) for k, v in made.times_s.items()},
        "peak_memory_bytes": made.peak_memory_bytes,
        "warnings": list(made.warnings),
    }


def axis_text(axis: FocusAxis, origin: str) -> str:
    """One line about the focus positions."""
    if axis.unit is Unit.INDEX:
        return "unknown; depth will be in frames"
    first, last = (f"{v:.4g}" for v in (axis.values[0], axis.values[-1]))
    return f"{first} to {last} {axis.unit.symbol} ({origin})"


def files_of(folder: Path, record: str) -> tuple[list[str], list[str]]:
    """Return the files of an output in a fixed order, and what else lies in its folder and was kept."""
    from focaldepth.io._foreign import listed

    ours = {folder / name for name in (*(listed(folder, record) or {}), record)}
    there = sorted(p for p in folder.rglob("*") if p.is_file())
    return [str(p) for p in there if p in ours], [str(p) for p in there if p not in ours]

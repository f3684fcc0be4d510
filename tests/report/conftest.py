"""Small results with everything, or with chosen parts missing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap, DepthResult, Provenance
from focaldepth.core.stack import StackInfo

MakeResult = Callable[..., DepthResult]


@pytest.fixture
def make_result() -> MakeResult:
    return a_result


def a_result(n: int = 8, shape: tuple[int, int] = (60, 90), unit: Unit = Unit.METRE, **changes: Any) -> DepthResult:
    """A tilted plane, nearest at the bottom, with an untextured block; truth 1 % farther."""
    rng = np.random.default_rng(3)
    height, width = shape
    index = np.linspace(n - 1.5, 0.5, height)[:, None] * np.ones((1, width))
    axis = FocusAxis(1 / np.linspace(1 / 0.4, 1 / 2.0, n), Unit.METRE)
    if unit is Unit.METRE:
        values = 1 / np.interp(index, np.arange(n), 1 / axis.values)
    else:
        axis = FocusAxis.frames(n) if unit is Unit.INDEX else FocusAxis(np.linspace(1, 3, n), unit)
        values = axis.at(index)
    valid = np.ones(shape, bool)
    valid[: height // 3, : width // 4] = False
    sigma = np.full(shape, 0.01) + 0.02 * rng.random(shape)
    rows, cols = np.arange(2, height, 5), np.arange(2, width, 5)
    frames = np.arange(n)[:, None, None]
    curves = 0.1 + 5 * np.exp(-0.5 * (frames - index[np.ix_(rows, cols)]) ** 2)
    curves[:, ~valid[np.ix_(rows, cols)]] = 0.1
    result = DepthResult(
        map=DepthMap(values.astype(np.float32), unit, valid, sigma.astype(np.float32)),
        axis=axis,
        optics=Optics(0.05, 2.8, 5e-6),
        index=index.astype(np.float32),
        provenance=Provenance(
            "classical-fast",
            {"method": {"window": 9}, "align": "none"},
            {"focaldepth": "0.1"},
            {"a.jpg": "0" * 64},
            {"read": 1.0, "measure": 2.0},
            1 << 30,
            created="2026-01-02T03:04:05+00:00",
        ),
        all_in_focus=rng.integers(0, 256, (*shape, 3)).astype(np.uint8),
        transforms=np.stack([np.eye(3)] * n),
        info=StackInfo("plane", tuple(f"IMG_{i}.jpg" for i in range(n))),
        extras={
            "curves": curves.astype(np.float32),
            "curve_rows": rows,
            "curve_cols": cols,
            "thumbnails": rng.integers(0, 256, (n, 20, 30, 3)).astype(np.uint8),
        },
    )
    return replace(result, **changes)

"""A light field: views of one scene from a regular grid of viewpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import StackError
from focaldepth.core.optics import Optics
from focaldepth.core.progress import Run
from focaldepth.core.registry import Registry
from focaldepth.core.result import DepthMap
from focaldepth.core.stack import Frame, Transfer

Values = Any
"""A number or an array of numbers; the same comes out."""


@dataclass(frozen=True, eq=False)
class LightField:
    """U x V sub-aperture views, read on demand.

    Attributes:
        grid: (U, V) rows and columns of views.
        shape: (H, W, C) of every view.
        view: gives the sub-aperture view of row u, column v as (H, W, C).
        centre: row and column of the view that the depth map belongs to.
        optics: `disparity_scale_m_px` links disparity (px between neighbouring views) and depth.
        name: for messages.
        dtype: of every view: uint8, uint16 or float32.
        white: value of full scale.
        transfer: how pixel values relate to light.
        zero_disparity_m: depth of disparity 0 in metres: infinite for parallel cameras, the distance on which cameras
            converge (by shifted sensors) otherwise.
        disparity_range: lowest and highest disparity of the scene in px; None = unknown.
        truth: disparity or depth of the centre view; None = unknown.
        files: what the views are read from.

    Raises:
        StackError: fewer than two views, a centre outside the grid, or a truth of another size than the views.
    """

    grid: tuple[int, int]
    shape: tuple[int, int, int]
    view: Callable[[int, int], Frame]
    centre: tuple[int, int]
    optics: Optics = field(default_factory=Optics)
    name: str = "light field"
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.uint8))
    white: float = 255.0
    transfer: Transfer = Transfer.UNKNOWN
    zero_disparity_m: float = inf
    disparity_range: tuple[float, float] | None = None
    truth: DepthMap | None = None
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        flat = len(self.grid) == len(self.centre) == 2
        inside = flat and all(0 <= c < n for c, n in zip(self.centre, self.grid, strict=True))
        if not inside or min(self.grid) < 1 or max(self.grid) < 2:
            raise StackError(
                f"a grid of {self.grid} views with centre {self.centre} is no light field.",
                where=self.name,
                hint="Give at least two views and a centre that is one of them.",
            )
        if self.truth is not None and self.truth.shape != self.shape[:2]:
            raise StackError(
                f"the truth is {self.truth.shape}, the views are {self.shape[:2]}.",
                where=self.name,
                hint="Give the truth of the centre view.",
            )

    @property
    def reach(self) -> tuple[int, int]:
        """Steps from the centre to the farthest row and column of views."""
        return max(self.centre[0], self.grid[0] - 1 - self.centre[0]), max(
            self.centre[1], self.grid[1] - 1 - self.centre[1]
        )

    def disparity_of(self, depth_m: Values) -> Values:
        """Return the disparity in px of depths in metres: baseline x f (1/Z - 1/Z0).

        Hazirbas et al. 2018, Deep Depth From Focus, eq. 3, with cameras that converge at Z0 = `zero_disparity_m`.

        Raises:
            UnitError: the light field brings no baseline and focal length.
        """
        return self._scale("moving depth to disparity") * (1 / depth_m - 1 / self.zero_disparity_m)

    def depth_of(self, disparity_px: Values) -> Values:
        """Return the depth in metres of disparities in px, the same law read the other way."""
        return 1 / (disparity_px / self._scale("moving disparity to depth") + 1 / self.zero_disparity_m)

    def _scale(self, purpose: str) -> float:
        return self.optics.need("disparity_scale_m_px", f"{self.name}: {purpose}")


class Refocuser(Protocol):
    """Turns a light field into pictures focused at disparities; one file of ``focaldepth/optics/refocus`` each."""

    @property
    def title(self) -> str:
        """What it is, in a few words."""

    def __call__(self, views: LightField, disparities: NDArray[np.float64], run: Run = Run()) -> NDArray[np.float32]:
        """Return (N, H, W, C) float32, 1 = full scale, focused at (N,) disparities in px."""


REFOCUSERS: Registry[Refocuser] = Registry("refocuser", ("optics.refocus",), "REFOCUSER")
"""All ways of refocusing; floors below `optics` and beside it reach them by name."""

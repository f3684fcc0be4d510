"""A light field: views of one scene from a regular grid of viewpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from focaldepth.core.errors import StackError
from focaldepth.core.optics import Optics
from focaldepth.core.stack import Frame


@dataclass(frozen=True)
class LightField:
    """U x V sub-aperture views, read on demand.

    Attributes:
        grid: (U, V) rows and columns of views.
        shape: (H, W, C) of every view.
        view: gives the sub-aperture view of row u, column v as (H, W, C).
        centre: row and column of the view that the depth map belongs to.
        optics: `disparity_scale_m_px` links disparity (px between neighbouring views) and depth.
        name: for messages.

    Raises:
        StackError: fewer than two views, or a centre outside the grid.
    """

    grid: tuple[int, int]
    shape: tuple[int, int, int]
    view: Callable[[int, int], Frame]
    centre: tuple[int, int]
    optics: Optics = field(default_factory=Optics)
    name: str = "light field"

    def __post_init__(self) -> None:
        flat = len(self.grid) == len(self.centre) == 2
        inside = flat and all(0 <= c < n for c, n in zip(self.centre, self.grid, strict=True))
        if not inside or min(self.grid) < 1 or max(self.grid) < 2:
            raise StackError(
                f"a grid of {self.grid} views with centre {self.centre} is no light field.",
                where=self.name,
                hint="Give at least two views and a centre that is one of them.",
            )

"""Choosing views of a light field: the few sub-apertures that networks for light fields take."""

from __future__ import annotations

from focaldepth.core.errors import SettingError
from focaldepth.core.light_field import LightField

View = tuple[int, int]


def cross_views(views: LightField, count: int = 11) -> tuple[View, ...]:
    """Return row and column of `count` views on the cross through the centre, row by row.

    The centre view and as many as possible spread evenly over the two arms, the horizontal one first. Hazirbas et al.
    2018 give their DFLF network 11 views of 9 x 9 (supplement, figure 3); which ones cannot be read from the print.

    Raises:
        SettingError: the cross has fewer views.

    >>> import numpy as np
    >>> field = LightField((9, 9), (1, 1, 1), lambda u, v: np.zeros((1, 1, 1), np.uint8), (4, 4))
    >>> cross_views(field)
    ((0, 4), (2, 4), (4, 0), (4, 1), (4, 2), (4, 4), (4, 6), (4, 7), (4, 8), (6, 4), (8, 4))
    """
    u0, v0 = views.centre
    horizontal = [(u0, v) for v in range(views.grid[1]) if v != v0]
    vertical = [(u, v0) for u in range(views.grid[0]) if u != u0]
    available = 1 + len(horizontal) + len(vertical)
    if not 1 <= count <= available:
        raise SettingError(
            f"{count} views of a cross of {available}.", where=views.name, hint=f"Give 1 to {available}."
        )
    more = min(len(horizontal), count - 1, -(-(count - 1) // 4) * 2)
    fewer = min(len(vertical), count - 1 - more)
    more = count - 1 - fewer
    return tuple(sorted([(u0, v0), *_spread(horizontal, more), *_spread(vertical, fewer)]))


def _spread(arm: list[View], count: int) -> list[View]:
    """Take `count` views from the ends of an arm inwards, evenly; the arm leaves out the centre."""
    if count == 0:
        return []
    half = len(arm) // 2
    sides = [arm[:half], arm[half:][::-1]]
    counts = [(count + 1) // 2, count // 2]
    taken: list[View] = []
    for side, n in zip(sides, counts, strict=True):
        step = len(side) / n if n else 0
        taken += [side[int(step * k)] for k in range(n)]
    return taken

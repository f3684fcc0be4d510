"""A light field: a grid of views with a centre."""

import numpy as np
import pytest

from focaldepth.core.errors import StackError
from focaldepth.core.light_field import LightField


def light_field(grid: tuple[int, ...], centre: tuple[int, ...]) -> LightField:
    return LightField(grid, (2, 3, 1), lambda u, v: np.full((2, 3, 1), 10 * u + v, np.uint8), centre, name="bench")


@pytest.mark.parametrize(("grid", "centre"), [((9, 9), (4, 4)), ((1, 2), (0, 1)), ((5, 1), (0, 0))])
def test_views_are_read_on_demand(grid: tuple[int, int], centre: tuple[int, int]) -> None:
    made = light_field(grid, centre)
    assert made.view(*centre)[0, 0, 0] == 10 * centre[0] + centre[1]


@pytest.mark.parametrize(
    ("grid", "centre"),
    [((1, 1), (0, 0)), ((0, 3), (0, 0)), ((3, 3), (3, 0)), ((3, 3), (0, -1)), ((3,), (0,)), ((3, 3), (1,))],
)
def test_what_is_no_grid_is_refused(grid: tuple[int, ...], centre: tuple[int, ...]) -> None:
    with pytest.raises(StackError, match=r"bench: a grid of .* is no light field. Give at least two views"):
        light_field(grid, centre)


def test_a_light_field_is_frozen() -> None:
    with pytest.raises(AttributeError):
        light_field((2, 2), (0, 0)).name = "other"

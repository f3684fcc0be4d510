"""Tiles cover a picture, fade into each other, and mirror what lies outside."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from focaldepth.networks._net import build
from focaldepth.networks._spec import Limits, Padding
from focaldepth.networks._tiles import Tiling, cut, mirrored, padded, smallest, tile
from focaldepth.networks.defocusnet import DefocusNetOptions

sides = st.integers(8, 900)


@st.composite
def tilings(draw: st.DrawFn) -> tuple[Limits, Tiling | None, float]:
    limits = Limits(stride=draw(st.sampled_from([1, 8, 32])), min_side=draw(st.sampled_from([1, 64])))
    height, width, overlap = draw(sides), draw(sides), draw(st.integers(16, 100))
    area = draw(st.floats(1, 2)) * smallest(limits, overlap) ** 2 * draw(st.sampled_from([1, 4, 50]))
    return limits, tile(height, width, limits, overlap, area), area


@settings(max_examples=150, deadline=None)
@given(tilings())
def test_tiles_lie_on_the_stride_and_in_the_memory(made: tuple[Limits, Tiling | None, float]) -> None:
    limits, found, area = made
    assert found is not None  # the smallest tile fits
    assert found.side[0] * found.side[1] <= area
    assert min(found.side) >= limits.min_side
    full = padded(found.height, found.width, limits)
    for starts, side, whole in zip((found.rows, found.columns), found.side, full, strict=True):
        assert side % limits.stride == 0
        assert all(start % limits.stride == 0 for start in starts)
        assert starts[0] == 0
        assert starts[-1] + side == whole
        assert all(one + side - two >= found.overlap for one, two in pairwise(starts))


@settings(max_examples=60, deadline=None)
@given(tilings())
def test_weights_add_up_to_something_everywhere(made: tuple[Limits, Tiling | None, float]) -> None:
    tiling = made[1]
    assert tiling is not None
    total = np.zeros((tiling.height, tiling.width))
    for y, x in tiling.corners:
        weight = tiling.weight(y, x)
        assert weight.max() <= 1
        total[y : y + weight.shape[0], x : x + weight.shape[1]] += weight
    assert total.min() > 0.2


def test_at_the_least_overlap_weights_add_up_to_one_and_fade_slowly() -> None:
    tiling = Tiling(200, 64, (120, 64), (0, 80), (0,), 40)
    first, second = tiling.weight(0, 0)[:, 0], tiling.weight(80, 0)[:, 0]
    np.testing.assert_allclose(first[80:] + second[:40], 1)
    assert (first[110:] == 0).all()
    assert np.abs(np.diff(first)).max() <= 1 / 20 + 1e-6


def test_the_whole_picture_is_one_tile_where_it_fits() -> None:
    found = tile(100, 50, Limits(stride=32, min_side=64), 16, 128 * 64)
    assert found == Tiling(100, 50, (128, 64), (0,), (0,), 16)
    assert (found.weight(0, 0) == 1).all()
    assert found.weight(0, 0).shape == (100, 50)


def test_too_little_room_for_any_tile() -> None:
    assert tile(1000, 1000, Limits(stride=32), 96, 100) is None


def test_fewer_pixels_are_computed_twice_in_larger_tiles() -> None:
    limits = Limits(stride=32)
    work = []
    for area in (300**2, 600**2):
        found = tile(2000, 3000, limits, 96, area)
        assert found is not None
        work.append(len(found) * found.side[0] * found.side[1])
    assert work[1] < work[0]


@given(st.integers(0, 50), st.integers(1, 60), st.integers(1, 20))
def test_mirroring_is_that_of_numpy(start: int, length: int, size: int) -> None:
    line = np.arange(size)
    grown = np.pad(line, (0, start + length), mode="reflect")
    np.testing.assert_array_equal(line[mirrored(start, length, size)], grown[start : start + length])


@pytest.mark.parametrize("padding", Padding)
def test_what_lies_outside_is_mirrored_or_black(padding: Padding) -> None:
    frame = np.arange(1, 13, dtype=np.uint8).reshape(3, 4, 1)
    found = cut(frame, 1, 2, (4, 4), padding)[..., 0]
    outside = {Padding.BLACK: [[7, 8, 0, 0], [11, 12, 0, 0], [0] * 4, [0] * 4],
               Padding.REFLECT: [[7, 8, 7, 6], [11, 12, 11, 10], [7, 8, 7, 6], [3, 4, 3, 2]]}  # fmt: skip
    assert found.tolist() == outside[padding]
    assert cut(frame, 0, 0, (3, 4), padding) is not None


SIGHT = {"defocusnet-coc": (DefocusNetOptions(depth=False, filters=2), 80, 1e-4),
         "defocusnet": (DefocusNetOptions(filters=2), 96, 1e-3)}  # fmt: skip
"""Network -> options, pixels from an edge beyond which it says what it says in the whole, and how nearly."""


@torch.inference_mode()
@pytest.mark.parametrize("name", SIGHT)
def test_networks_say_the_same_of_a_part_where_its_edges_are_far(name: str) -> None:
    """Where the sight of a network ends; those that see farther are measured by `benchmarks/networks_tiles.py`."""
    options, far, near = SIGHT[name]
    torch.manual_seed(1)
    net = build(name, options)
    frames, focus = torch.rand(1, 3, 3, 256, 320), torch.tensor([[0.2, 0.5, 1.0]])
    whole = net(frames, focus).depth
    edge, cut = 16, net(frames[..., 16:240, 16:304], focus).depth
    moved = (cut - whole[..., edge : edge + 224, edge : edge + 288]).abs() / np.ptp(whole.numpy())
    assert float(moved[..., far:-far, far:-far].max()) < near
    assert float(moved.max()) > 10 * near
    assert far <= options.limits.overlap

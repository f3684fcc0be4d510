"""R2: in which order frames stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.io._order import looks_expanded, natural_key, natural_order, order_by


@dataclass(frozen=True)
class F:
    name: str


def ordered(names: list[str]) -> list[str]:
    return [f.name for f in natural_order([F(n) for n in names])[0]]


@pytest.mark.parametrize(
    "names",
    [
        ["img1.png", "img2.png", "img10.png"],
        ["img1.png", "IMG2.png", "img03.png"],
        ["a.png", "a1.png", "b.png"],
        ["s2_f1.tif", "s2_f9.tif", "s2_f10.tif", "s10_f1.tif"],
        ["IMG_9997.JPG", "IMG_9998.JPG", "IMG_9999.JPG", "IMG_0001.JPG", "IMG_0002.JPG"],
        ["IMG_0001.JPG", "IMG_5000.JPG", "IMG_9999.JPG"],
        ["001.png", "002.png", "999.png"],
    ],
)
def test_natural_order(names) -> None:
    for seed in range(4):
        shuffled = list(np.random.default_rng(seed).permutation(names))
        assert ordered(shuffled) == names


def test_a_wrapping_counter_is_named() -> None:
    assert natural_order([F("P9999.jpg"), F("P0000.jpg")])[1] == "file name, counter wraps"
    assert natural_order([F("P0001.jpg"), F("P0002.jpg")])[1] == "file name"


@given(st.lists(st.integers(0, 10**6), unique=True, min_size=2), st.randoms())
def test_numbers_sort_by_value_whatever_their_padding(numbers, random) -> None:
    names = {n: f"f{'0' * random.randint(0, 3)}{n}.png" for n in numbers}
    assert sorted(names.values(), key=natural_key) == [names[n] for n in sorted(numbers)]


@given(st.lists(st.text(min_size=1), unique=True), st.randoms())
def test_the_order_does_not_depend_on_the_start(names, random) -> None:
    shuffled = list(names)
    random.shuffle(shuffled)
    assert ordered(shuffled) == ordered(names)


def test_expanded_lists_are_told_from_deliberate_ones() -> None:
    assert looks_expanded(["a1", "a10", "a2"])
    assert looks_expanded(["a1", "a2", "a10"])
    assert looks_expanded(["A2", "a1"])
    assert not looks_expanded(["a2", "a1"])


@given(st.lists(st.floats(0.1, 100), unique=True, min_size=2))
def test_positions_are_sorted_only_when_out_of_order(values) -> None:
    array = np.array(values)
    order = order_by(array)
    rising, falling = np.all(np.diff(array) > 0), np.all(np.diff(array) < 0)
    assert (order is None) == bool(rising or falling)
    if order is not None:
        assert np.all(np.diff(array[order]) > 0)

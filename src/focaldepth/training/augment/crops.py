"""Cutting out a square: in the middle, or where enough truth is known."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focaldepth.core.errors import StackError
from focaldepth.training._example import Example, Mask


def centre_crop(example: Example, side: int) -> Example:
    """Cut out the middle; of an odd margin the larger half is at the bottom and right.

    Raises:
        StackError: a picture smaller than the crop.
    """
    _check(example, side)
    top, left = ((length - side) // 2 for length in example.size)
    return example.window(slice(top, top + side), slice(left, left + side))


def random_crop(example: Example, side: int, rng: Generator, known: float = 0.0) -> Example:
    """Cut out a random place of which a share of at least `known` has truth, all such places equally likely.

    DDFF (Hazirbas et al., ACCV 2018, section 5) keeps patches of 224 px with at most 20 % missing; DFV (Yang, Huang,
    Zhou, CVPR 2022, data loader) tries places in random order until one has 80 %. Where no place has enough, that with
    the most is taken.

    Raises:
        StackError: a picture smaller than the crop.
    """
    _check(example, side)
    shares = _shares(example.mask, side) if known > 0 else np.ones([length - side + 1 for length in example.size])
    places = np.flatnonzero(shares >= min(known, shares.max()))
    top, left = np.unravel_index(places[rng.integers(len(places))], shares.shape)
    return example.window(slice(top, top + side), slice(left, left + side))


def _shares(mask: Mask, side: int) -> NDArray[np.float64]:
    """Share of true pixels in every square, (H - side + 1, W - side + 1), from sums over rectangles."""
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int64)
    sums[1:, 1:] = mask.cumsum(0, np.int64).cumsum(1)
    counts = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return counts / side**2


def _check(example: Example, side: int) -> None:
    if min(example.size) < side:
        h, w = example.size
        raise StackError(f"is {w} x {h} px, smaller than the crop of {side}.", where="crop", hint="Make it smaller.")

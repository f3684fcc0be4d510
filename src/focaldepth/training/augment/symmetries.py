"""Flips and quarter turns: the eight symmetries of a square, which change no blur."""

from __future__ import annotations

from numpy.random import Generator

from focaldepth.training._example import Example


def random_flips(example: Example, rng: Generator, *, rows: float = 0.5, columns: float = 0.5) -> Example:
    """Flip upside down and left to right, each with its probability.

    Both with 0.5 in DFV (Yang, Huang, Zhou, CVPR 2022, data loader) and in Learning Depth from Focus in the Wild (Won
    and Jeon, ECCV 2022, section 4.1).
    """
    upside_down, mirrored = rng.random(2) < (rows, columns)
    example = example.flipped(0) if upside_down else example
    return example.flipped(1) if mirrored else example


def random_quarter_turn(example: Example, rng: Generator) -> Example:
    """Turn by 0, 90, 180 or 270 degrees, equally likely (Won and Jeon, ECCV 2022, section 4.1: "rotation").

    A picture that is not square is only turned by 0 or 180 degrees: examples of one batch keep one size.
    """
    h, w = example.size
    return example.turned(int(rng.integers(4)) if h == w else 2 * int(rng.integers(2)))

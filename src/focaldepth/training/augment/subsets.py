"""Some frames of a stack, always in their order: evenly spaced or at random, by number or by focus position."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focaldepth.core.errors import StackError
from focaldepth.training._example import Example

SAMPLINGS = ("random", "even", "truncated", "stride", "focus")
"""Ways of choosing frames; see `chosen`."""

Indices = NDArray[np.intp]


def subset(example: Example, count: int, sampling: str, rng: Generator, *, keep_ends: bool = False) -> Example:
    """Return an example of `count` of its frames; arguments and errors as `chosen`."""
    return example.take(chosen(example.focus, count, sampling, rng, keep_ends=keep_ends))


def chosen(
    focus: NDArray[np.float64], count: int, sampling: str, rng: Generator, *, keep_ends: bool = False
) -> Indices:
    """Return the frames that are taken, (count,) ascending.

    Args:
        focus: (N,) focus positions, strictly monotone.
        count: 2 to N.
        sampling: "random", every subset equally likely (DFV, Yang, Huang, Zhou, CVPR 2022, training);
            "even", linspace(0, N - 1, count) rounded (Won and Jeon, ECCV 2022: 10 of 49 frames);
            "truncated", the same rounded down (DFV, validation: 0 2 4 6 9 of 10);
            "stride", every (N // count)-th from the first (AiFDepthNet, Wang et al., ICCV 2021, Mobile Depth);
            "focus", those next to evenly spaced focus positions: uniform in the coordinate, not in the number.
        rng: for "random".
        keep_ends: of "random" frames: first and last are among them (as in Table S1 of AiFDepthNet).

    Raises:
        StackError: fewer frames than asked for, or fewer than two asked for.

    >>> [chosen(np.arange(10.0), 5, how, np.random.default_rng()).tolist() for how in ("even", "truncated", "stride")]
    [[0, 2, 4, 7, 9], [0, 2, 4, 6, 9], [0, 2, 4, 6, 8]]
    """
    n = len(focus)
    if not 2 <= count <= n:
        raise StackError(f"cannot take {count} of {n} frames.", where="frames", hint=f"Give a number from 2 to {n}.")
    if sampling == "random":
        ends = np.array([0, n - 1] if keep_ends else [], np.intp)
        inner = np.arange(n)[1:-1] if keep_ends else np.arange(n)
        return np.sort(np.concatenate([ends, rng.choice(inner, count - len(ends), replace=False)]))
    if sampling == "stride":
        return np.arange(count) * (n // count)
    if sampling == "focus":
        return _nearest(focus, count)
    places = np.linspace(0, n - 1, count)
    return np.asarray(np.rint(places) if sampling == "even" else places, np.intp)


def _nearest(focus: NDArray[np.float64], count: int) -> Indices:
    """Frames next to evenly spaced positions, moved apart where two positions share a frame."""
    wanted = np.linspace(focus[0], focus[-1], count)
    frames = np.abs(focus[:, None] - wanted).argmin(0)
    step = np.arange(count)
    frames = np.maximum.accumulate(frames - step) + step
    return np.asarray(np.minimum(frames, len(focus) - count + step), np.intp)

"""Smoothing that stops at the edges of a picture: the domain transform, in time independent of its reach.

Source: Gastal & Oliveira, Domain Transform for Edge-Aware Image and Video Processing, ACM TOG 30(4), 2011, recursive
form (their section 4.2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane

Volume = NDArray[np.float32]


class EdgeAware:
    """Smooths planes or volumes along paths of a guide on which little changes."""

    def __init__(self, guide: Plane, reach: float, contrast: float, rounds: int = 3) -> None:
        """Prepare the weights.

        Args:
            guide: (h, w, C) picture.
            reach: standard deviation in pixels where the guide is flat.
            contrast: sum of absolute changes over the channels that counts as much as `reach` pixels.
            rounds: passes in both directions; more leave fewer stripes.
        """
        picture = guide if guide.shape[2] == 3 else guide[..., :1] * np.float32(3)
        distance = [1 + reach / contrast * np.abs(np.diff(picture, axis=a)).sum(-1) for a in (0, 1)]
        self._weights = []
        for number in range(rounds):
            width = reach * np.sqrt(3) * 2 ** (rounds - number - 1) / np.sqrt(4**rounds - 1)
            decay = np.exp(-np.sqrt(2) / width)
            down, across = (np.power(np.float32(decay), d, dtype=np.float32) for d in distance)
            self._weights.append((down, np.ascontiguousarray(across.T)))

    def __call__(self, volume: NDArray[np.floating]) -> Volume:
        """Return the smoothed volume, (h, w, D) float32; weights of all pixels sum to one."""
        out: Volume = volume.astype(np.float32)
        for down, across in self._weights:
            _run(out, down)
            turned = np.ascontiguousarray(out.transpose(1, 0, 2))
            _run(turned, across)
            out = np.ascontiguousarray(turned.transpose(1, 0, 2))
        return out


def _run(lines: Volume, weights: Plane) -> None:
    """First-order recursion along the first axis and back, in place; weights (L - 1, M) link neighbours."""
    work = np.empty_like(lines[0])
    for i in range(1, len(lines)):
        _pull(lines[i], lines[i - 1], weights[i - 1], work)
    for i in range(len(lines) - 2, -1, -1):
        _pull(lines[i], lines[i + 1], weights[i], work)


def _pull(line: Plane, towards: Plane, weight: Plane, work: Plane) -> None:
    np.subtract(towards, line, out=work)
    work *= weight[:, None]
    line += work

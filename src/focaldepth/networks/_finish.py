"""From tiles to maps: what the network says is blended over tiles, and becomes an estimate of the whole stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap, Estimate
from focaldepth.core.stack import FocalStack
from focaldepth.networks._frames import Seen
from focaldepth.networks._held import Held
from focaldepth.networks._tiles import Tiling

Plane = NDArray[np.float32]
_STRIP = 512
_CURVE_GRID = (24, 32)
_FLOOR = 1e-3
"""Smallest spread in steps between frames: a probability that is all on one frame knows no better than this."""


@dataclass(frozen=True)
class Said:
    """What a network says of one tile, inside the picture.

    Attributes:
        depth: (h, w) on the blur-linear axis.
        spread: (h, w) likewise; None for a network without probabilities.
        picture: (h, w, C) the frames weighted, in values of the input; None where none is wanted.
        probability: (M, h, w); None likewise.
    """

    depth: Plane
    spread: Plane | None
    picture: Plane | None
    probability: Plane | None


@dataclass
class Canvas:
    """Sums over tiles.

    Attributes:
        tiling: where the tiles lie.
        depth, spread, picture, weight: sums of what tiles say, times how much they count, and of that.
        curves: (M, a, b) probability on a coarse grid at pixel `rows`, `columns`.
        heard: (a, b) how much the tile counted that `curves` are from.
    """

    tiling: Tiling
    channels: int
    depth: Plane = field(init=False)
    weight: Plane = field(init=False)
    spread: Plane | None = None
    picture: Plane | None = None
    curves: Plane | None = None
    heard: Plane = field(init=False)
    rows: NDArray[np.int64] = field(init=False)
    columns: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        shape = self.tiling.height, self.tiling.width
        self.depth, self.weight = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        counts = (min(n, size) for n, size in zip(_CURVE_GRID, shape, strict=True))
        self.rows, self.columns = (
            ((np.arange(n) + 0.5) * size / n).astype(np.int64) for n, size in zip(counts, shape, strict=True)
        )

    def add(self, y: int, x: int, said: Said) -> None:
        """Add what was said of the tile at (y, x)."""
        weight = self.tiling.weight(y, x)
        here = np.s_[y : y + weight.shape[0], x : x + weight.shape[1]]
        self.weight[here] += weight
        self.depth[here] += weight * said.depth
        if said.spread is not None:
            self.spread = np.zeros_like(self.depth) if self.spread is None else self.spread
            self.spread[here] += weight * said.spread
        if said.picture is not None:
            if self.picture is None:
                self.picture = np.zeros((*self.depth.shape, self.channels), np.float32)
            self.picture[here] += weight[..., None] * said.picture
        if said.probability is not None:
            self._sample(y, x, weight, said.probability)

    def _sample(self, y: int, x: int, weight: Plane, probability: Plane) -> None:
        """Keep the curves of the grid pixels of which no tile before said more."""
        if self.curves is None:
            self.curves = np.zeros((len(probability), len(self.rows), len(self.columns)), np.float32)
            self.heard = np.zeros(self.curves.shape[1:], np.float32)
        rows, columns = self.rows - y, self.columns - x
        a = np.flatnonzero((rows >= 0) & (rows < weight.shape[0]))
        b = np.flatnonzero((columns >= 0) & (columns < weight.shape[1]))
        counts = weight[np.ix_(rows[a], columns[b])]
        i, j = np.nonzero(counts > self.heard[np.ix_(a, b)])
        self.heard[a[i], b[j]] = counts[i, j]
        self.curves[:, a[i], b[j]] = probability[:, rows[a[i]], columns[b[j]]]

    def divide(self) -> None:
        """Turn sums into means."""
        for plane in (self.depth, self.spread):
            if plane is not None:
                plane /= self.weight
        if self.picture is not None:
            self.picture /= self.weight[..., None]


def finish(
    canvas: Canvas, stack: FocalStack, held: Held, seen: Seen, fusion: str, card: dict[str, Any], run: Run
) -> Estimate:
    """Make the estimate of the whole stack."""
    canvas.divide()
    axis = stack.blur_axis
    low, high = float(axis.values.min()), float(axis.values.max())
    margin = 1e-6 * (high - low)
    broken = ~np.isfinite(canvas.depth)
    if broken.any():
        run.warn(f"{broken.mean():.1%} of the depth is no number; those pixels are not valid.")
        canvas.depth[broken] = (low + high) / 2
    inside = (canvas.depth >= low - margin) & (canvas.depth <= high + margin)
    valid = held.covered & inside & ~broken
    spread = canvas.spread
    if spread is not None:
        least = _FLOOR * float(np.abs(np.diff(axis.values)).min())
        np.maximum(np.nan_to_num(spread, copy=False, nan=high - low), least, out=spread)
    index = np.empty(canvas.depth.shape, np.float32)
    for y in range(0, len(index), _STRIP):
        index[y : y + _STRIP] = axis.index_of(canvas.depth[y : y + _STRIP])
    return Estimate(
        map=DepthMap(canvas.depth, axis.unit, valid, spread),
        index=index,
        all_in_focus=_picture(canvas, held, index, fusion),
        filled=DepthMap(canvas.depth, axis.unit, np.ones_like(valid), spread),
        extras=_curves(canvas, seen, len(stack)),
        weights=card,
    )


def _picture(canvas: Canvas, held: Held, index: Plane, fusion: str) -> NDArray[Any] | None:
    """Return the all-in-focus picture in the type of the frames; None where none is wanted."""
    if fusion == "none":
        return None
    kind = held.frames.dtype
    out = np.empty(held.frames.shape[1:], kind)
    for y in range(0, len(out), _STRIP):
        strip = np.s_[y : y + _STRIP]
        if canvas.picture is not None:
            values = canvas.picture[strip]
        else:
            values = _between(held.frames[:, strip], index[strip], blend=fusion == "weights")
        if kind.kind == "u":
            values = np.clip(np.rint(values), 0, np.iinfo(kind).max)
        out[strip] = values
    return out


def _between(frames: NDArray[Any], index: Plane, *, blend: bool) -> NDArray[Any]:
    """Take every pixel (h, w) from the frame nearest to its index, or from the two next to it by their distance."""

    def at(number: NDArray[np.int64]) -> NDArray[Any]:
        taken: NDArray[Any] = np.take_along_axis(frames, number[None, ..., None], 0)[0]
        return taken

    if not blend:
        return at(np.rint(index).astype(np.int64))
    low = np.floor(index).astype(np.int64)
    share = (index - low)[..., None]
    mixed: NDArray[Any] = at(low) * (1 - share) + at(np.minimum(low + 1, len(frames) - 1)) * share
    return mixed


def _curves(canvas: Canvas, seen: Seen, frames: int) -> dict[str, NDArray[Any]]:
    """Return the probabilities of probe pixels for the report; of frames that were left out they are 0."""
    if canvas.curves is None or not seen.whole:
        return {}
    curves = np.zeros((frames, *canvas.curves.shape[1:]), np.float32)
    curves[seen.index.astype(int)] = canvas.curves
    return {"curves": curves, "curve_rows": canvas.rows, "curve_cols": canvas.columns}

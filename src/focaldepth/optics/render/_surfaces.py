"""A scene cut into slices of one blur each: what is seen, and what lies hidden behind depth edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.optics.render._renderer import Picture, Plane

_MOST_SLICES = 256
_AROUND = np.ones((3, 3), np.uint8)
_BESIDE_PX = 2.0
_WEIGHT = 0.05


@dataclass(frozen=True, eq=False)
class Surface:
    """A picture with depth and coverage.

    Attributes:
        colour: (H, W, C) float32, linear light; not multiplied by alpha.
        alpha: (H, W) float32, share of each pixel that the surface covers.
        nearness: (H, W) float32, larger is nearer.
        hidden: what goes on behind its own depth edges, joined to the parts of the same depth; None = nothing.
    """

    colour: Picture
    alpha: Plane
    nearness: Plane
    hidden: Surface | None = None


@dataclass(frozen=True, eq=False)
class Slice:
    """What one surface holds at about one nearness, cut to the rows and columns where there is anything.

    Attributes:
        surface: number of the surface.
        nearness: of the slice.
        rows, columns: where it lies in the picture.
        content: (h, w, C + 1) colour times alpha, and alpha; with what is hidden.
        seen: (h, w) alpha without what is hidden.
    """

    surface: int
    nearness: float
    rows: slice
    columns: slice
    content: Picture
    seen: Plane


def slices_of(surfaces: Sequence[Surface], step: float) -> list[Slice]:
    """Return slices from far to near; a pixel between two of them is shared by both, linearly.

    Args:
        surfaces: one or more; where they overlap the nearer one covers the farther.
        step: distance of two slices; made wider where more than 256 would be needed.
    """
    low = min(float(s.nearness.min()) for s in surfaces)
    high = max(float(s.nearness.max()) for s in surfaces)
    count = 1 if high <= low else int(min(_MOST_SLICES, np.ceil((high - low) / step) + 1))
    found = [_slice(s, n, centre, low, high, count) for centre in range(count) for n, s in enumerate(surfaces)]
    return [one for one in found if one is not None]


def _slice(surface: Surface, number: int, k: int, low: float, high: float, count: int) -> Slice | None:
    place = (count - 1) / (high - low) if count > 1 else 0.0

    def share(one: Surface) -> Plane:
        at = (one.nearness - np.float32(low)) * np.float32(place)
        part: Plane = np.maximum(1 - np.abs(at - np.float32(k)), 0) * one.alpha
        return part

    sheets = [one for one in (surface, surface.hidden) if one is not None]
    shares = [share(one) for one in sheets]
    x, y, w, h = cv2.boundingRect((np.max(shares, axis=0) > 0).astype(np.uint8))
    if w == 0:
        return None
    rows, columns = slice(y, y + h), slice(x, x + w)
    part = (rows, columns)
    content = np.zeros((h, w, surface.colour.shape[2] + 1), np.float32)
    for one, own in zip(sheets, shares, strict=True):
        content[..., :-1] += one.colour[part] * own[part][..., None]
        content[..., -1] += own[part]
    centre = low + k / place if place else low
    return Slice(number, centre, rows, columns, content, shares[0][part])


def with_hidden(picture: Picture, nearness: Plane, jump: float, reach: int) -> Surface:
    """Return a picture with depth as a surface that goes on behind its own depth edges, as far as blur can show it.

    Where two neighbours differ by more than `jump`, the farther side goes on behind the nearer one at its own depth, in
    the mean colour beside the edge. That is a guess, so it weighs little beside what is seen: it counts where a blurred
    foreground lets through what no visible pixel tells.

    Args:
        picture: (H, W, C).
        nearness: (H, W).
        jump: smallest difference of neighbours that counts as an edge.
        reach: how far behind the edge, in px.
    """
    from scipy.ndimage import distance_transform_edt

    lowest, highest = cv2.erode(nearness, _AROUND), cv2.dilate(nearness, _AROUND)
    # Only the far side of an edge goes on: it has a nearer neighbour and is no foot of a steeper step itself.
    border = (highest - nearness > jump) & (nearness - lowest <= jump)
    if not border.any() or reach < 1:
        return Surface(picture, np.ones_like(nearness), nearness)
    distance, (rows, columns) = distance_transform_edt(~border, return_indices=True)
    far = nearness[rows, columns]
    behind = ((nearness - far > jump) & (distance <= reach)).astype(np.float32) * np.float32(_WEIGHT)
    weighted = np.dstack([picture * border[..., None], border]).astype(np.float32)
    mean = cv2.GaussianBlur(weighted, (0, 0), _BESIDE_PX)[rows, columns]
    colour = (mean[..., :-1] / np.maximum(mean[..., -1:], 1e-6)).astype(np.float32)
    return Surface(picture, np.ones_like(nearness), nearness, Surface(colour, behind, far))


def soft_edges(nearness: Plane, jump: float) -> NDArray[np.bool_]:
    """Return the pixels beside a depth edge, on either side."""
    spread = cv2.dilate(nearness, np.ones((3, 3), np.uint8)) - cv2.erode(nearness, np.ones((3, 3), np.uint8))
    return np.asarray(spread > jump, bool)

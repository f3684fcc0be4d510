"""Dots of a printed circle grid: found by OpenCV, placed to sub-pixel precision, followed into defocused frames.

A dot that is out of focus keeps its centre: blur and the curve of the file change it alike on all sides. So centres are
centroids, each under a Gaussian window that moves along until it is centred on what it sees, above the plane of light
between the dots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting

Grey = NDArray[np.float32]
Points = NDArray[np.float64]
Patches = NDArray[np.float64]

_LONG_SIDE = 1200
"""Dots are looked for in pictures reduced to this; their places are measured in the whole ones."""
_WINDOW, _REACH, _RING = 0.25, 0.5, (0.42, 0.58)
"""Width of the Gaussian, end of the window, and ring of the paper around a dot, in spacings of the dots."""
_SPACING_PX = 20
"""Pictures with twice this between their dots are reduced before centres are measured: as good, and faster."""
_ROUNDS = 25
_SUBTRACTIONS = 3
_SUPPORT, _KNOTS, _SAMPLES = 0.8, 9, 20_000
"""End of a dot's profile in spacings, its knots, and the most pixels that it is fitted to."""
_STILL_PX = 1e-4
_ASTRAY = 0.35
_FAINTEST = 0.1
"""A dot with less of the contrast than this share of the grid's median is no dot."""


@dataclass(frozen=True)
class Board:
    """A flat sheet with a grid of round dots."""

    rows: int = setting(7, "rows of dots", low=3, high=100)
    columns: int = setting(5, "dots in a row", low=3, high=100)
    pattern: str = setting(
        "symmetric", "straight rows, or every other row shifted by half", choices=("symmetric", "asymmetric")
    )
    dots: str = setting("dark", "dots on a bright sheet, or bright ones on a dark sheet", choices=("dark", "bright"))

    def __post_init__(self) -> None:
        check(self)

    @property
    def count(self) -> int:
        """Number of dots."""
        return self.rows * self.columns


def find_dots(grey: Grey, board: Board) -> Points | None:
    """Return the centres (x, y) of all dots of the board, (M, 2) px, in no promised order; None where it is not seen.

    Args:
        grey: (H, W) float32, any scale.
        board: which grid; it must be whole in the picture.
    """
    factor = max(1.0, max(grey.shape) / _LONG_SIDE)
    size = (round(grey.shape[1] / factor), round(grey.shape[0] / factor))
    small = grey if factor == 1 else cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    for look in (_stretched, _levelled):
        picture = look(small)
        if board.dots == "bright":
            picture = 255 - picture
        found = _grid(picture, board)
        if found is not None:
            scale = np.array([grey.shape[1] / size[0], grey.shape[0] / size[1]])
            return centred(grey, (found + 0.5) * scale - 0.5, board)
    return None


def _stretched(grey: Grey) -> NDArray[np.uint8]:
    """The picture over all of 8 bits."""
    low, high = np.percentile(grey, (1, 99))
    return np.asarray(np.clip((grey - low) * (255 / max(high - low, 1e-9)), 0, 255), np.uint8)


def _levelled(grey: Grey) -> NDArray[np.uint8]:
    """The picture against its surroundings: uneven light and faint dots become alike everywhere."""
    sigma = max(grey.shape) / 12
    off = grey - cv2.GaussianBlur(grey, (0, 0), sigma)
    spread = np.sqrt(cv2.GaussianBlur(off * off, (0, 0), sigma))
    floor = 1e-3 * float(spread.max()) + 1e-9
    return np.asarray(np.clip(127.5 + 60 * off / np.maximum(spread, floor), 0, 255), np.uint8)


def _grid(picture: NDArray[np.uint8], board: Board) -> Points | None:
    """Ask OpenCV, for straight light first and for steep views second."""
    wanted: Any = cv2.SimpleBlobDetector.Params()
    wanted.minThreshold, wanted.maxThreshold, wanted.thresholdStep = 12, 244, 12
    wanted.minArea, wanted.maxArea = 12, 0.8 * picture.size / board.count
    wanted.minDistBetweenBlobs, wanted.minRepeatability = 4, 2
    wanted.filterByColor, wanted.blobColor = True, 0
    wanted.minConvexity = 0.8
    detector = cv2.SimpleBlobDetector.create(wanted)
    kind = cv2.CALIB_CB_ASYMMETRIC_GRID if board.pattern == "asymmetric" else cv2.CALIB_CB_SYMMETRIC_GRID
    for flags in (kind, kind | cv2.CALIB_CB_CLUSTERING):
        done, found = cv2.findCirclesGrid(picture, (board.columns, board.rows), flags=flags, blobDetector=detector)
        if done:
            return np.asarray(found, np.float64).reshape(-1, 2)
    return None


def spacing(points: Points) -> float:
    """Return the median distance of a dot to its nearest neighbour in px."""
    return float(np.median(_apart(points).min(1)))


def centred(grey: Grey, start: Points, board: Board) -> Points | None:
    """Return dots near `start` with their centres to sub-pixel precision; None where not all of them are there.

    Where blur makes dots overlap, what their neighbours add is taken away: dots at the rim, which have neighbours on
    one side only, would seem nearer to them, and the frame smaller.

    Args:
        grey: (H, W) float32.
        start: (M, 2) centres (x, y), good to a third of the spacing.
        board: dark or bright dots.
    """
    light = -grey if board.dots == "dark" else grey
    factor = max(1, int(spacing(start) / _SPACING_PX))
    h, w = (n // factor * factor for n in light.shape)
    if factor > 1:
        light = cv2.resize(light[:h, :w], (w // factor, h // factor), interpolation=cv2.INTER_AREA)
    at = _settled(light, (start + 0.5) / factor - 0.5, None)
    for _ in range(_SUBTRACTIONS):
        at = None if at is None else _settled(light, at, _alone(light, at))
    return None if at is None else (at + 0.5) * factor - 0.5


def _settled(light: Grey, start: Points, patches: Patches | None) -> Points | None:
    """Move a window onto each dot until it stays; `patches` are the dots without their neighbours."""
    apart, at = spacing(start), start
    whole = np.rint(start).astype(int)
    half = _half(apart)
    if not _inside(whole, half, light.shape):
        return None
    seen = _cut(light, whole, half) if patches is None else patches
    mass = np.zeros(len(at))
    for _ in range(_ROUNDS):
        step, mass = _step(seen, whole - at, apart, half)
        at = at + step
        if not (np.hypot(*(at - start).T) < _ASTRAY * apart).all():
            return None
        if np.abs(step).max() < _STILL_PX:
            break
    middle = float(np.median(mass))
    return at if middle > 0 and mass.min() > _FAINTEST * middle else None


def _half(apart: float) -> int:
    return int(np.ceil((_RING[1] + _ASTRAY / 2) * apart)) + 1


def _inside(whole: NDArray[np.int64], half: int, shape: tuple[int, ...]) -> bool:
    limit = np.array([shape[1], shape[0]]) - 1 - half
    return bool((whole >= half).all() and (whole <= limit).all())


def _cut(light: Grey, whole: NDArray[np.int64], half: int) -> Patches:
    """The surroundings of each dot, (M, 2 half + 1, 2 half + 1)."""
    reach = np.arange(-half, half + 1)
    rows, columns = whole[:, 1, None, None] + reach[:, None], whole[:, 0, None, None] + reach
    return np.asarray(light[rows, columns], np.float64)


def _step(patches: Patches, off: Points, apart: float, half: int) -> tuple[Points, NDArray[np.float64]]:
    """How far each window must move, and what it sees; `off` is where the patch's middle lies from the window's."""
    reach = np.arange(-half, half + 1)
    x, y = np.broadcast_arrays(reach + off[:, 0, None, None], reach[:, None] + off[:, 1, None, None])
    radius = np.hypot(x, y) / apart
    above = patches - _paper(patches, x, y, (radius > _RING[0]) & (radius < _RING[1]))
    seen = np.where(radius < _REACH, np.exp(-0.5 * (radius / _WINDOW) ** 2), 0) * above
    mass = seen.sum((1, 2))
    moment = np.stack([(seen * x).sum((1, 2)), (seen * y).sum((1, 2))], 1)
    return moment / np.where(mass > 0, mass, np.nan)[:, None], mass


def _paper(patches: Patches, x: Patches, y: Patches, ring: NDArray[np.bool_]) -> Patches:
    """The plane through the light of the ring around each dot."""
    basis = np.stack([np.ones_like(x), x, y], 1) * ring[:, None]
    normal = np.einsum("mahw,mbhw->mab", basis, basis)
    plane = np.linalg.solve(normal, np.einsum("mahw,mhw->ma", basis, patches)[..., None])[..., 0, None, None]
    paper: Patches = plane[:, 0] + plane[:, 1] * x + plane[:, 2] * y
    return paper


def _alone(light: Grey, at: Points) -> Patches | None:
    """The surroundings of each dot without what the other dots add to them.

    All dots are taken to have one round profile; it and a smooth background are the least-squares answer to the picture
    around the dots.
    """
    apart = spacing(at)
    half, whole = _half(apart), np.rint(at).astype(int)
    if not _inside(whole, half, light.shape):
        return None
    reach = np.arange(-half, half + 1)
    x, y = np.broadcast_arrays(reach + whole[:, 0, None, None], reach[:, None] + whole[:, 1, None, None])
    knots = np.linspace(0, _SUPPORT, _KNOTS) * apart
    own = _hats(np.hypot(x - at[:, 0, None, None], y - at[:, 1, None, None]), knots)
    rows, columns = y - y.min(), x - x.min()
    sheet = np.zeros((rows.max() + 1, columns.max() + 1, _KNOTS - 1))
    for dot, row, column in zip(own, rows[:, 0, 0], columns[:, 0, 0], strict=True):
        sheet[row : row + len(reach), column : column + len(reach)] += dot
    u, v = (2 * (c - c.mean()) / np.ptp(c) for c in (x.ravel(), y.ravel()))
    seen = _cut(light, whole, half)
    some = np.arange(0, seen.size, max(1, seen.size // _SAMPLES))
    u, v = u[some], v[some]
    smooth = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], 1)
    design = np.concatenate([sheet[rows.ravel()[some], columns.ravel()[some]], smooth], 1)
    profile = np.linalg.lstsq(design, seen.ravel()[some], rcond=None)[0][: _KNOTS - 1]
    alone: Patches = seen - (sheet @ profile)[rows, columns] + own @ profile
    return alone


def _hats(radius: Patches, knots: NDArray[np.float64]) -> Patches:
    """Linear B-splines of the radius; the last one, which would be 0 everywhere it counts, is left out."""
    place = np.clip(radius / knots[1], 0, len(knots) - 1)
    hats: Patches = np.maximum(0, 1 - np.abs(place[..., None] - np.arange(len(knots) - 1)))
    return hats


def _apart(points: Points) -> NDArray[np.float64]:
    """Distance of every two dots; a dot is infinitely far from itself."""
    apart: NDArray[np.float64] = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    return apart


def matched(points: Points, places: Points) -> Points | None:
    """Return points in the order of the places that they are nearest to; None unless each has one within half a step.

    >>> matched(np.array([[9.0, 0.0], [0.2, 0.0]]), np.array([[0.0, 0.0], [10.0, 0.0]])).tolist()
    [[0.2, 0.0], [9.0, 0.0]]
    """
    apart = np.hypot(*(places[:, None] - points[None]).transpose(2, 0, 1))
    nearest = apart.argmin(1)
    if len(set(nearest.tolist())) != len(points) or apart.min(1).max() > 0.5 * spacing(places):
        return None
    ordered: Points = points[nearest]
    return ordered

"""The frame strip: every frame with its focus position, its share of the picture and its alignment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.result import DepthResult
from focaldepth.report._curves import FocusScale
from focaldepth.report.pictures import as_rgb, jpeg_uri, reduced, stretch_for
from focaldepth.report.scale import percent

_STRIP_BYTES = 300_000
_SAMPLES = 1 << 20


@dataclass(frozen=True)
class Motion:
    """How one frame lies relative to the reference: shift of the centre, scale, turn, largest corner path."""

    dx: float
    dy: float
    scale: float
    degrees: float
    corner: float


@dataclass(frozen=True)
class FrameCard:
    """One frame of the strip."""

    number: int
    name: str
    """Empty where it would only repeat the number."""
    focus: str
    share: float
    """Of the pixels that carry depth."""
    share_text: str
    height: float
    """Share relative to the frame with the most pixels, in percent."""
    thumbnail: str
    motion: Motion | None


@dataclass(frozen=True)
class FrameStrip:
    """All frames that were used, in the order of the stack."""

    cards: list[FrameCard]
    stretched: bool
    """Whether the frames are shown brighter than they are."""


def frame_strip(result: DepthResult, scale: FocusScale) -> FrameStrip:
    """Describe every frame that was used."""
    n = len(result.axis)
    shares = frame_shares(result)
    thumbs, stretched = _thumbnails(result, n)
    motion = motions(result)
    names = _telling(result.info.frame_names, n)
    most = max(float(shares.max()), 1e-9)
    cards = [
        FrameCard(
            i,
            names[i],
            scale.texts[i],
            float(shares[i]),
            percent(float(shares[i])),
            100 * float(shares[i]) / most,
            thumbs[i],
            motion[i] if motion else None,
        )
        for i in range(n)
    ]
    return FrameStrip(cards, stretched)


def _telling(names: tuple[str, ...], n: int) -> tuple[str, ...]:
    """Return the names of n frames; empty ones where they are missing or only count, from 0 or 1, inside one file."""
    counts = any(all(name.endswith(f"frame {i + first}") for i, name in enumerate(names)) for first in (0, 1))
    return ("",) * n if counts or len(names) != n else names


def frame_shares(result: DepthResult) -> NDArray[np.float64]:
    """Return the share of depth pixels whose best focus lies at each frame, from an even sample of large maps."""
    n = len(result.axis)
    stride = max(1, int(np.sqrt(result.index.size / _SAMPLES)))
    index = result.index[::stride, ::stride][result.map.valid[::stride, ::stride]]
    nearest = np.clip(np.rint(np.nan_to_num(index)), 0, n - 1).astype(np.int64)
    counts = np.bincount(nearest, minlength=n).astype(np.float64)
    shares: NDArray[np.float64] = counts / max(counts.sum(), 1)
    return shares


def motions(result: DepthResult) -> list[Motion] | None:
    """Return how each frame had to be moved; None where no frame moved."""
    transforms = result.transforms
    if transforms is None or len(transforms) != len(result.axis) or np.allclose(transforms, np.eye(3), atol=1e-9):
        return None
    height, width = result.map.shape
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], float)
    return [_motion(t, centre, corners) for t in transforms]


def _motion(transform: NDArray[np.float64], centre: NDArray[np.float64], corners: NDArray[np.float64]) -> Motion:
    points = np.vstack([centre, corners])
    moved = np.column_stack([points, np.ones(len(points))]) @ transform.T
    path = moved[:, :2] / moved[:, 2:] - points
    linear = transform[:2, :2] / transform[2, 2]
    return Motion(
        float(path[0, 0]),
        float(path[0, 1]),
        float(np.sqrt(abs(np.linalg.det(linear)))),
        float(np.degrees(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))),
        float(np.hypot(path[1:, 0], path[1:, 1]).max()),
    )


def _thumbnails(result: DepthResult, n: int) -> tuple[list[str], bool]:
    """Return the frames as small pictures, and whether they are stretched: all alike, so that a drift stays visible."""
    thumbs = result.extras.get("thumbnails")
    if thumbs is None or len(thumbs) != n or thumbs.ndim not in (3, 4):
        return [""] * n, False
    each = _STRIP_BYTES // n
    side = 224 if each > 6000 else 160 if each > 2500 else 96
    stretch = stretch_for(thumbs)
    small = [as_rgb(reduced(t if t.ndim == 3 else t[..., None], side), stretch) for t in thumbs]
    return [jpeg_uri(t, 78, each) for t in small], stretch is not None

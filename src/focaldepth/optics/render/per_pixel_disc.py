"""Per-pixel disc: every output pixel is the mean over the disc of its own blur. Fast, and wrong at depth edges.

The simulator of Won & Jeon 2022, Learning Depth from Focus in the Wild: the whole picture is filtered once per whole
radius, and each pixel takes the one of its depth. A sharp foreground keeps a halo out of its background, a blurred one
ends hard.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from focaldepth.core.progress import Run
from focaldepth.core.settings import check, setting
from focaldepth.optics.render._renderer import Numbers, Picture, Plane, check_scene


@dataclass(frozen=True)
class PerPixelDisc:
    """The in-the-wild simulator; see the module."""

    title: ClassVar[str] = "Per-pixel disc of whole radius (Won & Jeon 2022, simulator)"

    planes: int = setting(2000, "depth planes that the blur is read at; 0 = at every pixel's own depth", low=0)
    floor: int = setting(1, "smallest radius; the published simulator leaves no pixel sharp", unit="px", low=0)

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, picture: Picture, nearness: Plane, focus: Numbers, scale: Numbers, run: Run = Run()) -> Picture:
        """Render frames; radius = round(scale |nearness - focus|); see `Renderer`."""
        focus, scale = check_scene(picture, nearness, focus, scale)
        at = _at_planes(nearness, self.planes) if self.planes else nearness
        run.stage("render", len(focus))

        def frame(i: int) -> Picture:
            radius = np.rint(np.float32(scale[i]) * np.abs(at - np.float32(focus[i]))).astype(np.int32)
            made = _gathered(picture, np.maximum(radius, self.floor))
            run.advance()
            return made

        with ThreadPoolExecutor(run.threads) as pool:
            return np.stack(list(pool.map(frame, range(len(focus)))))


def _at_planes(nearness: Plane, count: int) -> Plane:
    """Depth of the plane below each pixel, planes evenly spaced in metres as published."""
    depth = 1 / np.maximum(nearness, 1e-9)
    low, high = float(depth.min()), float(depth.max())
    if high <= low:
        return nearness
    step = (high - low) / count
    plane: Plane = (1 / (low + np.floor((depth - low) / step) * step)).astype(np.float32)
    return plane


def _gathered(picture: Picture, radius: np.ndarray) -> Picture:
    """Filter with each radius only where a pixel has it."""
    out = np.empty_like(picture)
    h, w = radius.shape
    for r in np.unique(radius):
        mask = radius == r
        x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
        rows = slice(max(y - int(r), 0), min(y + height + int(r), h))
        columns = slice(max(x - int(r), 0), min(x + width + int(r), w))
        blurred = disc_mean(picture[rows, columns], int(r))
        cut = blurred[y - rows.start : y - rows.start + height, x - columns.start : x - columns.start + width]
        np.copyto(out[y : y + height, x : x + width], cut, where=mask[y : y + height, x : x + width, None])
    return out


def disc_mean(picture: Picture, radius: int) -> Picture:
    """Return the mean over the filled disc of a whole radius, pixels dy^2 + dx^2 <= r^2; borders are mirrored."""
    if radius == 0:
        return picture
    filtered: Picture = cv2.filter2D(picture, -1, whole_disc(radius), borderType=cv2.BORDER_REFLECT_101)
    return filtered.reshape(picture.shape)


def whole_disc(radius: int) -> Plane:
    """Return the filled disc of a whole radius, of unit sum."""
    at = np.arange(-radius, radius + 1)
    disc = (at[:, None] ** 2 + at[None] ** 2 <= radius**2).astype(np.float32)
    return disc / np.float32(disc.sum())


RENDERER = PerPixelDisc()

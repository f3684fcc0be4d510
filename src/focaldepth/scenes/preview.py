"""A contact sheet of scenes: sharp picture, nearest and farthest frame, nearness in colour."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.sample import Sample

Image = NDArray[np.uint8]
_GAP = 6
_HEIGHT = 192


def contact_sheet(samples: Sequence[Sample], across: int = 2) -> Image:
    """Return one picture (H, W, 3) with a strip per scene.

    >>> from focaldepth.scenes.world import SceneSettings, make_world
    >>> small = SceneSettings(height=32, width=32, frames=2, samples=2)
    >>> contact_sheet([make_world(small, n).sample() for n in range(2)]).shape
    (198, 1548, 3)
    """
    strips = [_strip(s) for s in samples]
    width = max(s.shape[1] for s in strips)
    blank = np.full((_HEIGHT, width, 3), 255, np.uint8)
    cells = []
    for strip in strips:
        cell = blank.copy()
        cell[:, : strip.shape[1]] = strip
        cells.append(cell)
    cells += [blank] * (-len(cells) % across)
    rows = []
    for k in range(0, len(cells), across):
        parts = [np.pad(c, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=255) for c in cells[k : k + across]]
        rows.append(np.concatenate(parts, axis=1))
    return np.concatenate(rows, axis=0)


def _strip(sample: Sample) -> Image:
    stack = sample.stack
    n = len(stack)
    pictures = [] if sample.all_in_focus is None else [sample.all_in_focus]
    pictures += [stack.source.read(i) for i in (0, n // 2 if n > 2 else n - 1)]
    if sample.truth is not None:
        nearness = 1 / sample.truth.values
        low, high = np.percentile(nearness, (0.5, 99.5))
        level = np.clip((nearness - low) / max(high - low, 1e-9) * 255, 0, 255).astype(np.uint8)
        pictures.append(np.ascontiguousarray(cv2.applyColorMap(level, cv2.COLORMAP_TURBO)[..., ::-1]))
    h, w = stack.shape[:2]
    size = (round(w * _HEIGHT / h), _HEIGHT)
    sized = [cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures]
    return np.asarray(np.concatenate(sized, axis=1), np.uint8)

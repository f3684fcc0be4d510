"""The lens sampled on tensors: the views, shifts and means of `lens.sample_lens`, many views at once, on any device.

Meant for a GPU: a processor is faster with `lens.sample_lens`, which draws every layer only where it falls.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from focaldepth.core.errors import SettingError
from focaldepth.optics.aperture import Aperture
from focaldepth.scenes.lens import ROUNDS, Image, Layer, far_origin

_AT_ONCE = 8_000_000
"""Pixels of views that are drawn at once: 64 views of a scene of 256 x 256 px with its margin."""


def sample_lens(
    layers: Sequence[Layer],
    size: tuple[int, int],
    focus: NDArray[np.float64],
    scale: float,
    *,
    samples: int = 64,
    aperture: Aperture | None = None,
    seed: int = 0,
    device: str = "cuda",
) -> Image:
    """Return (N, H, W, 3) float32 linear light, one frame per focus position; see `lens.sample_lens`.

    Args:
        layers: far to near: each covers those before it.
        size: (H, W).
        focus: (N,) dioptres.
        scale: blur radius in px per dioptre.
        samples: points of the aperture.
        aperture: its shape; None = disc.
        seed: of the points.
        device: of the arithmetic, a name of torch.

    Raises:
        SettingError: there is no such device.
    """
    try:
        points = torch.tensor((aperture or Aperture()).samples(samples, seed) * scale, dtype=torch.float32).to(device)
    except (RuntimeError, AssertionError) as error:
        raise SettingError(f"there is no device {device!r} here.", where="scenes", hint="Take cpu.") from error
    origin, margin = far_origin(focus, scale)
    shape = (size[0] + 2 * margin, size[1] + 2 * margin)
    drawn = [_Surface(layer, origin, device) for layer in layers]
    frames = torch.zeros((len(focus), 3, *size), device=device)
    with torch.inference_mode():
        for shifts in torch.split(points, max(_AT_ONCE // (shape[0] * shape[1]), 1)):
            views = torch.zeros((len(shifts), 3, *shape), device=device)
            for surface in drawn:
                views = surface.over(views, shifts, margin)
            for n, position in enumerate(focus - origin):
                frames[n] += _moved(views, shifts * float(position), size, margin).sum(0)
        return np.asarray((frames / len(points)).permute(0, 2, 3, 1).cpu().numpy(), np.float32)


class _Surface:
    """A layer on the device."""

    def __init__(self, layer: Layer, origin: float, device: str) -> None:
        a, self.down, self.right = layer.plane
        self.away, self.corner, self.endless = a - origin, layer.corner, layer.endless
        self.content = torch.from_numpy(np.ascontiguousarray(layer.content)).to(device).permute(2, 0, 1)[None]
        self.relief = None if layer.relief is None else torch.from_numpy(layer.relief).to(device)[None, None]

    def over(self, views: Tensor, shifts: Tensor, margin: int) -> Tensor:
        """Lay it over views (S, 3, h, w) from the points `shifts` (S, 2): see `lens.View`."""
        y, x = self._places(shifts, views.shape[2:], margin)
        if self.relief is not None:
            y, x = self._bumped(y, x, shifts)
        seen = _sampled(self.content, y, x, "reflection" if self.endless else "zeros")
        colour, alpha = seen[:, :3], seen[:, 3:]
        return colour if self.endless else colour + views * (1 - alpha)

    def _places(self, shifts: Tensor, shape: Sequence[int], margin: int) -> tuple[Tensor, Tensor]:
        """Rows and columns of the content, (S, h, w) each, for the pixels of the views of a plane."""
        sy, sx = (s[:, None, None] for s in shifts.T)
        y = torch.arange(shape[0], device=shifts.device, dtype=torch.float32)[None, :, None] - margin - sy * self.away
        x = torch.arange(shape[1], device=shifts.device, dtype=torch.float32)[None, None, :] - margin - sx * self.away
        whole = 1 + sy * self.down + sx * self.right
        rows = ((1 + sx * self.right) * y - sy * self.right * x) / whole - self.corner[0]
        columns = (-sx * self.down * y + (1 + sy * self.down) * x) / whole - self.corner[1]
        return rows, columns

    def _bumped(self, y: Tensor, x: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor]:
        """Move places by the relief that stands there: p = flat - step * relief(p), a few rounds."""
        assert self.relief is not None
        sy, sx = (s[:, None, None] for s in shifts.T)
        whole = 1 + sy * self.down + sx * self.right
        # The shift (sy, sx) goes through the same matrix as the places; its off-diagonal parts cancel.
        step_y, step_x = sy / whole, sx / whole
        py, px = y, x
        for _ in range(ROUNDS):
            bump = _sampled(self.relief, py, px, "border")[:, 0]
            py, px = y - step_y * bump, x - step_x * bump
        return py, px


def _moved(views: Tensor, away: Tensor, size: tuple[int, int], margin: int) -> Tensor:
    """Return the middle of views (S, 3, h, w), moved back by `away` (S, 2) px: (S, 3, H, W)."""
    y = torch.arange(size[0], device=views.device)[None, :, None] + margin + away[:, 0, None, None]
    x = torch.arange(size[1], device=views.device)[None, None, :] + margin + away[:, 1, None, None]
    return _sampled(views, y.expand(-1, -1, size[1]), x.expand(-1, size[0], -1), "border")


def _sampled(picture: Tensor, y: Tensor, x: Tensor, border: str) -> Tensor:
    """Bilinear values of (1 or S, C, h, w) at rows and columns (S, H, W) in pixels: (S, C, H, W)."""
    h, w = picture.shape[2:]
    grid = torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], -1)
    source = picture.expand(len(grid), -1, -1, -1)
    return functional.grid_sample(source, grid, mode="bilinear", padding_mode=border, align_corners=False)

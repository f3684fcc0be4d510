"""What ways of refocusing share: views as float planes, borders, and where a refocused picture is complete."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import SettingError
from focaldepth.core.light_field import LightField

Planes = NDArray[np.float32]


def read_row(views: LightField, u: int, pool: ThreadPoolExecutor) -> Planes:
    """Return the views of row u as (V, C, H, W) float32, 1 = full scale.

    Raises:
        ReadError: a view cannot be read.
    """
    h, w, c = views.shape
    out = np.empty((views.grid[1], c, h, w), np.float32)
    scale = np.float32(1 / views.white)

    def read(v: int) -> None:
        np.multiply(np.moveaxis(views.view(u, v), -1, 0), scale, out=out[v])

    list(pool.map(read, range(views.grid[1])))
    return out


def linear_light(coded: Planes) -> Planes:
    """Return sRGB-coded values as linear light (IEC 61966-2-1)."""
    x = np.maximum(coded, 0)
    light: Planes = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return light


def coded_light(linear: Planes) -> Planes:
    """Return linear light as sRGB-coded values (IEC 61966-2-1)."""
    x = np.maximum(linear, 0)
    coded: Planes = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055).astype(np.float32)
    return coded


def check_disparities(views: LightField, disparities: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return disparities as (N,) float64, or raise for those that leave no common part of the views.

    Raises:
        SettingError: not a list of finite numbers, or a shift as large as the picture.
    """
    found = np.asarray(disparities, np.float64)
    if found.ndim != 1 or found.size < 1 or not np.isfinite(found).all():
        raise SettingError(
            f"disparities are {disparities!r}.", where=views.name, hint="Give a list of numbers of pixels."
        )
    far = float(np.abs(found).max())
    limits = [size / reach if reach else np.inf for size, reach in zip(views.shape[:2], views.reach, strict=True)]
    if far >= min(limits):
        raise SettingError(
            f"disparity {far:g} px shifts the outer views by more than their size.",
            where=views.name,
            hint=f"Disparities are pixels between neighbouring views, here less than {min(limits):.3g}.",
        )
    return found


def margins(views: LightField, disparities: NDArray[np.float64]) -> tuple[int, int]:
    """Return how many rows and columns the farthest view is shifted at most."""
    far = float(np.abs(disparities).max())
    return int(np.ceil(far * views.reach[0])), int(np.ceil(far * views.reach[1]))

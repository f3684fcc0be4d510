"""Shapes of the aperture, and the blur that a point out of focus gets from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting

Kernel = NDArray[np.float32]
_STEPS_PER_PX = 16
_SMALL = 1.0
_SIGMAS = 3.0


@dataclass(frozen=True)
class Aperture:
    """The opening of a lens, in units of its radius.

    Points nearer than the focus show it upright, farther ones turned by half a turn.
    """

    shape: str = setting("disc", "form of the opening", choices=("disc", "gaussian", "polygon", "cat-eye"))
    blades: int = setting(6, "corners of the polygon", low=3, high=16)
    turn: float = setting(0.0, "rotation of the polygon", unit="degree", low=-180, high=180)
    cut: float = setting(
        0.6, "shift of the rim that cuts the corners of the field (cat's eye), in radii at the corner", low=0, high=1.5
    )

    def __post_init__(self) -> None:
        check(self)

    def holds(self, y: NDArray[np.floating], x: NDArray[np.floating], field: tuple[float, float]) -> NDArray[np.bool_]:
        """Return which points of the opening (radius 1) let light through to a place of the field (-1 to 1)."""
        inside = y**2 + x**2 <= 1
        if self.shape == "polygon":
            angles = np.deg2rad(self.turn) + 2 * np.pi * (np.arange(self.blades) + 0.5) / self.blades
            flat = np.cos(np.pi / self.blades)
            inside = np.ones(np.broadcast(y, x).shape, bool)
            for angle in angles:
                inside &= np.cos(angle) * x + np.sin(angle) * y <= flat
        elif self.shape == "cat-eye":
            shift = self.cut / np.sqrt(2)
            inside = inside & ((y - shift * field[0]) ** 2 + (x - shift * field[1]) ** 2 <= 1)
        return np.asarray(inside, bool)

    @property
    def varies(self) -> bool:
        """True where the blur depends on the place in the field."""
        return self.shape == "cat-eye" and self.cut > 0

    def kernel(self, radius: float, field: tuple[float, float] = (0.0, 0.0)) -> Kernel:
        """Return the blur of a point as a square kernel of unit sum.

        Args:
            radius: in px; negative for points beyond the focus, which show the opening upside down.
            field: place in the field, rows and columns from -1 to 1; only a cat's eye heeds it.

        A Gaussian has the variance of the disc, sigma = radius / 2. Below 1 px the form of the opening cannot be seen
        on pixels: kernels there are mixtures of the one of 1 px and no blur, with the variance of the true one.
        """
        steps = round(abs(radius) * _STEPS_PER_PX)
        return _kernel(self, steps if radius >= 0 else -steps, field if self.varies else (0.0, 0.0))

    def samples(self, count: int, seed: int = 0) -> NDArray[np.float64]:
        """Return (count, 2) points of the opening (rows, columns; radius 1), evenly spread; their mean is 0.

        Raises:
            SettingError: fewer than one point.
        """
        from scipy.stats import qmc

        if self.shape == "gaussian":
            from scipy.stats import norm

            unit = qmc.Sobol(2, seed=seed).random_base2(int(np.ceil(np.log2(max(count, 2)))))[:count]
            points = norm.ppf(np.clip(unit, 1e-6, 1 - 1e-6)) / 2
        else:
            sequence = qmc.Sobol(2, seed=seed)
            kept = np.empty((0, 2))
            while len(kept) < count:
                square = 2 * sequence.random_base2(int(np.ceil(np.log2(4 * count)))) - 1
                kept = np.concatenate([kept, square[self.holds(square[:, 0], square[:, 1], (0.0, 0.0))]])
            points = kept[:count]
        return np.asarray(points - points.mean(0), np.float64)


@lru_cache(maxsize=2048)
def _kernel(aperture: Aperture, steps: int, field: tuple[float, float]) -> Kernel:
    radius = abs(steps) / _STEPS_PER_PX
    kernel: NDArray[np.float64]
    if radius == 0:
        kernel = np.ones((1, 1))
    elif radius < _SMALL:
        kernel = radius**2 * _kernel(aperture, round(_SMALL * _STEPS_PER_PX), field).astype(np.float64)
        kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] += 1 - radius**2
    elif aperture.shape == "gaussian":
        reach = int(np.ceil(_SIGMAS * radius / 2))
        line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (radius / 2)) ** 2)
        kernel = np.outer(line, line)
    else:
        kernel = _covered(aperture, radius, field)
    turned = kernel[::-1, ::-1] if steps < 0 else kernel
    made = np.ascontiguousarray(turned / kernel.sum(), np.float32)
    made.setflags(write=False)
    return made


def _covered(aperture: Aperture, radius: float, field: tuple[float, float]) -> NDArray[np.float64]:
    """Share of each pixel that the opening covers."""
    reach = int(np.ceil(radius - 0.5))
    fine = 16 if radius < 4 else 8
    at = ((np.arange((2 * reach + 1) * fine) + 0.5) / fine - reach - 0.5) / radius
    inside = aperture.holds(at[:, None], at[None], field)
    size = 2 * reach + 1
    return np.asarray(inside.reshape(size, fine, size, fine).mean((1, 3)), np.float64)

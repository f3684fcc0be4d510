"""Faults that move pixels: focus breathing, a wandering principal point, focus motors of phones, a shaking hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from focaldepth.core.settings import check, setting
from focaldepth.optics.breathing import relative_field_of_view
from focaldepth.optics.faults._apply import Camera, Matrices, Random, similar
from focaldepth.optics.thin_lens import image_distance


@dataclass(frozen=True)
class Breathing:
    """A lens that draws larger the nearer it is focused: zoom s'_n / s'_ref."""

    strength: float = setting(1.0, "share of the thin lens's breathing; 0 = none", low=0, high=3)

    def __post_init__(self) -> None:
        check(self)

    def transforms(self, camera: Camera, random: Random) -> Matrices:
        """See `Geometric`."""
        image = image_distance(np.array(camera.focus_m), camera.focal_length_m)
        zoom = (image / image[camera.reference]) ** self.strength
        return similar(camera, zoom, np.zeros((len(zoom), 2)))


@dataclass(frozen=True)
class PrincipalShift:
    """A lens barrel that moves sideways while it focuses: a drift along a line, and a wobble about it."""

    drift: float = setting(0.003, "way from the first to the last frame, share of the width", low=0, high=0.2)
    wobble: float = setting(0.0003, "standard deviation about the line, share of the width", low=0, high=0.1)

    def __post_init__(self) -> None:
        check(self)

    def transforms(self, camera: Camera, random: Random) -> Matrices:
        """See `Geometric`."""
        n, width = len(camera.focus_m), camera.size[1]
        angle = random.uniform(0, 2 * np.pi)
        way = np.linspace(-0.5, 0.5, n)[:, None] * np.array([np.cos(angle), np.sin(angle)])
        shift = width * (self.drift * way + self.wobble * random.standard_normal((n, 2)))
        return similar(camera, np.ones(n), shift)


@dataclass(frozen=True)
class Motor:
    """Calibrated errors of one phone.

    Attributes:
        focal_length_m, f_number: of its camera.
        sensor_px: width of the sensor in px, which shifts count in.
        slope, intercept: error of the relative field of view = slope / focus distance + intercept.
        right, down: mean and standard deviation of the shift in px of the sensor.
        pixel_pitch_m: of the sensor; None = unknown.
        nearest_m: focus distance at which the relative field of view is 1; None = the nearest of a stack.
    """

    focal_length_m: float
    f_number: float | None
    sensor_px: int
    slope: float
    intercept: float
    right: tuple[float, float]
    down: tuple[float, float]
    pixel_pitch_m: float | None = None
    nearest_m: float | None = None

    def transforms(self, camera: Camera, random: Random) -> Matrices:
        """See `Geometric`.

        Relative field of view g_n = s'_near / s'_n + slope / F_n + intercept; zoom against the reference g_ref / g_n;
        shifts are drawn per frame.
        """
        focus = np.array(camera.focus_m)
        image = image_distance(focus, camera.focal_length_m)
        longest = image.max() if self.nearest_m is None else image_distance(self.nearest_m, camera.focal_length_m)
        view = relative_field_of_view(image, longest) + self.slope / focus + self.intercept
        scale = camera.size[1] / self.sensor_px
        shift = np.stack([random.normal(*self.right, len(focus)), random.normal(*self.down, len(focus))], 1) * scale
        return similar(camera, view[camera.reference] / view, shift)


MOTORS = {
    "pixel-4-xl": Motor(4.4e-3, 1.7, 4032, -0.00266, 0.019155, (-4.45515, 7.18485), (-9.9504701, 8.04556863), 1.4e-6),
    "pixel-6": Motor(
        6.8e-3, 1.9, 4080, -0.00429249, 0.00330253, (0.470281, 6.2634662), (2.69174424, 6.859772247), 1.4e-6
    ),
    "galaxy-s8+": Motor(
        4.3e-3, 1.5, 4032, -0.00203839, 0.0166955, (4.430173117, 4.60067699), (3.695449964, 3.589144555), 1.4e-6
    ),
    "galaxy-note-10": Motor(
        4.8e-3, 1.7, 4032, -0.00402384, 0.0247385, (-4.315575939, 2.9198626), (-0.9456601, 0.153538997), 1.4e-6
    ),
}
"""Won & Jeon 2022, Learning Depth from Focus in the Wild: measured on circle patterns, as their simulator uses them."""


@dataclass(frozen=True)
class FocusMotor:
    """Breathing with the errors of a phone's focus motor: what is left after the field of view is corrected.

    See `Motor.transforms`. (The published simulator takes the deepest point of the scene in place of the reference
    frame's focus distance, and warps all frames but the first.)
    """

    phone: str = setting("pixel-6", "whose errors", choices=tuple(MOTORS))

    def __post_init__(self) -> None:
        check(self)

    def transforms(self, camera: Camera, random: Random) -> Matrices:
        """See `Geometric`."""
        return MOTORS[self.phone].transforms(camera, random)


@dataclass(frozen=True)
class HandShake:
    """A hand that wanders and trembles between frames: shifts, and turns about the axis."""

    shift: float = setting(0.004, "step between frames, share of the width (standard deviation)", low=0, high=0.2)
    turn: float = setting(0.1, "turn between frames (standard deviation)", unit="degree", low=0, high=10)

    def __post_init__(self) -> None:
        check(self)

    def transforms(self, camera: Camera, random: Random) -> Matrices:
        """See `Geometric`."""
        n, (x, y) = len(camera.focus_m), camera.middle
        way = np.cumsum(random.standard_normal((n, 2)), 0) * self.shift * camera.size[1]
        angle = np.deg2rad(np.cumsum(random.standard_normal(n)) * self.turn)
        out = np.tile(np.eye(3), (n, 1, 1))
        out[:, 0, 0] = out[:, 1, 1] = np.cos(angle)
        out[:, 0, 1], out[:, 1, 0] = -np.sin(angle), np.sin(angle)
        out[:, 0, 2] = x - np.cos(angle) * x + np.sin(angle) * y + way[:, 0]
        out[:, 1, 2] = y - np.sin(angle) * x - np.cos(angle) * y + way[:, 1]
        return out

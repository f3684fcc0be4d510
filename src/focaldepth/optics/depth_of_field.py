"""Depth of field: from where to where a frame counts as sharp.

The formulas use operators only (floats, numpy arrays, tensors) and give dioptres, where the limits lie symmetrically
and infinity is 0; `depth_of_field` is the checked form for one frame in metres. Distances count from the principal
plane.
"""

from __future__ import annotations

from math import inf

from focaldepth.core.errors import SettingError
from focaldepth.optics.blur import coc_per_dioptre
from focaldepth.optics.thin_lens import Number, check_focus


def depth_of_field_dioptre(
    focus_distance_m: Number, focal_length_m: Number, f_number: Number, coc_m: Number
) -> tuple[Number, Number]:
    """Return the near and the far limit in dioptres: 1/F +- c / (A s'); the far one is 0 from infinity on.

    Follows from c = A s' |1/F - 1/d| (`focaldepth.optics.blur`), exact for the thin lens.
    """
    focus = 1 / focus_distance_m
    half = coc_m / coc_per_dioptre(focus_distance_m, focal_length_m, f_number)
    far = focus - half
    return focus + half, (far + abs(far)) / 2


def hyperfocal_distance(focal_length_m: Number, f_number: Number, coc_m: Number) -> Number:
    """Return the nearest focus distance whose depth of field reaches infinity: H = f + f^2 / (N c), in metres.

    >>> round(hyperfocal_distance(0.05, 8.0, 30e-6), 3)
    10.467
    """
    return focal_length_m + focal_length_m * focal_length_m / (f_number * coc_m)


def depth_of_field(
    focus_distance_m: float, focal_length_m: float, f_number: float, coc_m: float
) -> tuple[float, float]:
    """Return the near and the far limit of one frame in metres; far may be infinite.

    Raises:
        SettingError, AxisError: numbers that no lens has; see `check_focus`.

    >>> near, far = depth_of_field(hyperfocal_distance(0.05, 8.0, 30e-6), 0.05, 8.0, 30e-6)
    >>> round(near, 3), far > 1e9
    (5.233, True)
    """
    check_focus(focus_distance_m, focal_length_m, where="depth of field")
    if not (f_number > 0 and coc_m > 0):
        raise SettingError(
            f"f-number {f_number} and circle of confusion {coc_m} m must be positive.", where="depth of field"
        )
    near, far = depth_of_field_dioptre(focus_distance_m, focal_length_m, f_number, coc_m)
    return 1 / near, 1 / far if far > 0 else inf


def microscope_depth_of_field(
    wavelength_m: Number, numerical_aperture: Number, refractive_index: Number, magnification: Number, pixel_m: Number
) -> Number:
    """Return the total depth of field of an objective: wave part plus detector part, in metres of the specimen.

    d = lambda n / NA^2 + n e / (M NA), e the detector's resolution, here one pixel (Inoue & Spring, Video Microscopy,
    2nd ed., section 2.4.6).

    >>> round(microscope_depth_of_field(550e-9, 0.5, 1.0, 20.0, 6.5e-6) * 1e6, 2)
    2.85
    """
    wave = wavelength_m * refractive_index / (numerical_aperture * numerical_aperture)
    detector = refractive_index * pixel_m / (magnification * numerical_aperture)
    return wave + detector

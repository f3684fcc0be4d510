"""The thin lens: where the image of a point lies, and from where distances count.

Formulas use operators only, so floats, numpy arrays and tensors go in and the same comes out; lengths are in metres and
distances count from the principal plane unless a name says ``sensor``. Every formula is written so that an infinite
distance needs no special case. Source: Hecht, Optics, 5th ed., section 5.2.3.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, TypeAlias

from focaldepth.core.errors import AxisError, SettingError

Number: TypeAlias = Any
"""A float, a numpy array or a tensor; mixed ones broadcast."""


def image_distance(object_distance_m: Number, focal_length_m: Number) -> Number:
    """Return the distance s' behind the lens where a point at distance s is sharp: 1/f = 1/s + 1/s'.

    >>> round(image_distance(1.0, 0.05), 6), image_distance(float("inf"), 0.05)
    (0.052632, 0.05)
    """
    return focal_length_m / (1 - focal_length_m / object_distance_m)


def object_distance(image_distance_m: Number, focal_length_m: Number) -> Number:
    """Return the distance s of the point that is sharp at image distance s'; the same law read the other way.

    A sensor at s' = f is focused at infinity, which a float cannot be divided into: see `object_dioptre`.

    >>> round(object_distance(0.1, 0.05), 6)
    0.1
    """
    return image_distance(image_distance_m, focal_length_m)


def object_dioptre(image_distance_m: Number, focal_length_m: Number) -> Number:
    """Return 1/s of the point that is sharp at image distance s': 1/f - 1/s'; 0 at infinity.

    >>> object_dioptre(0.05, 0.05)
    0.0
    """
    return 1 / focal_length_m - 1 / image_distance_m


def magnification(object_distance_m: Number, focal_length_m: Number) -> Number:
    """Return image size over object size at distance s: m = s'/s = f / (s - f); 0 at infinity.

    >>> magnification(0.1, 0.05), magnification(float("inf"), 0.05)
    (1.0, 0.0)
    """
    ratio = focal_length_m / object_distance_m
    return ratio / (1 - ratio)


def distance_of_magnification(magnification: Number, focal_length_m: Number) -> Number:
    """Return the distance s at which the lens draws at a magnification: s = f (1 + 1/m).

    >>> distance_of_magnification(1.0, 0.05)
    0.1
    """
    return focal_length_m * (1 + 1 / magnification)


def sensor_distance(object_distance_m: Number, focal_length_m: Number) -> Number:
    """Return the distance D = s + s' from the sensor, as printed on lenses and stored in EXIF.

    >>> round(sensor_distance(0.1, 0.05), 6)
    0.2
    """
    return object_distance_m + image_distance(object_distance_m, focal_length_m)


def distance_from_sensor_distance(
    sensor_distance_m: Number, focal_length_m: Number, *, above_unit_magnification: bool = False
) -> Number:
    """Return the distance s from the principal plane of a point at distance D from the sensor.

    D = s + s' and 1/f = 1/s + 1/s' give s = D/2 (1 + sqrt(1 - 4f/D)); the other root, with a minus, is the same lens
    drawing larger than life. Real lenses have two principal planes some millimetres apart, which this leaves out.

    >>> round(distance_from_sensor_distance(0.25, 0.05), 6)
    0.180902
    """
    root = (1 - 4 * focal_length_m / sensor_distance_m) ** 0.5
    if above_unit_magnification:
        # 1 - root, without the loss of digits for large D
        return 2 * focal_length_m / (1 + root)
    return sensor_distance_m / 2 * (1 + root)


def check_focus(distance_m: float, focal_length_m: float, *, where: object = "") -> None:
    """Raise where a lens cannot focus: at or inside its focal length.

    Raises:
        SettingError: a focal length that is no positive number.
        AxisError: a distance from the principal plane that is not above the focal length.
    """
    if not (isfinite(focal_length_m) and focal_length_m > 0):
        raise SettingError(
            f"focal length is {focal_length_m} m.", where=where, hint="Give a positive number of metres."
        )
    if not distance_m > focal_length_m:
        raise AxisError(
            f"focus distance {distance_m * 1e3:g} mm is not beyond the focal length {focal_length_m * 1e3:g} mm, "
            "where no lens can focus.",
            where=where,
            hint="Check the unit of the focus distances (metres from the lens) and the focal length.",
        )


def focus_from_sensor(distance_m: float, focal_length_m: float, *, where: object = "") -> float:
    """Turn one stated sensor distance (EXIF SubjectDistance) into the distance from the principal plane, checked.

    Raises:
        AxisError: nearer than 4 f, the shortest distance between a sharp point and the sensor.

    >>> round(focus_from_sensor(1.0, 0.05), 4)
    0.9472
    """
    check_focus(distance_m, focal_length_m, where=where)
    if distance_m < 4 * focal_length_m:
        raise AxisError(
            f"distance {distance_m * 1e3:g} mm from the sensor is below 4 x the focal length "
            f"{focal_length_m * 1e3:g} mm, which no thin lens reaches.",
            where=where,
            hint="Check the unit, or give distances from the lens.",
        )
    return float(distance_from_sensor_distance(distance_m, focal_length_m))

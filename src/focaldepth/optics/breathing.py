"""Focus breathing: focusing moves the sensor away from the lens, and the picture grows with it.

Operators only: floats, numpy arrays and tensors.
"""

from __future__ import annotations

from focaldepth.optics.thin_lens import Number, image_distance


def relative_field_of_view(image_distance_m: Number, smallest_view_image_distance_m: Number) -> Number:
    """Return the field of view of a frame over the smallest of the stack: FoV_n / FoV_min = s_min / s_n, >= 1.

    `smallest_view_image_distance_m` is the image distance of the frame that shows least: the longest of the stack
    (Won & Jeon 2022, Learning Depth from Focus in the Wild, eq. 1).

    >>> round(relative_field_of_view(0.05, 0.0525), 3)
    1.05
    """
    return smallest_view_image_distance_m / image_distance_m


def breathing_scale(focus_distance_m: Number, reference_focus_distance_m: Number, focal_length_m: Number) -> Number:
    """Return how much larger a frame draws than the reference frame: s_n / s_ref with s = F f / (F - f).

    The inverse ratio of fields of view of `relative_field_of_view`; > 1 for a frame focused nearer.

    >>> breathing_scale(1.0, 1.0, 0.05)
    1.0
    """
    image = image_distance(focus_distance_m, focal_length_m)
    return image / image_distance(reference_focus_distance_m, focal_length_m)

"""The circle of confusion (coc): how wide a point out of focus is drawn.

Operators only: floats, numpy arrays and tensors. Lengths in metres, distances from the principal plane.
"""

from __future__ import annotations

from focaldepth.optics.thin_lens import Number, image_distance


def aperture_diameter(focal_length_m: Number, f_number: Number) -> Number:
    """Return the diameter of the entrance pupil A = f / N, in metres.

    >>> aperture_diameter(0.05, 2.0)
    0.025
    """
    return focal_length_m / f_number


def coc_per_dioptre(focus_distance_m: Number, focal_length_m: Number, f_number: Number) -> Number:
    """Return the diameter of the blur disc on the sensor per dioptre of defocus: A s', in metres x metres.

    s' is the image distance of the frame; the blur is exactly linear in dioptres within one frame.
    """
    return aperture_diameter(focal_length_m, f_number) * image_distance(focus_distance_m, focal_length_m)


def coc_diameter(distance_m: Number, focus_distance_m: Number, focal_length_m: Number, f_number: Number) -> Number:
    """Return the diameter of the disc that a point at a distance makes in a frame focused elsewhere, in metres.

    c = A s' |1/F - 1/d|, similar triangles behind the lens (Potmesil & Chakravarty 1981, eq. 5).

    >>> coc_diameter(2.0, 2.0, 0.05, 2.0)
    0.0
    >>> round(coc_diameter(float("inf"), 1.0, 0.05, 2.0), 6)
    0.001316
    """
    defocus = abs(1 / focus_distance_m - 1 / distance_m)
    return coc_per_dioptre(focus_distance_m, focal_length_m, f_number) * defocus


def coc_pixels(
    distance_m: Number, focus_distance_m: Number, focal_length_m: Number, f_number: Number, pixel_pitch_m: Number
) -> Number:
    """Return the diameter of the blur disc in pixels; see `coc_diameter`."""
    return coc_diameter(distance_m, focus_distance_m, focal_length_m, f_number) / pixel_pitch_m

"""Disparity of a light field: how far a point moves from one view to the next.

Operators only: floats, numpy arrays and tensors. `core.axis.convert` applies the same law with the scale
baseline x focal length of an `Optics`.
"""

from __future__ import annotations

from focaldepth.optics.thin_lens import Number


def disparity_px(depth_m: Number, baseline_m: Number, focal_length_px: Number) -> Number:
    """Return the shift of a point between neighbouring views in pixels: baseline x f / Z.

    Hazirbas et al. 2018, Deep Depth From Focus, eq. 3.

    >>> disparity_px(2.0, 0.001, 500.0)
    0.25
    """
    return baseline_m * focal_length_px / depth_m


def depth_of_disparity(disparity_px: Number, baseline_m: Number, focal_length_px: Number) -> Number:
    """Return the depth of a point of known disparity in metres: baseline x f / disparity.

    >>> depth_of_disparity(0.25, 0.001, 500.0)
    2.0
    """
    return baseline_m * focal_length_px / disparity_px


def refocus_shift_px(disparity_px: Number, view: Number, centre_view: Number) -> Number:
    """Return how far a view is shifted to focus at a disparity: disparity x (u_centre - u), per axis (same eq. 3).

    >>> refocus_shift_px(0.25, 2, 4)
    0.5
    """
    return disparity_px * (centre_view - view)

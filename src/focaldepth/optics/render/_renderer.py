"""What a renderer offers, and how a lens in real units becomes the numbers that it takes."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import AxisError, SettingError
from focaldepth.core.optics import Optics
from focaldepth.core.progress import Run
from focaldepth.core.registry import Registry
from focaldepth.optics.blur import coc_per_dioptre
from focaldepth.optics.thin_lens import check_focus

Picture = NDArray[np.float32]
Plane = NDArray[np.float32]
Numbers = NDArray[np.float64]


class Renderer(Protocol):
    """Blurs a sharp picture as frames focused at several positions would be."""

    @property
    def title(self) -> str:
        """What it is, in a few words."""

    def __call__(self, picture: Picture, nearness: Plane, focus: Numbers, scale: Numbers, run: Run = Run()) -> Picture:
        """Render one frame per focus position.

        Args:
            picture: (H, W, C) float32, sharp everywhere; linear light.
            nearness: (H, W) float32 on an axis where blur is linear and larger is nearer: dioptres, or disparity.
            focus: (N,) positions of the frames on the same axis.
            scale: (N,) blur **radius** in px per unit of that axis.
            run: progress and threads.

        Returns:
            (N, H, W, C) float32; the blur radius of a pixel is scale |nearness - focus|.
        """


RENDERERS: Registry[Renderer] = Registry("renderer", ("optics.render",), "RENDERER")
"""All renderers."""


def blur_scale(axis: FocusAxis, optics: Optics, *, registered: bool = True) -> tuple[Numbers, Numbers]:
    """Return focus positions in dioptres and blur radii in px per dioptre, for a thin lens in air.

    radius = A s' / (2 p) |1/F - 1/d|, A = f / N, p the pixel pitch. Frames of a real sweep have each their own image
    distance s'; `registered` frames all have the magnification of the farthest focus, as after the field of view is
    corrected (a common simplification, s' = f, is the limit for far focus).

    Raises:
        UnitError: focal length, f-number or pixel pitch are unknown.
        AxisError: a focus distance at or inside the focal length, or an axis that is no distance.
    """
    if axis.unit not in (Unit.METRE, Unit.DIOPTRE):
        raise AxisError(
            f"a lens is not focused at {axis.unit.value}.", where="rendering", hint="Give metres or dioptres."
        )
    focal_m = optics.need("focal_length_m", "rendering defocus")
    f_number = optics.need("f_number", "rendering defocus")
    pitch_m = optics.need("pixel_pitch_m", "rendering defocus")
    metres = axis.to(Unit.METRE).values
    for distance in metres:
        check_focus(float(distance), focal_m, where="rendering")
    at = np.full_like(metres, metres.max()) if registered else metres
    return axis.to(Unit.DIOPTRE).values, coc_per_dioptre(at, focal_m, f_number) / (2 * pitch_m)


def nearness_of(depth_m: NDArray[np.floating], *, where: object = "depth") -> Plane:
    """Return depth in metres as dioptres, float32; infinity is 0.

    Raises:
        SettingError: depths that are NaN, zero or negative; says how many and what to do.
    """
    depth = np.asarray(depth_m)
    bad = ~(depth > 0)
    if bad.any():
        unknown = int(np.isnan(depth).sum())
        raise SettingError(
            f"depth of {int(bad.sum())} pixels is not positive ({unknown} of them NaN).",
            where=where,
            hint="Fill unknown depth first (fill_unknown), or leave those pixels out.",
        )
    with np.errstate(divide="ignore"):
        return (1 / depth.astype(np.float64)).astype(np.float32)


def fill_unknown(depth: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return a depth map without holes: NaN, zero and negative values take the value of the nearest known pixel.

    Raises:
        SettingError: no pixel is known.
    """
    from scipy.ndimage import distance_transform_edt

    values = np.asarray(depth, np.float32)
    known = values > 0
    if known.all():
        return values
    if not known.any():
        raise SettingError("no pixel has a depth.", where="depth", hint="Is the unit or the file right?")
    rows, columns = distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled: NDArray[np.float32] = values[rows, columns]
    return filled


def check_scene(picture: Picture, nearness: Plane, focus: Numbers, scale: Numbers) -> tuple[Numbers, Numbers]:
    """Return focus and scale as (N,) float64, or raise SettingError for arrays that do not fit together."""
    focus = np.atleast_1d(np.asarray(focus, np.float64))
    scale = np.broadcast_to(np.asarray(scale, np.float64), focus.shape)
    if picture.ndim != 3 or nearness.shape != picture.shape[:2]:
        raise SettingError(
            f"the picture is {picture.shape}, the depth {nearness.shape}.",
            where="rendering",
            hint="Give (H, W, C) and (H, W).",
        )
    if not (np.isfinite(focus).all() and np.isfinite(scale).all() and (scale >= 0).all()):
        raise SettingError("focus positions or blur scales are not finite.", where="rendering", hint="Check the lens.")
    if not np.isfinite(nearness).all():
        raise SettingError(
            f"depth of {int((~np.isfinite(nearness)).sum())} pixels is unknown.",
            where="rendering",
            hint="Fill unknown depth first (fill_unknown).",
        )
    return focus, scale

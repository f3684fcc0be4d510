"""Alignment from focus distances and focal length alone: undoes focus breathing of an ideal lens, sees no shake."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from focaldepth.core.alignment import Alignment
from focaldepth.core.axis import Unit
from focaldepth.core.optics import LensModel
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack
from focaldepth.optics.breathing import breathing_scale
from focaldepth.optics.thin_lens import check_focus


@dataclass(frozen=True)
class Metadata:
    """Scales frames about their centre by the ratio of fields of view (Won & Jeon 2022, eq. 1).

    Needs focus distances and a focal length. A telecentric or microscope lens has no breathing: nothing moves.
    """

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Alignment:
        """Return centred scalings; the middle frame is the reference; no frame is read.

        Raises:
            UnitError: focus positions that carry no distance, or an unknown focal length.
            AxisError: a focus distance inside the focal length.
        """
        n, reference = len(stack), len(stack) // 2
        if stack.optics.model is not LensModel.THIN_LENS:
            return Alignment.untouched(n, "metadata: the field of view of this lens does not change")
        focal = stack.optics.need("focal_length_m", "the field of view of each frame")
        distances = stack.axis.to(Unit.METRE, stack.optics).values
        for name, distance in zip(stack.info.frame_names, distances, strict=True):
            check_focus(float(distance), focal, where=name)
        scale = breathing_scale(distances, distances[reference], focal)
        h, w, _ = stack.shape
        centre = np.array([(w - 1) / 2, (h - 1) / 2])
        transforms = np.tile(np.eye(3), (n, 1, 1))
        transforms[:, 0, 0] = transforms[:, 1, 1] = scale
        transforms[:, :2, 2] = centre * (1 - scale[:, None])
        transforms[reference] = np.eye(3)
        return Alignment(
            transforms, reference, np.ones(n, bool), ("",) * n, "metadata: field of view", np.full(n, np.nan)
        )


ALIGNER = Metadata

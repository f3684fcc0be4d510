"""Blur proportional to disparity: slices of the picture blurred and laid over each other, far to near.

How AiFDepthNet (Wang et al. 2021, Bridging Unsupervised and Supervised Depth from Focus via All-in-Focus Supervision)
makes focal stacks of FlyingThings3D and Middlebury: no lens in real units, a Gaussian whose sigma grows with the
distance from the disparity in focus, one slice per whole disparity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from focaldepth.core.progress import Run
from focaldepth.core.settings import check, setting
from focaldepth.optics.render._renderer import Numbers, Picture, Plane, check_scene


@dataclass(frozen=True)
class DisparityBlur:
    """Gaussian slices of whole disparities; see the module."""

    title: ClassVar[str] = "Disparity-space Gaussian slices (AiFDepthNet, FlyingThings3D and Middlebury)"

    slice: float = setting(1.0, "disparity (or dioptres) per slice", low=1e-3)

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, picture: Picture, nearness: Plane, focus: Numbers, scale: Numbers, run: Run = Run()) -> Picture:
        """Render frames; sigma = scale |nearness - focus| / 2; see `Renderer`."""
        focus, scale = check_scene(picture, nearness, focus, scale)
        number = np.rint(nearness / np.float32(self.slice)).astype(np.int64)
        out = np.empty((len(focus), *picture.shape), np.float32)
        run.stage("render", len(focus))
        for i in range(len(focus)):
            total = np.zeros((*picture.shape[:2], picture.shape[2] + 1), np.float32)
            for k in np.unique(number):
                mask = (number == k).astype(np.float32)
                layer = np.dstack([picture * mask[..., None], mask])
                sigma = float(scale[i] * abs(k * self.slice - focus[i]) / 2)
                if sigma > 0.05:
                    layer = cv2.GaussianBlur(layer, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
                total = total * (1 - layer[..., -1:]) + layer
            out[i] = total[..., :-1] / np.maximum(total[..., -1:], 1e-6)
            run.advance()
        return out


RENDERER = DisparityBlur()

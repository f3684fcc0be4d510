"""Per-pixel Gaussian point spread: every source pixel is spread over its own Gaussian, weights are normalised.

As in the stacks that DEReD (Si et al. 2023) and HybridDepth (Ganj, Su, Guo 2025) make of NYUv2 and ARKitScenes: a small
window, sigma from the circle of confusion of the pixel that receives. No occlusion.
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
class GaussianSpread:
    """Gaussian of the receiving pixel's blur in a small window; see the module."""

    title: ClassVar[str] = "Per-pixel Gaussian in a small window (DEReD, HybridDepth)"

    window: int = setting(7, "side of the window", unit="px", low=3, high=63)
    ratio: float = setting(1.0, "sigma over blur radius", low=0.1, high=2)

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, picture: Picture, nearness: Plane, focus: Numbers, scale: Numbers, run: Run = Run()) -> Picture:
        """Render frames; see `Renderer`."""
        focus, scale = check_scene(picture, nearness, focus, scale)
        half = self.window // 2
        h, w, _ = picture.shape
        wide = cv2.copyMakeBorder(picture, half, half, half, half, cv2.BORDER_REFLECT).reshape(
            h + 2 * half, w + 2 * half, -1
        )
        out = np.empty((len(focus), *picture.shape), np.float32)
        run.stage("render", len(focus))
        for i in range(len(focus)):
            sigma = np.float32(self.ratio * scale[i]) * np.abs(nearness - np.float32(focus[i]))
            fall = np.float32(-0.5) / np.maximum(sigma, 1e-3) ** 2
            total, weights = np.zeros_like(picture), np.zeros_like(nearness)
            for dy in range(-half, half + 1):
                for dx in range(-half, half + 1):
                    weight = np.exp(fall * np.float32(dy**2 + dx**2))
                    part = wide[half + dy : half + dy + h, half + dx : half + dx + w]
                    total += weight[..., None] * part
                    weights += weight
            out[i] = total / weights[..., None]
            run.advance()
        return out


RENDERER = GaussianSpread()

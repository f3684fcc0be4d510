"""Stacks rendered from a sharp picture with depth, as the programs of papers make them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import StackError
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack, Frame, Transfer
from focaldepth.optics.render._renderer import Renderer, blur_scale, fill_unknown, nearness_of

Picture = NDArray[np.float32]
Plane = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scene:
    """A sharp picture with its depth.

    Attributes:
        name: of the sample.
        picture: (H, W, 3) float32 in [0, 1] as coded in the file: the programs blur coded values, not light.
        depth_m: (H, W) float32 metres; NaN where unknown.
    """

    name: str
    picture: Picture
    depth_m: Plane


def rendered(
    scene: Scene,
    focus_m: NDArray[np.float64],
    optics: Optics,
    renderer: Renderer,
    *,
    spread: float = 1.0,
    truncated: bool = False,
) -> Picture | Frame:
    """Return the frames (N, H, W, 3) uint8 of a thin lens whose frames have each its own image distance.

    Args:
        scene: its unknown depths take those of their neighbours.
        focus_m: (N,) focus distances in metres.
        optics: focal length, f-number, pixel pitch.
        renderer: makes the blur.
        spread: blur radius over the thin lens's.
        truncated: values are cut to whole numbers as by ``astype(uint8)``, else rounded.

    Raises:
        AxisError: a focus distance inside the focal length.
        SettingError: no depth is known.
    """
    focus, scale = blur_scale(FocusAxis(focus_m, Unit.METRE), optics, registered=False)
    nearness = nearness_of(fill_unknown(scene.depth_m), where=scene.name)
    frames = 255 * np.clip(renderer(scene.picture, nearness, focus, spread * scale), 0, 1)
    return np.asarray(frames if truncated else np.rint(frames), np.uint8)


def sample_of(
    scene: Scene, frames: Frame, axis: FocusAxis, truth: DepthMap, optics: Optics, reference: int | None = None
) -> Sample:
    """Return the sample of rendered frames; the sharp picture is what they were rendered from."""
    stack = FocalStack.from_arrays(frames, axis, optics=optics, transfer=Transfer.SRGB, name=scene.name)
    sharp = np.asarray(np.rint(255 * scene.picture), np.uint8)
    return Sample(stack, truth, sharp, reference, scene.name)


def span_of(depth_m: Plane, count: int, name: str) -> NDArray[np.float64]:
    """Return evenly spaced metres from the smallest to the largest known depth, as HybridDepth focuses.

    Raises:
        StackError: nothing is known, or everything is at one depth.
    """
    known = depth_m[np.isfinite(depth_m)]
    if not known.size or known.min() == known.max():
        raise StackError("has no range of depths to focus in.", where=name, hint="Leave this picture out.")
    return np.linspace(float(known.min()), float(known.max()), count)


def smaller(array: NDArray[np.float32], size: tuple[int, int], *, nearest: bool = False) -> NDArray[np.float32]:
    """Return a picture or map at another size: means over pixels, or the nearest pixel."""
    import cv2

    kind = cv2.INTER_NEAREST_EXACT if nearest else cv2.INTER_AREA
    made: NDArray[np.float32] = np.asarray(cv2.resize(array, size[::-1], interpolation=kind), np.float32)
    return made


def middle(array: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return the middle of a picture or map; of one that is smaller all there is."""
    top, left = (max(0, (length - wanted) // 2) for length, wanted in zip(array.shape[:2], size, strict=True))
    return np.ascontiguousarray(array[top : top + size[0], left : left + size[1]])

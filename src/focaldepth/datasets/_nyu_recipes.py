"""Four ways in which papers made focal stacks of NYUv2; numbers of one say nothing about another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.datasets._rendered import Scene, middle, rendered, sample_of, smaller, span_of
from focaldepth.optics.faults._apply import Camera, apply
from focaldepth.optics.faults.geometry import MOTORS, FocusMotor
from focaldepth.optics.render.gaussian import GaussianSpread
from focaldepth.optics.render.per_pixel_disc import PerPixelDisc

_DERED = Optics(focal_length_m=0.05, f_number=8.0, pixel_pitch_m=1.2e-5)
_DDFS = Optics(focal_length_m=0.015, f_number=2.8, pixel_pitch_m=5.6e-6)
_DDFS_SCALE = 0.3
_BORDER = 16


@dataclass(frozen=True)
class Recipe:
    """One way of making stacks.

    Attributes:
        summary: what is made, in words.
        make: scene, number of frames, seed -> sample; only nyu-hybrid heeds the number.
    """

    summary: str
    make: Callable[[Scene, int, int], Sample]


def _dered(scene: Scene, count: int, seed: int) -> Sample:
    """Halve, clip depth to 0.1 ... 10 m, blur by a Gaussian of 7 px, cut to 8 bits (gen_nyuv2_defocus.py of DEReD)."""
    h, w = scene.picture.shape[:2]
    size = (h // 2, w // 2)
    depth = np.clip(smaller(scene.depth_m, size), 0.1, 10)  # a mean with an unknown depth is unknown
    scene = Scene(scene.name, smaller(scene.picture, size), depth)
    focus = np.array([1, 1.5, 2.5, 4, 6])
    frames = rendered(scene, focus, _DERED, GaussianSpread(window=7), truncated=True)
    return sample_of(scene, frames, FocusAxis(focus, Unit.METRE), _all(depth), _DERED)


def _hybrid(scene: Scene, count: int, seed: int) -> Sample:
    """Take the middle 384 x 512 px, focus from the smallest to the largest truth (loader of HybridDepth).

    The white border is cut off and mirrored back before; that lies outside the middle.
    """
    depth = middle(scene.depth_m, (384, 512))
    depth = np.where((depth > 1e-3) & (depth < 10), depth, np.float32(np.nan))
    scene = Scene(scene.name, middle(scene.picture, (384, 512)), depth)
    focus = span_of(depth, count, scene.name)
    frames = rendered(scene, focus, _DERED, GaussianSpread(window=7))
    return sample_of(scene, frames, FocusAxis(focus, Unit.METRE), _all(depth), _DERED)


def _ddfs(scene: Scene, count: int, seed: int) -> Sample:
    """Focus at 2, 4 and 8 m, then count everything in 0.3 of a metre (compute_cost_volume.py of DDFS).

    The program blurs at the true size and scales only the truth, and divides depth by the scale again when it computes
    blur; truth and focus distances are scaled together here, so that they fit each other.
    """
    focus = np.array([2.0, 4.0, 8.0])
    frames = rendered(scene, focus, _DDFS, PerPixelDisc(planes=0, floor=0))
    truth = _all(scene.depth_m * np.float32(_DDFS_SCALE))
    # Every length times 0.3, those of the lens too: the same picture.
    lengths = {key: getattr(_DDFS, key) * _DDFS_SCALE for key in ("focal_length_m", "pixel_pitch_m")}
    optics = Optics(f_number=_DDFS.f_number, **lengths)
    return sample_of(scene, frames, FocusAxis(focus * _DDFS_SCALE, Unit.METRE), truth, optics)


def _wild_sim(scene: Scene, count: int, seed: int) -> Sample:
    """Sweep a phone with the errors of its motor over a scene squeezed into 0.1 ... 1.1 m (simulator of Won and Jeon).

    224 x 352 px without the border, 10 frames even in 1/m from 0.9 to 0.1 m, discs whose radius is the diameter of a
    thin lens's, a phone drawn from four. The last frame keeps its place and is that of the truth; frames are moved
    after they are blurred. (The program moves the picture first but takes the depth unmoved.)
    """
    inner = slice(_BORDER, -_BORDER)
    picture, depth = (smaller(a[inner, inner], (224, 352)) for a in (scene.picture, scene.depth_m))
    low, high = span_of(depth, 2, scene.name)
    scene = Scene(scene.name, picture, ((depth - low) / (high - low) + 0.1).astype(np.float32))
    rng = np.random.default_rng(seed)
    phone = list(MOTORS)[rng.integers(len(MOTORS))]
    motor = MOTORS[phone]
    optics = Optics(focal_length_m=motor.focal_length_m, f_number=motor.f_number, pixel_pitch_m=1.4e-6 * 4080 / 352)
    focus = 1 / np.linspace(1 / 0.9, 1 / 0.1, 10)
    frames = rendered(scene, focus, optics, PerPixelDisc(), spread=2)
    camera = Camera(tuple(focus.tolist()), motor.focal_length_m, (224, 352), reference=9)
    moved, _ = apply(frames.astype(np.float32), camera, [FocusMotor(phone)], int(rng.integers(2**31)))
    frames = np.asarray(np.clip(np.rint(moved), 0, 255), np.uint8)
    return sample_of(scene, frames, FocusAxis(focus, Unit.METRE), _all(scene.depth_m), optics, reference=9)


def _all(depth_m: np.ndarray) -> DepthMap:
    """A truth that is known wherever there is a number."""
    return DepthMap(depth_m, Unit.METRE, np.isfinite(depth_m) & (depth_m > 0))


RECIPES = {
    "nyu-dered": Recipe("5 frames at 1 1.5 2.5 4 6 m, 50 mm F8, 12 um, half size, Gaussian of 7 px", _dered),
    "nyu-hybrid": Recipe("5 or 10 frames over the depths of the truth, same lens, middle 384 x 512 px", _hybrid),
    "nyu-ddfs": Recipe("3 frames at 2 4 8 m, 15 mm F2.8, 5.6 um, discs; truth and focus times 0.3", _ddfs),
    "nyu-wild-sim": Recipe(
        "10 frames of one of four phones, 0.9 to 0.1 m, moving; depth put into 0.1 to 1.1 m", _wild_sim
    ),
}
"""Name -> recipe."""

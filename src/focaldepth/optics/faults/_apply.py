"""Faults put on perfect frames, in the order in which a camera makes them: geometry, light, sensor, file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import SettingError
from focaldepth.optics.thin_lens import check_focus

Frames = NDArray[np.float32]
Matrices = NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True)
class Camera:
    """What faults need to know.

    Attributes:
        focus_m: (N) focus distances of the frames in metres.
        focal_length_m: of the lens.
        size: (H, W) of the frames.
        reference: the frame that has the perfect geometry.

    Raises:
        AxisError, SettingError: a focus distance at or inside the focal length, a reference that is no frame.
    """

    focus_m: tuple[float, ...]
    focal_length_m: float
    size: tuple[int, int]
    reference: int = 0

    def __post_init__(self) -> None:
        for distance in self.focus_m:
            check_focus(distance, self.focal_length_m, where="camera")
        if not 0 <= self.reference < len(self.focus_m):
            raise SettingError(
                f"reference {self.reference} of {len(self.focus_m)} frames.", where="camera", hint="Count from 0."
            )

    @property
    def middle(self) -> tuple[float, float]:
        """Column and row of the principal point."""
        return (self.size[1] - 1) / 2, (self.size[0] - 1) / 2


@runtime_checkable
class Geometric(Protocol):
    """A fault that moves pixels."""

    def transforms(self, camera: Camera, random: Random) -> Matrices:
        """Return (N, 3, 3): pixel of the faulty frame = transform @ pixel of the perfect one, (x, y, 1)."""


@runtime_checkable
class Tonal(Protocol):
    """A fault of light, sensor or file; frames are linear light until `Gamma` codes them."""

    def change(self, frames: Frames, camera: Camera, random: Random) -> Frames:
        """Return changed frames (N, H, W, C)."""


Fault = Geometric | Tonal


def apply(frames: Frames, camera: Camera, faults: Sequence[Fault], seed: int = 0) -> tuple[Frames, Matrices]:
    """Return faulty frames and the true transforms.

    Args:
        frames: (N, H, W, C) float32 linear light, registered.
        camera: of the frames.
        faults: geometric ones are joined into one resampling per frame, whatever their place; the others follow in
            the order given.
        seed: of everything random.

    Returns:
        Frames, and (N, 3, 3): pixel of a faulty frame = transform @ pixel of the perfect one; the reference frame has
        the identity.

    Raises:
        SettingError: another number or size of frames than the camera has.
    """
    if frames.ndim != 4 or len(frames) != len(camera.focus_m) or frames.shape[1:3] != camera.size:
        raise SettingError(
            f"frames are {frames.shape}, the camera has {len(camera.focus_m)} of {camera.size}.",
            where="faults",
            hint="Give (N, H, W, C).",
        )
    random = np.random.default_rng(seed)
    total = np.tile(np.eye(3), (len(frames), 1, 1))
    for fault in faults:
        if isinstance(fault, Geometric):
            total = fault.transforms(camera, random) @ total
    total = total @ np.linalg.inv(total[camera.reference])
    total /= total[:, 2:, 2:]
    total[camera.reference] = np.eye(3)
    made = np.stack([warped(f, m) for f, m in zip(frames, total, strict=True)])
    for fault in faults:
        if isinstance(fault, Tonal):
            made = fault.change(made, camera, random)
    return made, total


def warped(frame: Frames, transform: Matrices) -> Frames:
    """Return a frame as the faulty camera draws it; what it never saw is its mirrored border."""
    if np.array_equal(transform, np.eye(3)):
        return frame
    h, w, c = frame.shape
    moved = cv2.warpPerspective(frame, transform, (w, h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    light: Frames = np.maximum(moved, 0).reshape(h, w, c).astype(np.float32)
    return light


def similar(camera: Camera, zoom: NDArray[np.float64], shift: NDArray[np.float64]) -> Matrices:
    """Return (N, 3, 3) of zooms about the principal point, and shifts (N, 2) right and down in px."""
    x, y = camera.middle
    out = np.tile(np.eye(3), (len(zoom), 1, 1))
    out[:, 0, 0] = out[:, 1, 1] = zoom
    out[:, 0, 2] = x - zoom * x + shift[:, 0]
    out[:, 1, 2] = y - zoom * y + shift[:, 1]
    return out

"""Faults of light, sensor and file: flicker, vignetting, noise, gamma, quantisation, JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from focaldepth.core.settings import check, setting
from focaldepth.optics.faults._apply import Camera, Frames, Random


@dataclass(frozen=True)
class Flicker:
    """Exposure and white balance that differ from frame to frame; the reference frame keeps its own."""

    exposure: float = setting(0.05, "spread of the exposure (standard deviation of its logarithm)", low=0, high=1)
    balance: float = setting(0.02, "spread of each colour (standard deviation of its logarithm)", low=0, high=1)

    def __post_init__(self) -> None:
        check(self)

    def change(self, frames: Frames, camera: Camera, random: Random) -> Frames:
        """See `Tonal`."""
        n, c = frames.shape[0], frames.shape[3]
        logs = self.exposure * random.standard_normal((n, 1)) + self.balance * random.standard_normal((n, c))
        logs -= logs[camera.reference]
        return np.asarray(frames * np.exp(logs)[:, None, None].astype(np.float32), np.float32)


@dataclass(frozen=True)
class Vignetting:
    """Light lost towards the corners: (1 + (r strength)^2)^-2, cos^4 where strength is the tangent of the angle."""

    strength: float = setting(0.4, "tangent of the angle at which the corner is seen", low=0, high=2)

    def __post_init__(self) -> None:
        check(self)

    def change(self, frames: Frames, camera: Camera, random: Random) -> Frames:
        """See `Tonal`."""
        (x, y), (h, w) = camera.middle, camera.size
        radius = np.hypot(np.arange(h)[:, None] - y, np.arange(w)[None] - x) / max(np.hypot(x, y), 1e-9)
        fall = (1 + (self.strength * radius) ** 2) ** -2
        return np.asarray(frames * fall[..., None].astype(np.float32), np.float32)


@dataclass(frozen=True)
class SensorNoise:
    """Photons that come at random, and noise of reading: variance = shot x light + read^2, in shares of full scale."""

    shot: float = setting(0.0002, "variance per light", low=0, high=0.1)
    read: float = setting(0.002, "standard deviation in the dark", low=0, high=0.3)

    def __post_init__(self) -> None:
        check(self)

    def change(self, frames: Frames, camera: Camera, random: Random) -> Frames:
        """See `Tonal`."""
        spread = np.sqrt(self.read**2 + self.shot * np.maximum(frames, 0))
        return np.asarray(frames + spread * random.standard_normal(frames.shape, np.float32), np.float32)


@dataclass(frozen=True)
class Gamma:
    """Linear light to coded values, cut to 0-1: the sRGB curve, or a power."""

    power: float = setting(0.0, "exponent 1 / power; 0 = the sRGB curve (IEC 61966-2-1)", low=0, high=5)

    def __post_init__(self) -> None:
        check(self)

    def change(self, frames: Frames, camera: Camera, random: Random) -> Frames:
        """See `Tonal`."""
        x = np.clip(frames, 0, 1)
        if self.power:
            return np.asarray(x ** np.float32(1 / self.power), np.float32)
        return np.asarray(np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055), np.float32)


@dataclass(frozen=True)
class Quantisation:
    """Values rounded to whole steps."""

    bits: int = setting(8, "bits per value", low=1, high=16)

    def __post_init__(self) -> None:
        check(self)

    def change(self, frames: Frames, camera: Camera, random: Random) -> Frames:
        """See `Tonal`."""
        top = np.float32(2**self.bits - 1)
        return np.asarray(np.rint(np.clip(frames, 0, 1) * top) / top, np.float32)


@dataclass(frozen=True)
class Jpeg:
    """Frames through a JPEG file of 8 bits."""

    quality: int = setting(92, "JPEG quality", low=1, high=100)

    def __post_init__(self) -> None:
        check(self)

    def change(self, frames: Frames, camera: Camera, random: Random) -> Frames:
        """See `Tonal`."""
        out = np.empty_like(frames)
        for i, frame in enumerate(frames):
            whole = np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8)
            _, code = cv2.imencode(".jpg", whole[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.quality])
            flag = cv2.IMREAD_COLOR if whole.shape[2] == 3 else cv2.IMREAD_GRAYSCALE
            read = np.asarray(cv2.imdecode(code, flag)).reshape(whole.shape)
            out[i] = read[..., ::-1] / np.float32(255)
        return out

"""Stacks of known motion: a textured surface whose blur changes from frame to frame and place to place."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from focaldepth.core.stack import FocalStack, Transfer

MARGIN = 40


def scene(shape, seed=0):
    """Colour picture (h, w, 3) with detail at all scales, in light, larger than the frames by MARGIN."""
    rng = np.random.default_rng(seed)
    h, w = (s + 2 * MARGIN for s in shape)
    out = np.zeros((h, w, 3), np.float32)
    for octave in range(7):
        size = (max(3, w >> octave), max(3, h >> octave))
        noise = rng.normal(size=(size[1], size[0], 3)).astype(np.float32)
        out += cv2.resize(noise, (w, h), interpolation=cv2.INTER_CUBIC) * 2.0 ** (octave / 2)
    out = (out - out.mean()) / out.std()
    return np.clip(0.35 + 0.12 * out, 0.01, 1)


def defocused(picture, focus, blur=5.0):
    """The picture in a frame focused at `focus` (0..1): a surface that rises from left to right."""
    depth = np.linspace(-0.2, 1.2, picture.shape[1], dtype=np.float32)[None]
    sigma = blur * np.abs(depth - focus)
    levels = [picture] + [cv2.GaussianBlur(picture, (0, 0), s) for s in (1.0, 2.0, 4.0, 8.0)]
    at = np.array([0.0, 1.0, 2.0, 4.0, 8.0])
    out = np.zeros_like(picture)
    position = np.interp(sigma, at, np.arange(5)).astype(np.float32)
    for k, level in enumerate(levels):
        out += level * np.clip(1 - np.abs(position - k), 0, 1)[..., None]
    return out


def frames_of(transforms, shape=(240, 320), seed=0, noise=0.004, blur=5.0):
    """Frames (N, h, w, 3) uint8, sRGB; transforms take pixels of the unmoved picture to frame pixels."""
    rng = np.random.default_rng(seed + 1)
    h, w = shape
    into = np.array([[1, 0, MARGIN], [0, 1, MARGIN], [0, 0, 1.0]])
    picture = scene(shape, seed)
    out = []
    for i, t in enumerate(transforms):
        sharp = defocused(picture, i / (len(transforms) - 1), blur)
        moved = cv2.warpPerspective(
            sharp, into @ np.linalg.inv(t), (w, h), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        )
        out.append(encode(moved + rng.normal(size=moved.shape) * noise))
    return np.stack(out)


def encode(light):
    """8-bit sRGB of linear light."""
    light = np.clip(light, 0, 1)
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
    return np.round(255 * code).astype(np.uint8)


def similarity(scale, degrees, dx, dy, shape=(240, 320)):
    """Scaling and rotation about the picture's centre, then a shift."""
    h, w = shape
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    centre = np.array([[1, 0, (w - 1) / 2], [0, 1, (h - 1) / 2], [0, 0, 1.0]])
    shift = np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1.0]])
    return shift @ centre @ turn @ np.linalg.inv(centre)


def handheld(n=7, shape=(240, 320), seed=3):
    """Breathing of 6 % and shake of some pixels."""
    rng = np.random.default_rng(seed)
    shake = rng.normal(size=(n, 3)) * [0.15, 1.5, 1.5]
    return [similarity(1 + 0.01 * (i - n // 2), *shake[i], shape) for i in range(n)]


def stack_of(frames, **facts):
    return FocalStack.from_arrays(frames, transfer=Transfer.SRGB, **facts)


@pytest.fixture(scope="session")
def still():
    """An aligned stack."""
    return stack_of(frames_of([np.eye(3)] * 7))


@pytest.fixture(scope="session")
def moved():
    """A misaligned stack and its true transforms, relative to the middle frame."""
    transforms = handheld()
    truth = np.stack([t @ np.linalg.inv(transforms[3]) for t in transforms])
    return stack_of(frames_of(transforms)), truth


@pytest.fixture(scope="session")
def shared():
    """The folder of shared data; the test is skipped where it is absent."""
    folder = Path(os.environ.get("FOCALDEPTH_SHARED", Path(__file__).parents[3] / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no shared data at {folder}; set FOCALDEPTH_SHARED")
    return folder

"""Focal stacks of random layered scenes: slanted textured cut-outs in front of a background, with exact depth.

A fast simulation for tests and for the calibration of error bars. Layers are cut into depth slices; each slice is
blurred by the disc of the thin lens and composited far to near in linear light with premultiplied alpha, so blurred
foreground edges let the background through.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.result import DepthMap
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack, Transfer

Image = NDArray[np.float32]


@dataclass(frozen=True)
class LayeredScene:
    """A random scene and the lens that looks at it; the same settings and seed give the same pixels."""

    seed: int = setting(0, "number of the scene", low=0)
    frames: int = setting(10, "number of frames", low=2)
    height: int = setting(192, "rows", unit="px", low=8)
    width: int = setting(256, "columns", unit="px", low=8)
    near: float = setting(3.0, "focus of the nearest frame", unit="1/m", low=0.01)
    far: float = setting(0.5, "focus of the farthest frame", unit="1/m", low=0.0)
    blur_px: float = setting(3.0, "blur radius one frame away from focus", unit="px", low=0.0)
    layers: int = setting(5, "cut-outs in front of the background", low=0)
    contrast: float = setting(0.5, "mean texture contrast; single surfaces vary widely", low=0.0, high=1.0)
    noise: float = setting(0.005, "read noise, share of full scale (linear light)", low=0.0)
    shot: float = setting(0.0002, "shot noise, variance per signal (linear light)", low=0.0)
    relief: float = setting(0.3, "bumps of the surfaces, RMS in frame steps", low=0.0)
    psf_px: float = setting(0.5, "blur of the sharpest picture (Gaussian sigma)", unit="px", low=0.0)
    jpeg: int = setting(0, "JPEG quality; 0 = not compressed", low=0, high=100)

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def varied(cls, seed: int, height: int, width: int) -> LayeredScene:
        """Return a scene of random lens, noise, texture and compression: what error bars are calibrated on."""
        random = np.random.default_rng(seed + 1000)
        frames = int(random.choice([5, 8, 10, 15, 30]))
        most_blur = 5.0 if frames < 20 else 1.5
        return cls(
            seed=seed,
            frames=frames,
            height=height,
            width=width,
            blur_px=float(np.exp(random.uniform(np.log(0.5), np.log(most_blur)))),
            noise=float(random.choice([0.0005, 0.002, 0.004, 0.01])),
            shot=float(random.choice([0, 0.0001, 0.0004])),
            contrast=float(random.uniform(0.4, 1.0)),
            relief=float(random.uniform(0, 1.5)),
            psf_px=float(random.uniform(0.4, 1.0)),
            jpeg=int(random.choice([0, 85, 92, 95])),
            layers=int(random.integers(0, 8)),
            near=float(random.uniform(1, 6)),
            far=0.5,
        )

    @property
    def step(self) -> float:
        """Distance of two frames in dioptres."""
        return abs(self.near - self.far) / (self.frames - 1)

    @property
    def focus(self) -> FocusAxis:
        """Even steps in dioptres, near to far."""
        return FocusAxis(np.linspace(self.near, self.far, self.frames), Unit.DIOPTRE)


@dataclass(frozen=True)
class Rendered:
    """A stack with its truth: depth in dioptres and the picture without blur (H, W, 3) uint8."""

    stack: FocalStack
    truth: DepthMap
    all_in_focus: NDArray[np.uint8]


def render(scene: LayeredScene) -> Rendered:
    """Render all frames of a scene.

    >>> out = render(LayeredScene(frames=3, height=16, width=16))
    >>> len(out.stack), out.truth.unit.value
    (3, 'dioptre')
    """
    random = np.random.default_rng(scene.seed)
    surfaces = _surfaces(scene, random)
    px_per_dioptre = scene.blur_px / scene.step
    frames = [_frame(surfaces, focus, px_per_dioptre) for focus in scene.focus.values]
    noisy = np.stack([_stored(_encode(_noisy(_soft(f, scene), scene, random)), scene) for f in frames])
    depth = np.zeros((scene.height, scene.width), np.float32)
    for _, alpha, surface_depth in surfaces:
        depth = np.where(alpha > 0.5, surface_depth, depth)
    sharp = _encode(_soft(_frame(surfaces, None, 0.0), scene))
    stack = FocalStack.from_arrays(noisy, scene.focus, transfer=Transfer.SRGB, name=f"scene {scene.seed}")
    return Rendered(stack, DepthMap(depth, Unit.DIOPTRE, np.ones(depth.shape, bool)), sharp)


def _surfaces(scene: LayeredScene, random: np.random.Generator) -> list[tuple[Image, Image, Image]]:
    """Colour (H, W, 3) linear, alpha (H, W) and depth (H, W) of each surface, far to near."""
    low, high = sorted((scene.near, scene.far))
    centres = np.sort(random.uniform(low, high, scene.layers + 1))
    centres[0] = random.uniform(low, low + 0.3 * (high - low))
    shape = (scene.height, scene.width)
    out = []
    for i, centre in enumerate(centres):
        alpha = np.ones(shape, np.float32) if i == 0 else _cut_out(shape, random)
        slant = random.uniform(0, 0.25) * (high - low)
        bumps = scene.relief * scene.step * _bumps(shape, random)
        depth = np.clip(centre + slant * _plane(shape, random) + bumps, low, high).astype(np.float32)
        out.append((_texture(shape, scene.contrast, random), alpha, depth))
    return out


def _plane(shape: tuple[int, int], random: np.random.Generator) -> Image:
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    angle = random.uniform(0, 2 * np.pi)
    plane: Image = (np.cos(angle) * x + np.sin(angle) * y).astype(np.float32)
    return plane


def _bumps(shape: tuple[int, int], random: np.random.Generator) -> Image:
    """Smooth noise of unit RMS, a few to a few tens of pixels wide."""
    noise = random.standard_normal(shape).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), float(random.uniform(3, 20)))
    bumps: Image = smooth / smooth.std()
    return bumps


def _cut_out(shape: tuple[int, int], random: np.random.Generator) -> Image:
    """A blob, box or rod as an antialiased mask."""
    h, w = shape
    mask = np.zeros(shape, np.uint8)
    centre = (int(random.uniform(0, w)), int(random.uniform(0, h)))
    angle = float(random.uniform(0, 180))
    kind = random.integers(3)
    size = random.uniform(0.08, 0.35) * min(h, w)
    if kind == 0:
        axes = (int(size), int(size * random.uniform(0.5, 1)))
        cv2.ellipse(mask, (centre, (2 * axes[0], 2 * axes[1]), angle), 255, -1)
    else:
        thin = size * (random.uniform(0.5, 1) if kind == 1 else 0.08)
        long = size * (1 if kind == 1 else 4)
        box = cv2.boxPoints((centre, (2 * long, 2 * thin), angle)).astype(np.int32)
        cv2.fillConvexPoly(mask, box, 255)
    smooth: Image = cv2.GaussianBlur(mask, (0, 0), 0.5).astype(np.float32)
    return smooth / np.float32(255)


def _texture(shape: tuple[int, int], contrast: float, random: np.random.Generator) -> Image:
    """Coloured noise of random slope; sometimes marks or grain on top, sometimes nearly plain."""
    h, w = shape
    fy, fx = np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None]
    radius = np.hypot(fy, fx) + 0.5 / max(h, w)
    spectrum = np.fft.rfft2(random.standard_normal(shape)) * radius ** -random.uniform(0.4, 1.6)
    grey: Image = np.fft.irfft2(spectrum, shape).astype(np.float32)
    grey = grey / grey.std() * np.float32(0.35)
    strength = contrast * random.choice([0.05, 0.5, 1.0, 1.0, 1.5, 2.0])
    if random.random() < 0.5:
        cell = int(random.choice([2, 4, 8]))
        marks = (random.random((h // cell + 1, w // cell + 1)) < random.uniform(0.05, 0.4)).astype(np.float32)
        grey -= np.float32(0.8) * cv2.resize(marks, (w, h), interpolation=cv2.INTER_NEAREST)
    if random.random() < 0.5:
        grey += np.float32(0.3) * cv2.GaussianBlur(random.standard_normal(shape).astype(np.float32), (0, 0), 0.7)
    base = random.uniform(0.1, 0.8)
    tint = random.uniform(0.7, 1.0, 3)
    level = np.clip(base * np.exp(strength * grey), 0.003, 1.0)
    colour: Image = (level[..., None] * tint).astype(np.float32)
    return colour


def _frame(surfaces: list[tuple[Image, Image, Image]], focus: float | None, px_per_dioptre: float) -> Image:
    """One frame in linear light, (H, W, 3)."""
    out = np.zeros_like(surfaces[0][0])
    for colour, alpha, depth in surfaces:
        radius = np.zeros_like(depth) if focus is None else np.abs(depth - focus) * px_per_dioptre
        layer = _blur_by_slices(np.dstack([colour * alpha[..., None], alpha]), radius)
        out = layer[..., :3] + out * (1 - np.clip(layer[..., 3:], 0, 1))
    return out


def _blur_by_slices(premultiplied: Image, radius: Image) -> Image:
    """Blur by a disc of slowly varying radius: neighbouring sizes are mixed so that the variance r^2 / 4 is right.

    Sizes are 0, 1, 1.5, 2 ... px: the mixture of a point and a disc of 1 px stands for the smallest blurs, which have
    no shape on a pixel grid but do take contrast away.
    """
    sizes = np.concatenate([[0.0], np.arange(1, radius.max() + 1, 0.5)])
    out = np.zeros_like(premultiplied)
    for i, size in enumerate(sizes):
        weight = np.ones_like(radius)
        if i > 0:
            weight = np.minimum(weight, (radius**2 - sizes[i - 1] ** 2) / (size**2 - sizes[i - 1] ** 2))
        if i + 1 < len(sizes):
            weight = np.minimum(weight, (sizes[i + 1] ** 2 - radius**2) / (sizes[i + 1] ** 2 - size**2))
        weight = np.maximum(weight, 0).astype(np.float32)
        if weight.any():
            place = _around(weight)
            out[place] += weight[place][..., None] * _blurred(premultiplied, place, float(size))
    return out


def _around(weight: Image) -> tuple[slice, slice]:
    """The smallest rectangle that holds every pixel with a weight."""
    rows, columns = (np.flatnonzero(weight.any(axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _blurred(premultiplied: Image, place: tuple[slice, slice], size: float) -> Image:
    """Some of the pixels of a layer that is blurred by a disc."""
    if not size:
        return premultiplied[place]
    disc = _disc(size)
    reach = len(disc) // 2
    seen = tuple(slice(max(part.start - reach, 0), part.stop + reach) for part in place)
    whole = cv2.filter2D(premultiplied[seen], -1, disc, borderType=cv2.BORDER_REFLECT)
    starts = (part.start - wide.start for part, wide in zip(place, seen, strict=True))
    inner = tuple(slice(start, start + part.stop - part.start) for start, part in zip(starts, place, strict=True))
    blurred: Image = whole[inner]
    return blurred


@lru_cache(maxsize=128)
def _disc(radius: float) -> Image:
    """An antialiased disc of unit sum."""
    r = int(np.ceil(radius))
    fine = 8
    grid = (np.arange((2 * r + 1) * fine) + 0.5) / fine - r - 0.5
    inside = (np.hypot(grid[:, None], grid[None]) <= radius).astype(np.float32)
    disc = inside.reshape(2 * r + 1, fine, 2 * r + 1, fine).mean((1, 3))
    unit: Image = (disc / disc.sum()).astype(np.float32)
    return unit


def _soft(frame: Image, scene: LayeredScene) -> Image:
    blurred: Image = cv2.GaussianBlur(frame, (0, 0), scene.psf_px) if scene.psf_px > 0 else frame
    return blurred


def _stored(picture: NDArray[np.uint8], scene: LayeredScene) -> NDArray[np.uint8]:
    if not scene.jpeg:
        return picture
    _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, scene.jpeg])
    read: NDArray[np.uint8] | None = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return picture if read is None else read


def _noisy(frame: Image, scene: LayeredScene, random: np.random.Generator) -> Image:
    spread = np.sqrt(scene.noise**2 + scene.shot * np.maximum(frame, 0))
    noisy: Image = frame + spread * random.standard_normal(frame.shape).astype(np.float32)
    return noisy


def _encode(linear: Image) -> NDArray[np.uint8]:
    """Linear light to sRGB, 8 bit (IEC 61966-2-1)."""
    x = np.clip(linear, 0, 1)
    coded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    picture: NDArray[np.uint8] = np.round(255 * coded).astype(np.uint8)
    return picture

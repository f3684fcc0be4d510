"""Random worlds: a lens, a focus schedule, a background and the things in front of it; endless and seeded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import MissingExtraError
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack, Transfer
from focaldepth.optics.aperture import Aperture
from focaldepth.optics.blur import coc_per_dioptre
from focaldepth.scenes import surfaces
from focaldepth.scenes.lens import Layer, centre_view, sample_lens
from focaldepth.scenes.surfaces import Place, Stage
from focaldepth.scenes.textures import Photographs, Random

SCALES = ("room", "desk", "phone", "macro")
_NEARNESS = {"room": (0.12, 1.6), "desk": (0.5, 4.0), "phone": (0.6, 10.0), "macro": (3.0, 9.0)}
_LENSES = {
    "room": ((35e-3, 50e-3, 85e-3), (1.4, 4.0), 36e-3),
    "desk": ((35e-3, 50e-3), (1.8, 5.6), 24e-3),
    "phone": ((4.3e-3, 4.8e-3, 6.8e-3), (1.5, 2.2), 6e-3),
    "macro": ((60e-3, 100e-3), (2.8, 8.0), 24e-3),
}
_STEPS = ("dioptre", "metre", "geometric", "uneven")
_F_LEAST, _F_MOST = 0.7, 64.0


@dataclass(frozen=True)
class SceneSettings:
    """What every scene of a series has in common; all else is drawn by its number."""

    height: int = setting(256, "rows", unit="px", low=32, high=2048)
    width: int = setting(256, "columns", unit="px", low=32, high=2048)
    frames: int = setting(0, "frames per stack; 0 = 2 to 30, drawn per scene", low=0, high=200)
    scale: str = setting("any", "size of the world", choices=("any", *SCALES))
    samples: int = setting(32, "points of the aperture that are averaged", low=1, high=4096)
    blur: float = setting(
        12.0, "largest blur radius; a lens that gives more is stopped down", unit="px", low=0.5, high=64
    )
    aperture: str = setting(
        "disc", "opening of the lens; any = drawn per scene", choices=("disc", "polygon", "gaussian", "any")
    )
    seed: int = setting(0, "number of the series", low=0)

    def __post_init__(self) -> None:
        check(self)
        if self.frames == 1:
            check(_TooFew(self.frames))


@dataclass(frozen=True)
class _TooFew:
    """A stack has two frames at least: the message of a setting."""

    frames: int = setting(2, "frames per stack", low=2)


@dataclass(frozen=True, eq=False)
class World:
    """One scene before it is rendered.

    Attributes:
        number: of the scene in its series.
        scale: "room", "desk", "phone" or "macro".
        layers: far to near.
        size: (H, W).
        optics: the lens; pixel pitch that of the rendered pixels.
        axis: focus distances in metres, near to far.
        blur_scale: blur radius in px per dioptre, the same in all frames (registered).
        aperture: shape of the opening.
        samples: points of it.
    """

    number: int
    scale: str
    layers: tuple[Layer, ...]
    size: tuple[int, int]
    optics: Optics
    axis: FocusAxis
    blur_scale: float
    aperture: Aperture = field(default_factory=Aperture)
    samples: int = 64

    def light(self, device: str = "cpu") -> NDArray[np.float32]:
        """Return the frames (N, H, W, 3) in linear light; values may exceed 1.

        Args:
            device: "cpu", or a device of torch, whose frames differ by less than 1e-3 (extra `networks`).
        """
        if device != "cpu":
            try:
                from focaldepth.scenes import lens_torch
            except ImportError as error:
                raise MissingExtraError(f"device {device}", "networks") from error

            return lens_torch.sample_lens(
                self.layers,
                self.size,
                self.axis.to(Unit.DIOPTRE).values,
                self.blur_scale,
                samples=self.samples,
                aperture=self.aperture,
                seed=self.number,
                device=device,
            )
        return sample_lens(
            self.layers,
            self.size,
            self.axis.to(Unit.DIOPTRE).values,
            self.blur_scale,
            samples=self.samples,
            aperture=self.aperture,
            seed=self.number,
        )

    def sample(self, device: str = "cpu") -> Sample:
        """Render: 8-bit sRGB frames, exact depth in metres, the sharp picture; `device` as in `light`."""
        frames = encode(self.light(device))
        sharp, nearness = centre_view(self.layers, self.size)
        name = f"{self.number:06d}"
        stack = FocalStack.from_arrays(frames, self.axis, optics=self.optics, transfer=Transfer.SRGB, name=name)
        depth = (1 / nearness).astype(np.float32)
        return Sample(stack, DepthMap(depth, Unit.METRE, nearness > 0), encode(sharp), None, name)


def make_world(settings: SceneSettings, number: int, photographs: Photographs | None = None) -> World:
    """Return scene `number` of a series: the same numbers give the same pixels.

    >>> world = make_world(SceneSettings(height=32, width=48, frames=3, samples=4), 7)
    >>> len(world.sample().stack), world.sample().truth.unit.value
    (3, 'metre')
    """
    random = np.random.default_rng([settings.seed, number])
    scale = str(random.choice(SCALES)) if settings.scale == "any" else settings.scale
    low, high = _range(scale, random)
    axis = _schedule(settings.frames or int(random.integers(2, 31)), low, high, random)
    size = (settings.height, settings.width)
    optics, per_dioptre, focal_px = _lens(scale, size, axis, (low, high), settings.blur, random)
    angle, height = random.uniform(0, 2 * np.pi), random.uniform(0.3, 0.9)
    side = np.sqrt(1 - height**2)
    light = np.array([side * np.cos(angle), side * np.sin(angle), -height])
    stage = Stage(size, focal_px, light, random, photographs)
    layers = _layers(stage, low, high, per_dioptre)
    shape = (
        str(random.choice(["disc", "disc", "polygon", "gaussian"])) if settings.aperture == "any" else settings.aperture
    )
    opening = Aperture(shape, blades=int(random.integers(5, 10)), turn=float(random.uniform(-90, 90)))
    return World(number, scale, layers, size, optics, axis, per_dioptre, opening, settings.samples)


def scenes(settings: SceneSettings, first: int = 0, photographs: Photographs | None = None) -> Iterator[Sample]:
    """Yield scenes without end, for training on the fly."""
    number = first
    while True:
        yield make_world(settings, number, photographs).sample()
        number += 1


def _range(scale: str, random: Random) -> tuple[float, float]:
    """Nearness of the farthest and the nearest thing."""
    least, most = _NEARNESS[scale]
    if scale == "macro":
        middle = random.uniform(least + 0.5, most - 0.5)
        span = random.uniform(0.15, 0.8)
        return middle - span / 2, middle + span / 2
    low = float(np.exp(random.uniform(np.log(least), np.log(least) + 0.4 * np.log(most / least))))
    high = float(np.exp(random.uniform(np.log(low * 2), np.log(most))))
    return low, high


def _schedule(frames: int, low: float, high: float, random: Random) -> FocusAxis:
    """Focus distances near to far; they leave out some of the range now and then, mostly the background."""
    far = low + (random.uniform(0.05, 0.4) if random.random() < 0.5 else 0.0) * (high - low)
    near = high - (random.uniform(0, 0.15) if random.random() < 0.3 else 0.0) * (high - low)
    kind = str(random.choice(_STEPS))
    if kind == "dioptre":
        nearness = np.linspace(near, far, frames)
    elif kind == "metre":
        nearness = 1 / np.linspace(1 / near, 1 / far, frames)
    elif kind == "geometric":
        nearness = np.geomspace(near, far, frames)
    else:
        gaps = random.uniform(0.3, 1.7, frames - 1)
        nearness = near - np.concatenate([[0], np.cumsum(gaps) / gaps.sum()]) * (near - far)
    return FocusAxis(1 / nearness, Unit.METRE)


def _lens(
    scale: str, size: tuple[int, int], axis: FocusAxis, span: tuple[float, float], blur: float, random: Random
) -> tuple[Optics, float, float]:
    """Lens, blur radius in px per dioptre and focal length in px; stopped down or opened to the blur wanted."""
    lengths, (fast, slow), sensor = _LENSES[scale]
    focal = float(random.choice(lengths))
    f_number = float(np.exp(random.uniform(np.log(fast), np.log(slow))))
    pitch = sensor / max(size)
    farthest = float(axis.values.max())
    per_dioptre = float(coc_per_dioptre(farthest, focal, f_number)) / (2 * pitch)
    ends = np.array(span)[:, None] - axis.to(Unit.DIOPTRE).values[None]
    largest = per_dioptre * float(np.abs(ends).max())
    wanted = blur * float(random.uniform(0.35, 1.0))
    # Small sensors and far scenes hardly blur at this size: half of those lenses are opened wider than there are any.
    asked = largest > wanted or random.random() < 0.5
    factor = float(np.clip(largest / wanted, _F_LEAST / f_number, _F_MOST / f_number)) if asked else 1.0
    optics = Optics(focal_length_m=focal, f_number=f_number * factor, pixel_pitch_m=pitch)
    return optics, per_dioptre / factor, focal / pitch


def _layers(stage: Stage, low: float, high: float, per_dioptre: float) -> tuple[Layer, ...]:
    """Background, now and then a floor, and four to seventeen things, far to near."""
    random = stage.random
    margin = int(np.ceil(per_dioptre * (high - low))) + 4
    made = [surfaces.wall(stage, low, margin)]
    if random.random() < 0.25:
        made[0] = surfaces.relieved(stage, made[0], low)
        made[0] = Layer(made[0].content, made[0].corner, made[0].plane, _below(made[0], low), endless=True)
    if random.random() < 0.6:
        horizon = random.uniform(0.15, 0.7) * stage.size[0]
        made.append(surfaces.ground(stage, horizon, low, low + (high - low) * random.uniform(0.4, 1.0), margin))
    count = int(random.integers(4, 18))
    for nearness in np.sort(random.uniform(low, high, count) ** random.choice([1.0, 1.0, 0.8])):
        position = float(np.clip(nearness, low, high))
        made += _thing(stage, _place(stage, position, low, high))
    return tuple(made)


def _below(layer: Layer, low: float) -> NDArray[np.float32]:
    """Relief of a background that never comes nearer than its plane nor reaches infinity."""
    relief = layer.relief if layer.relief is not None else np.zeros(layer.content.shape[:2], np.float32)
    return np.asarray(np.clip(relief - relief.max(), -0.5 * low, 0), np.float32)


def _place(stage: Stage, nearness: float, low: float, high: float) -> Place:
    """Anywhere in the picture; near things larger, as they are."""
    random = stage.random
    h, w = stage.size
    share = (nearness - low) / (high - low)
    size = min(h, w) * random.uniform(0.1, 0.32) * (0.7 + 0.9 * share)
    stretch = np.exp(random.uniform(-0.6, 0.6))
    return Place(
        row=float(random.uniform(0.02, 0.98) * h),
        column=float(random.uniform(0.02, 0.98) * w),
        nearness=nearness,
        height=float(size * stretch),
        width=float(size / stretch),
    )


def _thing(stage: Stage, place: Place) -> list[Layer]:
    kind = str(stage.random.choice(_THINGS, p=_SHARES))
    if kind in ("rectangle", "ellipse", "leaf", "lattice", "blob"):
        return surfaces.card(stage, place, kind)
    return {"box": surfaces.box, "sphere": surfaces.sphere, "rod": surfaces.rod, "bumpy": surfaces.bumpy}[kind](
        stage, place
    )


_THINGS = ("rectangle", "ellipse", "leaf", "lattice", "blob", "box", "sphere", "rod", "bumpy")
_SHARES = np.array([2, 0.7, 1.2, 1.2, 1, 2.2, 1.6, 1.2, 1.4]) / 12.5


def encode(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Linear light to sRGB of 8 bits (IEC 61966-2-1); what is brighter than white is cut."""
    x = np.clip(linear, 0, 1)
    coded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * coded), np.uint8)

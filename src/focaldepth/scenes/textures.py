"""What surfaces look like: photographs from any folder, and procedural textures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import ReadError

Image = NDArray[np.float32]
Random = np.random.Generator
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
_LONGEST_PX = 1600
_KEPT = 24


@dataclass(eq=False)
class Photographs:
    """Pictures of a folder, for textures; a few decoded ones are kept.

    Attributes:
        files: sorted.
    """

    files: tuple[Path, ...]
    _held: dict[Path, NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, folder: str | Path) -> Photographs:
        """Find the pictures in a folder and below, and see that each can be read.

        Raises:
            ReadError: no pictures, or some that cannot be read; names the first of them.
        """
        root = Path(folder)
        if not root.is_dir():
            raise ReadError("is no folder of photographs.", where=root, hint="Check the path.")
        files = tuple(sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()))
        if not files:
            raise ReadError("holds no pictures.", where=root, hint=f"Known: {' '.join(SUFFIXES)}.")
        found = cls(files)
        bad = [p for p in files if _decoded(p, quick=True) is None]
        if bad:
            more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            raise ReadError(f"cannot be read as a picture{more}.", where=bad[0], hint="Remove it, or replace it.")
        return found

    def crop(self, height: int, width: int, random: Random) -> Image:
        """Return a random part of a random picture at a random scale, linear light (height, width, 3)."""
        path = self.files[int(random.integers(len(self.files)))]
        picture = self._held.get(path)
        if picture is None:
            picture = _decoded(path)
            if picture is None:
                raise ReadError("cannot be read any more.", where=path, hint="Was it moved or changed?")
            if len(self._held) >= _KEPT:
                self._held.pop(next(iter(self._held)))
            self._held[path] = picture
        h, w = picture.shape[:2]
        scale = random.uniform(1, max(1.0, min(h / height, w / width)))
        rows, columns = min(h, round(height * scale)), min(w, round(width * scale))
        y, x = (int(random.integers(0, n - m + 1)) for n, m in ((h, rows), (w, columns)))
        part = np.ascontiguousarray(picture[y : y + rows, x : x + columns])
        resized = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
        return linear(resized.astype(np.float32) / np.float32(255))


def _decoded(path: Path, quick: bool = False) -> NDArray[np.uint8] | None:
    flag = cv2.IMREAD_REDUCED_COLOR_8 if quick else cv2.IMREAD_COLOR
    found: Any = cv2.imread(str(path), flag)
    if found is None or quick:
        return None if found is None else np.asarray(found, np.uint8)
    shrink = _LONGEST_PX / max(found.shape[:2])
    if shrink < 1:
        found = cv2.resize(found, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(found[..., ::-1])


def linear(coded: Image) -> Image:
    """sRGB values to linear light (IEC 61966-2-1)."""
    light: Image = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return light


def texture(height: int, width: int, random: Random, photographs: Photographs | None = None) -> Image:
    """Return a random texture, linear light in about 0.01-1, (height, width, 3) float32.

    Three in five come from the photographs where there are any; one in twelve is nearly plain.
    """
    if photographs is not None and random.random() < 0.6:
        return np.asarray(np.clip(photographs.crop(height, width, random), 0.004, 1), np.float32)
    kind = _KINDS[int(random.choice(len(_KINDS), p=_SHARES))]
    pattern = kind(height, width, random)
    low, high = _colours(random)
    colour = low + (high - low) * pattern[..., None]
    if random.random() < 0.5:
        grain = cv2.GaussianBlur(random.standard_normal((height, width)).astype(np.float32), (0, 0), 0.8)
        colour *= np.exp(np.float32(random.uniform(0.05, 0.4)) * grain)[..., None]
    return np.asarray(np.clip(colour, 0.004, 1), np.float32)


def _colours(random: Random) -> tuple[Image, Image]:
    """Two colours: of any hue, of strong or weak contrast."""
    middle = random.uniform(0.04, 0.7) * random.uniform(0.25, 1.0, 3)
    contrast = float(random.choice([0.15, 0.6, 1.2, 2.0]))
    tint = random.uniform(-0.7, 0.7, 3)
    return (
        np.asarray(middle * np.exp(-contrast + tint), np.float32),
        np.asarray(np.minimum(middle * np.exp(contrast - tint), 1), np.float32),
    )


def clouds(height: int, width: int, random: Random, slope: float | None = None) -> Image:
    """Noise of a random spectral slope in 0-1."""
    h, w = cv2.getOptimalDFTSize(height), cv2.getOptimalDFTSize(width)
    fy, fx = np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None]
    radius = np.hypot(fy, fx) + 1 / max(h, w)
    steep = random.uniform(0.5, 1.9) if slope is None else slope
    noise = np.fft.irfft2(np.fft.rfft2(random.standard_normal((h, w))) * radius**-steep, (h, w))[:height, :width]
    spread = 2.2 * noise.std() + 1e-9
    return np.asarray(np.clip(0.5 + noise / spread / 2, 0, 1), np.float32)


def _grid(height: int, width: int, random: Random) -> tuple[Image, Image]:
    """Turned coordinates in px."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    turn = np.float32(random.uniform(0, np.pi))
    return x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)


def _checks(height: int, width: int, random: Random) -> Image:
    a, b = _grid(height, width, random)
    cell = random.uniform(3, 18)
    return np.asarray((np.floor(a / cell) + np.floor(b / cell)) % 2, np.float32)


def _stripes(height: int, width: int, random: Random) -> Image:
    a, _ = _grid(height, width, random)
    wave = np.sin(2 * np.pi * a / random.uniform(4, 24) + 3 * clouds(height, width, random, 1.8))
    return np.asarray(0.5 + 0.5 * wave, np.float32)


def _bricks(height: int, width: int, random: Random) -> Image:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    rows = np.float32(random.uniform(6, 16))
    row = np.floor(y / rows)
    at = x + (row % 2) * rows
    mortar = np.minimum(y % rows, at % (2 * rows)) < 1.2
    tone = np.modf(np.sin(row * 12.9898 + np.floor(at / (2 * rows)) * 78.233) * 43758.5453)[0]
    return np.asarray(np.where(mortar, 0.0, 0.6 + 0.35 * np.abs(tone)), np.float32)


def _dots(height: int, width: int, random: Random) -> Image:
    picture = np.zeros((height, width), np.uint8)
    for _ in range(int(height * width / random.uniform(60, 600)) + 3):
        centre = (int(random.integers(width)), int(random.integers(height)))
        cv2.circle(picture, centre, int(random.integers(1, 7)), int(random.integers(90, 256)), -1, cv2.LINE_AA)
    return np.asarray(picture / 255, np.float32)


def _letters(height: int, width: int, random: Random) -> Image:
    """Lines of marks that look like print."""
    picture = np.full((height, width), 255, np.uint8)
    size = random.uniform(0.25, 0.8)
    line = max(6, int(32 * size))
    for y in range(line, height + line, line):
        letters = random.integers(33, 123, max(4, int(width / (14 * size))))
        text = "".join(" " if random.random() < 0.15 else chr(int(c)) for c in letters)
        cv2.putText(picture, text, (int(random.integers(0, 6)), y), cv2.FONT_HERSHEY_SIMPLEX, size, 0, 1, cv2.LINE_AA)
    return np.asarray(picture / 255, np.float32)


def _cells(height: int, width: int, random: Random) -> Image:
    """Voronoi cells with dark borders."""
    seeds = np.full((height, width), 255, np.uint8)
    count = int(height * width / random.uniform(60, 900)) + 4
    seeds[random.integers(0, height, count), random.integers(0, width, count)] = 0
    distance, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    tone = np.modf(np.abs(np.sin(labels * 12.9898) * 43758.5453))[0]
    return np.asarray(np.clip(tone * 0.8 + 0.2 - distance / (distance.max() + 1e-6) * 0.5, 0, 1), np.float32)


def _wood(height: int, width: int, random: Random) -> Image:
    a, b = _grid(height, width, random)
    bend = 40 * clouds(height, width, random, 2.2)
    ring = np.modf(np.abs(np.hypot(a * 0.15, b) + bend) / random.uniform(4, 14))[0]
    return np.asarray(0.3 + 0.7 * ring, np.float32)


def _plain(height: int, width: int, random: Random) -> Image:
    """Hardly any texture: where depth from focus has nothing to hold on to."""
    return np.asarray(0.5 + 0.04 * (clouds(height, width, random, 2.0) - 0.5), np.float32)


_KINDS: tuple[Callable[[int, int, Random], Image], ...] = (
    clouds, _checks, _stripes, _bricks, _dots, _letters, _cells, _wood, _plain,
)  # fmt: skip
_SHARES = np.array([4, 1, 1.5, 1, 1.5, 1.5, 1.5, 1.5, 1.2]) / 14.7

"""Surfaces as the centre of the lens sees them: cards, boxes, spheres, rods, lattices, leaves, bumpy panels, ground.

Everything stands in a pinhole camera of `focal_px`; nearness (1/Z) of a plane is linear over the picture, so a flat
thing is exact however it is slanted. Round and bumpy things carry the rest as relief.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.scenes.lens import Layer
from focaldepth.scenes.textures import Photographs, Random, clouds, texture

Image = NDArray[np.float32]
Vector = NDArray[np.float64]
_FINE = 2
_LARGEST_PX = 1024
_RIM = 0.97
_SEAM_PX = 1.0


@dataclass(frozen=True)
class Place:
    """Where a thing stands.

    Attributes:
        row, column: of its middle, px of the picture.
        nearness: of its middle in dioptres.
        height, width: px that it would take if it faced the camera.
    """

    row: float
    column: float
    nearness: float
    height: float
    width: float


@dataclass(frozen=True, eq=False)
class Stage:
    """The camera, and what things are made of.

    Attributes:
        size: (H, W) of the picture.
        focal_px: focal length in px.
        light: direction that light comes from, unit length; x right, y down, z away from the camera.
        random: source of everything that varies.
        photographs: for textures; None = procedural ones only.
    """

    size: tuple[int, int]
    focal_px: float
    light: Vector
    random: Random
    photographs: Photographs | None = None

    def point(self, place: Place) -> Vector:
        """Return the middle of a place in metres (x, y, z)."""
        y, x = place.row - (self.size[0] - 1) / 2, place.column - (self.size[1] - 1) / 2
        return np.array([x / self.focal_px, y / self.focal_px, 1.0]) / place.nearness

    def project(self, points: Vector) -> Vector:
        """Return (n, 2) columns and rows of points (n, 3)."""
        middle = np.array([(self.size[1] - 1) / 2, (self.size[0] - 1) / 2])
        return np.asarray(points[:, :2] / points[:, 2:] * self.focal_px + middle)

    def plane(self, normal: Vector, point: Vector) -> tuple[float, float, float]:
        """Return nearness at the picture's origin and its slope per row and column of the plane through a point."""
        n = normal / (normal @ point)
        down, right = n[1] / self.focal_px, n[0] / self.focal_px
        a = n[2] - down * (self.size[0] - 1) / 2 - right * (self.size[1] - 1) / 2
        return float(a), float(down), float(right)

    def paint(self, height: float, width: float) -> Image:
        """Return a texture of about that many px, lit by a gradient, sometimes with glossy spots."""
        h, w = (int(np.clip(n, 8, _LARGEST_PX)) for n in (height, width))
        colour = texture(h, w, self.random, self.photographs)
        turn, strength = self.random.uniform(0, 2 * np.pi), self.random.uniform(0, 0.9)
        y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None]
        colour *= np.exp(np.float32(strength) * (np.float32(np.cos(turn)) * x + np.float32(np.sin(turn)) * y))[
            ..., None
        ]
        if self.random.random() < 0.25:
            for _ in range(int(self.random.integers(1, 5))):
                _spot(colour, self.random)
        return colour


def _spot(colour: Image, random: Random) -> None:
    """Add one highlight, brighter than white."""
    h, w = colour.shape[:2]
    size = random.uniform(0.6, 3.0)
    y, x = random.uniform(0, h), random.uniform(0, w)
    rows = slice(max(int(y - 4 * size), 0), min(int(y + 4 * size) + 1, h))
    columns = slice(max(int(x - 4 * size), 0), min(int(x + 4 * size) + 1, w))
    fall = (np.arange(rows.start, rows.stop) - y)[:, None] ** 2 + (np.arange(columns.start, columns.stop) - x)[
        None
    ] ** 2
    colour[rows, columns] += (random.uniform(0.5, 3.0) * np.exp(-fall / (2 * size**2)))[..., None].astype(np.float32)


def turned(random: Random, most: float) -> Vector:
    """Return a random rotation (3, 3): slanted by up to `most` radians, turned about the axis by any angle."""
    yaw, pitch, roll = random.uniform(-most, most), random.uniform(-most, most), random.uniform(-0.6, 0.6)
    return rotation(yaw, pitch, roll)


def rotation(yaw: float, pitch: float, roll: float) -> Vector:
    """Return the rotation (3, 3) about y, then x, then the axis of the camera."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, pitch, roll))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z)


def face(
    stage: Stage, middle: Vector, right: Vector, down: Vector, picture: Image, alpha: Image | None
) -> Layer | None:
    """Return a flat rectangle: its middle and half axes in metres, its picture and shape; None when out of sight."""
    corners = np.array([middle + a * right + b * down for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
    if corners[:, 2].min() < 0.2 * middle[2]:
        return None
    seen = stage.project(corners)
    low, high = np.floor(seen.min(0)).astype(int) - 1, np.ceil(seen.max(0)).astype(int) + 2
    low = np.maximum(low, -np.array(stage.size[::-1]))
    high = np.minimum(high, 2 * np.array(stage.size[::-1]))
    if (high - low < 3).any():
        return None
    w, h = (int(n) for n in high - low)
    th, tw = picture.shape[:2]
    source = np.array([[0, 0], [tw, 0], [tw, th], [0, th]], np.float32) - np.float32(0.5)
    # Pixel centres at integers: the fine grid's pixel k lies at (k + 0.5) / fine - 0.5.
    target = ((seen - low + 0.5) * _FINE - 0.5).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    sheet = np.dstack([picture, np.ones((th, tw), np.float32) if alpha is None else alpha])
    sheet[..., :3] *= sheet[..., 3:]
    fine = cv2.warpPerspective(sheet, matrix, (_FINE * w, _FINE * h), flags=cv2.INTER_LINEAR)
    content = cv2.resize(fine, (w, h), interpolation=cv2.INTER_AREA)
    return Layer(content, (int(low[1]), int(low[0])), stage.plane(np.cross(right, down), middle))


def card(stage: Stage, place: Place, shape: str = "rectangle", slant: float = 0.9) -> list[Layer]:
    """Return one flat thing: "rectangle", "ellipse", "leaf", "lattice" or "blob"."""
    picture = stage.paint(1.3 * place.height, 1.3 * place.width)
    alpha = None if shape == "rectangle" else _SHAPES[shape](picture.shape[0], picture.shape[1], stage.random)
    axes = turned(stage.random, slant)
    metres = 1 / (place.nearness * stage.focal_px) / 2
    made = face(
        stage, stage.point(place), axes[:, 0] * place.width * metres, axes[:, 1] * place.height * metres, picture, alpha
    )
    return [] if made is None else [made]


def _ellipse(h: int, w: int, random: Random) -> Image:
    mask = np.zeros((h, w), np.uint8)
    cv2.ellipse(mask, (w // 2, h // 2), (w // 2 - 1, h // 2 - 1), 0, 0, 360, 255, -1, cv2.LINE_AA)
    return np.asarray(mask / 255, np.float32)


def _leaf(h: int, w: int, random: Random) -> Image:
    t = np.linspace(0, np.pi, 40)
    half = np.sin(t) ** random.uniform(0.7, 1.6) * (0.2 + 0.28 * random.random()) * h
    x = np.linspace(1, w - 2, 40)
    outline = np.concatenate([np.stack([x, h / 2 - half], 1), np.stack([x, h / 2 + half], 1)[::-1]])
    mask = np.zeros((h, w), np.uint8)
    cv2.fillPoly(mask, [outline.astype(np.int32)], 255, cv2.LINE_AA)
    return np.asarray(mask / 255, np.float32)


def _lattice(h: int, w: int, random: Random) -> Image:
    mask = np.zeros((h, w), np.float32)
    pitch, bar = random.uniform(9, 26), random.uniform(2, 5)
    y, x = np.arange(h) % pitch < bar, np.arange(w) % pitch < bar
    mask[y] = 1
    if random.random() < 0.7:
        mask[:, x] = 1
    return mask


def _blob(h: int, w: int, random: Random) -> Image:
    y, x = np.linspace(-1, 1, h)[:, None], np.linspace(-1, 1, w)[None]
    angle, radius = np.arctan2(y, x), np.hypot(y, x)
    edge = 0.7 + sum(random.uniform(0, 0.12) * np.cos(k * angle + random.uniform(0, 6)) for k in range(2, 7))
    return np.asarray(np.clip((edge - radius) * min(h, w) / 2 + 0.5, 0, 1), np.float32)


_SHAPES = {"ellipse": _ellipse, "leaf": _leaf, "lattice": _lattice, "blob": _blob}


def box(stage: Stage, place: Place) -> list[Layer]:
    """Return the faces of a box that the camera sees, far to near."""
    axes = rotation(*stage.random.uniform((-0.9, -0.7, -0.3), (0.9, 0.7, 0.3)))
    metres = 1 / (place.nearness * stage.focal_px) / 2
    depth = stage.random.uniform(0.4, 1.2) * min(place.height, place.width)
    halves = [axes[:, 0] * place.width * metres, axes[:, 1] * place.height * metres, axes[:, 2] * depth * metres]
    sizes = [place.width, place.height, depth]
    middle = stage.point(place)
    found: list[tuple[float, Layer]] = []
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        for sign in (-1, 1):
            centre = middle + sign * halves[k]
            outward = sign * halves[k] / np.linalg.norm(halves[k])
            if outward @ centre >= 0:
                continue
            picture = stage.paint(1.2 * sizes[j], 1.2 * sizes[i]) * np.float32(_lit(outward, stage.light))
            # Half a pixel over the edge, so that nothing shines through where two faces meet.
            wide, high = halves[i] * (1 + _SEAM_PX / sizes[i]), halves[j] * (1 + _SEAM_PX / sizes[j])
            made = face(stage, centre, wide, high, picture, None)
            found += [] if made is None else [(float(centre[2]), made)]
    return [layer for _, layer in sorted(found, key=lambda f: -f[0])]


def _lit(normal: Vector, light: Vector) -> Vector:
    """Brightness of a matt surface: ambient light and one lamp; normals (..., 3) point to the camera's side."""
    return np.asarray(0.45 + 0.75 * np.clip(normal @ light, 0, 1))


def sphere(stage: Stage, place: Place) -> list[Layer]:
    """Return a ball, with light and shade and a highlight."""
    radius_px = min(place.height, place.width) / 2
    at = np.arange(-int(radius_px) - 2, int(radius_px) + 3)
    rows, columns = round(place.row), round(place.column)
    y, x = (at + rows - place.row)[:, None] / radius_px, (at + columns - place.column)[None] / radius_px
    rho = np.hypot(y, x)
    height = np.sqrt(1 - np.minimum(rho, _RIM) ** 2)
    normal = np.dstack(np.broadcast_arrays(x, y, -height))
    shade = _lit(normal, stage.light)[..., None]
    colour = stage.paint(*rho.shape)
    bulge = np.clip(1 + 0.35 * rho**2, 1, 2)
    grid_y, grid_x = (
        np.asarray(len(at) / 2 + v * bulge * radius_px * 0.7, np.float32) for v in np.broadcast_arrays(y, x)
    )
    colour = cv2.remap(colour, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT) * shade
    gloss = np.clip(normal @ (stage.light + np.array([0, 0, -1])) / 1.8, 0, 1)[..., None] ** 60
    colour += (gloss * stage.random.choice([0, 0, 0.5, 2.0])).astype(np.float32)
    alpha = np.clip((1 - rho) * radius_px + 0.5, 0, 1).astype(np.float32)
    content = np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
    z = 1 / place.nearness
    metres = radius_px / (place.nearness * stage.focal_px)
    relief = (1 / (z - metres * height) - place.nearness).astype(np.float32)
    return [Layer(content, (rows + int(at[0]), columns + int(at[0])), (place.nearness, 0.0, 0.0), relief)]


def rod(stage: Stage, place: Place) -> list[Layer]:
    """Return a thin long thing that leads into the depth."""
    long = max(place.height, place.width) * stage.random.uniform(1.5, 3)
    thin = max(2.0, 0.06 * min(place.height, place.width))
    picture = stage.paint(max(8, thin), long)
    across = np.linspace(-1, 1, picture.shape[0])[:, None, None]
    picture *= np.sqrt(np.clip(1.05 - across**2, 0, 1)).astype(np.float32)
    axes = rotation(stage.random.uniform(-1.1, 1.1), 0.0, stage.random.uniform(-np.pi, np.pi))
    metres = 1 / (place.nearness * stage.focal_px) / 2
    made = face(stage, stage.point(place), axes[:, 0] * long * metres, axes[:, 1] * thin * metres, picture, None)
    return [] if made is None else [made]


def bumpy(stage: Stage, place: Place) -> list[Layer]:
    """Return a panel with hills or a bend, lit from the side so that they show."""
    made = card(stage, place, str(stage.random.choice(["rectangle", "ellipse", "blob"])), 0.6)
    return [relieved(stage, layer, place.nearness) for layer in made]


def relieved(stage: Stage, layer: Layer, nearness: float) -> Layer:
    """Return a flat layer with hills and a bend on it."""
    h, w = layer.content.shape[:2]
    hills = cv2.GaussianBlur(clouds(h, w, stage.random, 1.6), (0, 0), max(2.0, 0.05 * max(h, w))) - np.float32(0.5)
    y, x = np.linspace(-1, 1, h)[:, None], np.linspace(-1, 1, w)[None]
    turn = stage.random.uniform(0, np.pi)
    bend = np.cos(np.cos(turn) * x + np.sin(turn) * y) - 1
    size = nearness * max(h, w) / stage.focal_px
    relief = (
        size * nearness / nearness * (stage.random.uniform(0, 0.6) * hills + stage.random.uniform(-0.5, 0.5) * bend)
    )
    relief = relief.astype(np.float32)
    slope_y, slope_x = np.gradient(relief / np.float32(max(size, 1e-9)) * max(h, w))
    normal = np.dstack([slope_x, slope_y, -np.ones_like(relief)])
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    content = layer.content.copy()
    content[..., :3] *= _lit(normal, stage.light)[..., None].astype(np.float32)
    return Layer(content, layer.corner, layer.plane, relief)


def wall(stage: Stage, nearness: float, margin: int) -> Layer:
    """Return the background: a slanted wall without end."""
    h, w = (n + 2 * margin for n in stage.size)
    content = np.dstack([stage.paint(h, w), np.ones((h, w), np.float32)])
    if content.shape[:2] != (h, w):
        content = cv2.resize(content, (w, h))
    tilt = stage.random.uniform(-0.25, 0.25, 2) * nearness / max(stage.size)
    down, right = float(tilt[0]), float(tilt[1])
    a = nearness - down * (stage.size[0] - 1) / 2 - right * (stage.size[1] - 1) / 2
    return Layer(content, (-margin, -margin), (a, down, right), endless=True)


def ground(stage: Stage, horizon: float, far: float, near: float, margin: int) -> Layer:
    """Return a floor or desk: from nearness `far` at the row `horizon` to `near` at the bottom of the picture."""
    top = round(horizon)
    h, w = stage.size[0] + margin - top, stage.size[1] + 2 * margin
    down = (near - far) / (stage.size[0] - horizon)
    right = float(stage.random.uniform(-0.1, 0.1)) * (near - far) / stage.size[1]
    # Texture seen in perspective: rows of the picture look up rows of the floor at 1/nearness.
    q = far + down * np.arange(h)
    along = (1 / far - 1 / np.maximum(q, far)) / (1 / far - 1 / max(q[-1], far * 1.01))
    side = 512
    flat = stage.paint(side, side)
    x = (np.arange(w) - w / 2)[None] / q[:, None] * near * side / w * 0.8 + side / 2
    y = np.broadcast_to((along * (side - 1))[:, None], x.shape)
    colour = cv2.remap(
        flat, x.astype(np.float32), np.ascontiguousarray(y, np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    a = far - down * top - right * (stage.size[1] - 1) / 2
    return Layer(np.dstack([colour, np.ones((h, w), np.float32)]), (top, -margin), (a, down, right))

"""Depth to a 3D surface: PLY, GLB and STL, at true scale wherever lens or stage tell it.

Coordinates are those of the camera: x right, y up, z towards the camera, which looks along -z. Triangles run
counter-clockwise seen from the camera, so the surface faces it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth._version import __version__
from focaldepth.core.axis import Unit
from focaldepth.core.errors import MissingExtraError, UnitError, UnknownNameError
from focaldepth.core.optics import LensModel
from focaldepth.core.result import DepthMap, DepthResult, Mask
from focaldepth.report._views import scale_for
from focaldepth.report.colour import Picture, nearer_is_smaller, robust_range
from focaldepth.report.pictures import for_screen

FORMATS = ("ply", "glb", "stl")
FACING = "x right, y up, z towards the camera; triangles counter-clockwise seen from the camera"
MAX_TRIANGLES = 1_500_000
_RELIEF = 0.3
_TEXTURE_SIDE = 4096
_SMALL_PIECE = 0.005
_TOO_FAR = 3.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Projection:
    """Where pixels lie in space.

    Attributes:
        unit: "metre", or "none" for a relative scale.
        rule: how x, y and z were made, in words.
        z: (h, w) distance from the camera along its axis in `unit`; NaN where not valid.
        x_per_pixel: (h, w) or one number: size of a pixel of the result at its depth, in `unit`.
    """

    unit: str
    rule: str
    z: NDArray[np.float64]
    x_per_pixel: NDArray[np.float64] | float


@dataclass(frozen=True)
class Surface:
    """A triangle surface.

    Attributes:
        vertices: (V, 3) float32 in `unit`, finite.
        faces: (F, 3) int32.
        colours: (V, 3) uint8 RGB.
        uv: (V, 2) float32 place in the picture, from its lower left corner.
        unit: "metre", or "none" for a relative scale.
        rule: how coordinates were made.
        step: every step-th pixel became a vertex.
        left_out: reason -> how many points with depth are no vertex: "too far", "loose".
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    colours: NDArray[np.uint8]
    uv: NDArray[np.float32]
    unit: str
    rule: str
    step: int
    left_out: dict[str, int]


def check_formats(formats: Iterable[str]) -> None:
    """Raise for a format that is unknown, or that needs a package which is not installed."""
    for name in formats:
        if name not in FORMATS:
            raise UnknownNameError("3D format", name, FORMATS, where="mesh")
        if name == "glb" and find_spec("trimesh") is None:
            raise MissingExtraError("3D format glb", "mesh")


def write_mesh(
    result: DepthResult,
    folder: str | PathLike[str],
    formats: Iterable[str] = FORMATS,
    *,
    max_triangles: int = MAX_TRIANGLES,
    jump: float = 0.03,
) -> list[Path]:
    """Write the surface of a result.

    Left out, and counted in `model.json`, is what would make the model useless: points seen through a lens whose
    error bar (two sigma) reaches infinity or that lie three times farther than 99 % of all, and loose pieces with
    less than 0.5 % of the triangles of the largest one.

    Args:
        result: whose valid pixels become the surface.
        folder: existing folder; files are named `model` with the unit where the format cannot hold it
            (`model.ply`, `model.glb`, `model_mm.stl`), or `model_unitless` for a relative scale.
        formats: of "ply" (unit in a comment), "glb" (metres, textured), "stl" (millimetres).
        max_triangles: pixels are skipped evenly until the surface has at most so many.
        jump: no triangle spans more than this share of the depth range (more where sigma is large).

    Returns:
        The files written; `model.json` says unit, rule and size, and is the only one when no surface could be made.
    """
    formats = tuple(dict.fromkeys(formats))
    check_formats(formats)
    folder = Path(folder)
    model = surface(result, max_triangles=max_triangles, jump=jump)
    written = []
    if len(model.faces):
        written = [_WRITERS[name](model, folder, result) for name in formats]
    else:
        _log.warning("%s: no 3D model, because no three neighbouring pixels carry depth.", result.info.name)
    sidecar = folder / "model.json"
    sidecar.write_text(json.dumps(_sidecar(model, written), indent=2) + "\n", encoding="utf-8")
    return [*written, sidecar]


def surface(result: DepthResult, *, max_triangles: int = MAX_TRIANGLES, jump: float = 0.03) -> Surface:
    """Return the surface through the valid pixels; see write_mesh."""
    height, width = result.map.shape
    step = max(1, int(np.ceil(np.sqrt(2 * height * width / max_triangles))))
    depth = _thinned(result.map, step)
    place = projection(result, depth)
    rows, cols = np.arange(0, height, step), np.arange(0, width, step)
    x = (cols[None, :] - (width - 1) / 2) * place.x_per_pixel
    y = -(rows[:, None] - (height - 1) / 2) * place.x_per_pixel
    points = np.stack(np.broadcast_arrays(x, y, -place.z), axis=-1).reshape(-1, 3)
    even = np.where(_bounded(result, depth, place), _even_coordinate(result, depth), np.nan)
    every = _faces(even, _reach(result, depth, even, max(jump, 4 * step / max(1, min(height, width)))))
    faces = _without_flakes(every, even.size)
    left_out = {
        "too far": int(np.count_nonzero(depth.valid & ~np.isfinite(even))),
        "loose": int(np.count_nonzero(np.isfinite(even)) - len(np.unique(faces))),
    }
    used = np.flatnonzero(np.bincount(faces.ravel(), minlength=depth.values.size))
    renamed = np.zeros(depth.values.size, np.int32)
    renamed[used] = np.arange(len(used), dtype=np.int32)
    row, col = np.divmod(used, len(cols))
    uv = np.column_stack([(cols[col] + 0.5) / width, 1 - (rows[row] + 0.5) / height])
    return Surface(
        points[used].astype(np.float32),
        renamed[faces],
        _colours(result, depth, step).reshape(-1, 3)[used],
        uv.astype(np.float32),
        place.unit,
        place.rule,
        step,
        left_out,
    )


def _thinned(depth: DepthMap, step: int) -> DepthMap:
    sigma = None if depth.sigma is None else depth.sigma[::step, ::step]
    return DepthMap(depth.values[::step, ::step], depth.unit, depth.valid[::step, ::step], sigma)


def projection(result: DepthResult, depth: DepthMap) -> Projection:
    """Return where the pixels of `depth` lie: perspective or parallel in metres, relative where a fact is missing."""
    optics = result.optics
    try:
        z = depth.to(Unit.METRE, optics).values.astype(np.float64)
    except UnitError:
        return _relative(result, depth, f"depth in {depth.unit} has no scale in metres")
    parallel = optics.model is not LensModel.THIN_LENS or depth.unit is Unit.MICROMETRE
    if parallel and optics.pixel_size_m is not None:
        return Projection("metre", "parallel projection with the pixel size in the scene", z, optics.pixel_size_m)
    if not parallel and optics.focal_length_m is not None and optics.pixel_pitch_m is not None:
        distance, why = _image_distance(result, optics.focal_length_m)
        rule = f"perspective projection, image distance {distance:.6g} m ({why})"
        return Projection("metre", rule, z, z * (optics.pixel_pitch_m / distance))
    missing = "pixel_size_m" if parallel else "focal_length_m or pixel_pitch_m"
    return _relative(result, depth, f"{missing} is unknown")


def _image_distance(result: DepthResult, focal: float) -> tuple[float, str]:
    """Return the distance of lens and sensor that belongs to the geometry of the result."""
    transforms = result.transforms
    if transforms is None or np.allclose(transforms, np.eye(3), atol=1e-9):
        return focal, "frames do not breathe: focal length"
    still = np.flatnonzero(np.isclose(transforms, np.eye(3), atol=1e-9).all(axis=(1, 2)))
    reference = int(still[0]) if len(still) else len(result.axis) // 2
    focus = float(result.axis.take([reference]).to(Unit.METRE, result.optics).values[0])
    if not focus > focal:
        return focal, "reference frame focused nearer than its focal length: focal length"
    return focal / (1 - focal / focus), f"thin lens, reference frame {reference} focused at {focus:.6g} m"


def _relative(result: DepthResult, depth: DepthMap, why: str) -> Projection:
    """Return a relief of width 1, near parts towards the viewer; the low end is taken as near where nobody knows.

    Metres through a lens become a relief of dioptres: far points stay in reach, and planes stay planes, because the
    reciprocal of the depth of a plane is linear in the pixels.
    """
    values = _even_coordinate(result, depth)
    low, high = robust_range(values) or (0.0, 1.0)
    relief = _RELIEF * (values - low) / ((high - low) or 1.0)
    near_high = _reciprocal(result) or nearer_is_smaller(depth.unit, result.axis) is False
    away = -relief if near_high else relief
    of = " of dioptres" if _reciprocal(result) else ""
    rule = f"relative scale, width 1, depth range{of} {_RELIEF:g}: {why}"
    return Projection("none", rule, away, 1.0 / result.map.shape[1])


def _even_coordinate(result: DepthResult, depth: DepthMap) -> NDArray[np.float64]:
    """Return depth where its error is even over the picture: dioptres for metres through a lens."""
    values = depth.values.astype(np.float64)
    return 1 / values if _reciprocal(result) else values


def _reciprocal(result: DepthResult) -> bool:
    return result.map.unit is Unit.METRE and result.optics.model is LensModel.THIN_LENS


def _bounded(result: DepthResult, depth: DepthMap, place: Projection) -> Mask:
    """Return the points (h, w) whose place is known well enough to be drawn at true scale."""
    through_lens = result.optics.model is LensModel.THIN_LENS and depth.unit in (Unit.METRE, Unit.DIOPTRE)
    limits = robust_range(place.z)
    if place.unit != "metre" or not through_lens or limits is None:
        return depth.valid
    with np.errstate(invalid="ignore"):
        kept: Mask = depth.valid & (place.z <= _TOO_FAR * limits[1])
        if depth.sigma is not None:
            share = depth.sigma * (1 / place.z if depth.unit is Unit.METRE else place.z)
            kept &= 2 * share < 1
    return kept


def _without_flakes(faces: NDArray[np.int32], points: int) -> NDArray[np.int32]:
    """Return the triangles (F, 3) of all pieces but the small loose ones."""
    if len(faces) == 0:
        return faces
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    start, end = faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel()
    joined = coo_array((np.ones(len(start), bool), (start, end)), shape=(points, points))
    piece = connected_components(joined, directed=False)[1][faces[:, 0]]
    size = np.bincount(piece)
    large: NDArray[np.int32] = faces[size[piece] >= _SMALL_PIECE * size.max()]
    return large


def _reach(result: DepthResult, depth: DepthMap, even: NDArray[np.float64], share: float) -> float:
    """Return the largest difference inside one triangle: a share of the range, or noise where that is larger."""
    low, high = robust_range(even) or (0.0, 1.0)
    noise = 0.0
    if depth.sigma is not None:
        middle = robust_range(depth.sigma * (even**2 if _reciprocal(result) else 1.0), (50.0, 50.0))
        noise = 4 * 2**0.5 * middle[0] if middle else 0.0
    return max(share * (high - low), noise, 1e-6 * max(abs(low), abs(high)), float(np.finfo(np.float32).tiny))


def _faces(depth: NDArray[np.float64], reach: float) -> NDArray[np.int32]:
    """Return the triangles (F, 3) of a grid (numbers of its points) that are valid and span at most `reach`."""
    index = np.arange(depth.size, dtype=np.int32).reshape(depth.shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    flat = depth.ravel()
    whole = np.isfinite(flat[b]) & np.isfinite(flat[c])
    splits = [((a, c, b), whole), ((b, c, d), whole), ((a, c, d), ~whole), ((a, d, b), ~whole)]
    return np.concatenate([_kept(flat, np.stack(corner, axis=-1)[mask], reach) for corner, mask in splits])


def _kept(flat: NDArray[np.float64], triangles: NDArray[np.int32], reach: float) -> NDArray[np.int32]:
    x, y, z = (flat[triangles[:, k]] for k in range(3))
    with np.errstate(invalid="ignore"):
        near: Mask = (abs(x - y) <= reach) & (abs(y - z) <= reach) & (abs(z - x) <= reach)
    return triangles[near]


def _colours(result: DepthResult, depth: DepthMap, step: int) -> Picture:
    if result.all_in_focus is None:
        return scale_for(result).paint(depth.values)
    part = result.all_in_focus[::step, ::step]
    return for_screen(part, max(part.shape))[0]


def _stem(model: Surface) -> str:
    return "model" if model.unit == "metre" else "model_unitless"


def _write_ply(model: Surface, folder: Path, result: DepthResult) -> Path:
    path = folder / f"{_stem(model)}.ply"
    unit = "metre" if model.unit == "metre" else "none, relative scale"
    header = (
        f"ply\nformat binary_little_endian 1.0\ncomment focaldepth {__version__}\ncomment unit {unit}\n"
        f"comment {FACING}\ncomment {model.rule}\nelement vertex {len(model.vertices)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        f"element face {len(model.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    points = np.empty(len(model.vertices), [("xyz", "<f4", 3), ("rgb", "u1", 3)])
    points["xyz"], points["rgb"] = model.vertices, model.colours
    faces = np.empty(len(model.faces), [("n", "u1"), ("corners", "<i4", 3)])
    faces["n"], faces["corners"] = 3, model.faces
    path.write_bytes(header.encode("ascii", "replace") + points.tobytes() + faces.tobytes())
    return path


def _write_stl(model: Surface, folder: Path, result: DepthResult) -> Path:
    metric = model.unit == "metre"
    path = folder / ("model_mm.stl" if metric else "model_unitless.stl")
    corners = (model.vertices * np.float32(1000 if metric else 1))[model.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    rows = np.zeros(len(corners), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("flags", "<u2")])
    rows["normal"], rows["corners"] = normal, corners
    title = f"focaldepth {__version__} unit {'mm' if metric else 'none'}".encode().ljust(80)
    path.write_bytes(title + np.uint32(len(rows)).tobytes() + rows.tobytes())
    return path


def _write_glb(model: Surface, folder: Path, result: DepthResult) -> Path:
    import trimesh

    path = folder / f"{_stem(model)}.glb"
    facts = {"unit": model.unit, "coordinates": FACING, "rule": model.rule}
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=_texture(result), metallicFactor=0.0, roughnessFactor=1.0
    )
    visual = trimesh.visual.TextureVisuals(uv=model.uv, material=material)
    shape = trimesh.Trimesh(model.vertices, model.faces, visual=visual, process=False, metadata=facts)
    path.write_bytes(trimesh.Scene({"surface": shape}).export(file_type="glb"))
    return path


def _texture(result: DepthResult) -> Any:
    """Return the all-in-focus picture (else coloured depth) as a Pillow picture that is stored as JPEG."""
    from PIL import Image

    picture = scale_for(result).paint(result.map.values) if result.all_in_focus is None else result.all_in_focus
    buffer = BytesIO()
    Image.fromarray(for_screen(picture, _TEXTURE_SIDE)[0]).save(buffer, "JPEG", quality=90)
    return Image.open(buffer)


_WRITERS = {"ply": _write_ply, "glb": _write_glb, "stl": _write_stl}


def _sidecar(model: Surface, written: list[Path]) -> dict[str, Any]:
    units = {p.name: "millimetre" if p.name == "model_mm.stl" else model.unit for p in written}
    low, high = (model.vertices.min(0), model.vertices.max(0)) if len(model.vertices) else (np.zeros(3), np.zeros(3))
    return {
        "format": 1,
        "focaldepth": __version__,
        "units": units,
        "coordinates": FACING,
        "rule": model.rule,
        "extents": [float(v) for v in high - low],
        "extents_unit": model.unit,
        "vertices": len(model.vertices),
        "triangles": len(model.faces),
        "pixel_step": model.step,
        "left_out": model.left_out,
    }

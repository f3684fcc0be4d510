"""Pictures written by other libraries than the ones that read them, where there is a choice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image


def _scene(shape: tuple[int, ...], dtype: Any = np.uint8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def _exif(tags: dict[int, Any]) -> Image.Exif:
    """EXIF of top tags (below 0x8000) and of camera tags (above)."""
    exif = Image.Exif()
    for tag, value in tags.items():
        if tag < 0x8000:
            exif[tag] = value
    exif._ifds[0x8769] = {t: v for t, v in tags.items() if t >= 0x8000}
    return exif


def _write(path: Path, array: np.ndarray, exif: dict[int, Any] | None = None, **options: Any) -> Path:
    suffix = path.suffix.lower()
    squeezed = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if suffix in (".tif", ".tiff"):
        photometric = "rgb" if array.ndim == 3 and array.shape[2] >= 3 else "minisblack"
        tags = [(t, "H" if t == 274 else "s", 0 if isinstance(v, str) else 1, v, True) for t, v in (exif or {}).items()]
        tifffile.imwrite(path, squeezed, **{"photometric": photometric, "extratags": tags, **options})
    elif array.dtype == np.uint16 or (suffix == ".bmp" and array.ndim == 3):
        order = [2, 1, 0, 3][: array.shape[2]] if squeezed.ndim == 3 else slice(None)
        assert cv2.imwrite(str(path), np.ascontiguousarray(squeezed[..., order]))
    else:
        extra = {"exif": _exif(exif)} if exif else {}
        Image.fromarray(squeezed).save(path, **extra, **options)
    return path


@pytest.fixture(scope="session")
def scene() -> Callable[..., np.ndarray]:
    """Random pixels of a shape and data type."""
    return _scene


@pytest.fixture(scope="session")
def write() -> Callable[..., Path]:
    """Write an array as a picture of the path's format."""
    return _write


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder of N frames; names and EXIF per frame."""

    def make(n: int = 4, suffix: str = ".png", names: list[str] | None = None, exif: Any = None, **kind: Any) -> Path:
        target = tmp_path / "stack"
        target.mkdir(exist_ok=True)
        shape, dtype = kind.get("shape", (12, 16, 3)), kind.get("dtype", np.uint8)
        for i in range(n):
            name = names[i] if names else f"img{i + 1}{suffix}"
            _write(target / name, _scene(shape, dtype, seed=i), exif(i) if exif else None)
        return target

    return make


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared sample data; its tests are skipped where it is missing."""
    default = Path(__file__).parents[4] / "shared"
    found = Path(os.environ.get("FOCALDEPTH_SHARED", default)) / "data"
    if not found.is_dir():
        pytest.skip(f"no sample data at {found}; set FOCALDEPTH_SHARED")
    return found

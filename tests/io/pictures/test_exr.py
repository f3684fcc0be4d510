"""OpenEXR without its library: what is read equals what the library wrote, and what it reads."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.errors import MissingExtraError, ReadError
from focaldepth.io._exr import read_plane
from focaldepth.io._exr_scanlines import read_channels

OWN = ("NO_COMPRESSION", "RLE_COMPRESSION", "ZIPS_COMPRESSION", "ZIP_COMPRESSION")


def write(path: Path, channels: dict[str, np.ndarray], packing: str = "ZIP_COMPRESSION", **header: object) -> Path:
    facts = {"compression": getattr(OpenEXR, packing), "type": OpenEXR.scanlineimage, **header}
    OpenEXR.File(facts, dict(channels)).write(str(path))  # it writes into the dictionary that it is given
    return path


@pytest.mark.parametrize("packing", OWN)
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.uint32])
@pytest.mark.parametrize("size", [(1, 1), (16, 7), (35, 50)])
@pytest.mark.parametrize("smooth", [True, False])
def test_every_value_comes_back(tmp_path: Path, packing: str, kind: type, size: tuple[int, int], smooth: bool) -> None:
    """Noise does not shrink and is stored as it is, a flat plane is packed."""
    plane = np.random.default_rng(0).integers(0, 2 if smooth else 60_000, size)
    plane = (plane * (0 if smooth else 1) + 3).astype(kind)
    path = write(tmp_path / "a.exr", {"Y": plane}, packing)
    found = read_channels(path)
    assert found is not None
    assert found["Y"].dtype == kind
    assert np.array_equal(found["Y"], plane)


def test_channels_of_different_types_lie_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    given_ = {"A": rng.random((20, 9)).astype(np.float16), "Z": rng.random((20, 9), np.float32)}
    found = read_channels(write(tmp_path / "a.exr", given_))
    assert found is not None
    assert all(np.array_equal(found[name], given_[name]) for name in given_)
    assert np.array_equal(read_plane(tmp_path / "a.exr"), given_["Z"])


def test_a_window_may_begin_anywhere(tmp_path: Path) -> None:
    plane = np.arange(12, dtype=np.float32).reshape(3, 4)
    window = (np.array([5, -7], np.int32), np.array([8, -5], np.int32))
    path = write(tmp_path / "a.exr", {"Y": plane}, dataWindow=window, displayWindow=window)
    assert np.array_equal(read_plane(path), plane)


def test_other_packings_take_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plane = np.random.default_rng(0).random((40, 30), np.float32)
    path = write(tmp_path / "a.exr", {"Y": plane}, "PIZ_COMPRESSION")
    assert read_channels(path) is None
    assert np.array_equal(read_plane(path), plane)
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'focaldepth\[exr\]'"):
        read_plane(path)
    assert read_plane(write_zip(tmp_path / "b.exr", plane)).shape == (40, 30)


def write_zip(path: Path, plane: np.ndarray) -> Path:
    return write(path, {"R": plane, "G": plane, "B": plane})


def test_whole_numbers_are_no_depth(tmp_path: Path) -> None:
    path = write(tmp_path / "a.exr", {"Y": np.ones((4, 4), np.uint32)})
    with pytest.raises(ReadError, match="its channel Y is uint32"):
        read_plane(path)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = write(tmp_path_factory.mktemp("exr") / "a.exr", {"Y": np.eye(30, dtype=np.float32)})
    return path.read_bytes()


@given(cut=st.floats(0, 0.999), seed=st.integers(0, 999))
def test_hostile_bytes_are_refused_or_read(
    good: bytes, tmp_path_factory: pytest.TempPathFactory, cut: float, seed: int
) -> None:
    """Never another error than ReadError."""
    rng = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("hostile") / "a.exr"
    damaged = bytearray(good)
    for at in rng.integers(0, len(good), 3):
        damaged[at] = int(rng.integers(256))
    for content in (good[: int(cut * len(good))], bytes(damaged)):
        path.write_bytes(content)
        with suppress(ReadError):
            assert read_plane(path).ndim == 2

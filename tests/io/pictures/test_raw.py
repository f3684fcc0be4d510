"""RAW through one fixed development; the files are small Bayer DNGs made here."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import tifffile

from focaldepth.core.errors import MissingExtraError, ReadError
from focaldepth.core.stack import Transfer
from focaldepth.io.load import load_stack
from focaldepth.io.readers.raw import READER

pytest.importorskip("rawpy", reason="extra raw not installed")
WHITE = 16383


def write_dng(path: Path, cfa: np.ndarray, neutral=(0.5, 1.0, 0.6), orientation: int = 1) -> Path:
    """An uncompressed RGGB DNG whose colour matrix is near unity."""
    matrix = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)
    tags = [
        (271, "s", 0, "Maker", True), (272, "s", 0, "Model", True), (274, "H", 1, orientation, True),
        (33421, "H", 2, (2, 2), True), (33422, "B", 4, b"\x00\x01\x01\x02", True),
        (50706, "B", 4, b"\x01\x04\x00\x00", True), (50707, "B", 4, b"\x01\x01\x00\x00", True),
        (50708, "s", 0, "Maker Model", True), (50714, "H", 1, 0, True), (50717, "H", 1, WHITE, True),
        (50721, "2i", 9, matrix, True), (50778, "H", 1, 21, True),
        (50728, "2I", 3, sum(((round(v * 1000), 1000) for v in neutral), ()), True),
    ]  # fmt: skip
    tifffile.imwrite(path, cfa, photometric="cfa", extratags=tags, metadata=None, subfiletype=0)
    return path


def bayer(level: int, shape=(40, 60)) -> np.ndarray:
    return np.random.default_rng(0).integers(level // 2, level, shape).astype(np.uint16)


def test_facts_and_linear_values(tmp_path) -> None:
    """A flat patch keeps its share of full scale: no brightening, no gamma."""
    path = write_dng(tmp_path / "a.dng", np.full((40, 60), 1000, np.uint16), neutral=(1, 1, 1))
    facts, frame = READER.facts(path), READER.read(path)
    assert facts.shape == frame.shape == (40, 60, 3)
    assert facts.dtype == frame.dtype == np.uint16
    assert facts.transfer is Transfer.LINEAR
    assert facts.exif is not None
    assert b"Maker" in facts.exif
    assert np.abs(frame.astype(float) - 1000 / WHITE * 65535).max() < 3


def test_gain_is_equal_over_frames(tmp_path) -> None:
    """R7: frames of other white balance and with a highlight of their own are developed like the reference frame."""
    cfa = bayer(2000)
    bright = cfa.copy()
    bright[:6, :6] = WHITE
    write_dng(tmp_path / "f1.dng", cfa)
    write_dng(tmp_path / "f2.dng", cfa, neutral=(0.3, 1.0, 0.9))
    write_dng(tmp_path / "f3.dng", bright)
    stack = load_stack(tmp_path)
    assert stack.transfer is Transfer.LINEAR
    assert stack.source.white == 65535
    first, second, third = (f.astype(int) for f in stack.frames())
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[12:, 12:], third[12:, 12:])
    alone = READER.read(tmp_path / "f1.dng").astype(int)
    assert np.abs(alone - first).max() > 100


def test_dark_scenes_do_not_clip(tmp_path) -> None:
    frame = READER.read(write_dng(tmp_path / "a.dng", bayer(300)))
    assert frame.max() < 0.2 * 65535


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, -1), (8, 1)])
def test_orientation(orientation, turns, tmp_path) -> None:
    upright = READER.read(write_dng(tmp_path / "a.dng", bayer(2000)))
    path = write_dng(tmp_path / "b.dng", bayer(2000), orientation=orientation)
    expected = np.rot90(upright, turns)
    assert READER.facts(path).shape == expected.shape
    np.testing.assert_array_equal(READER.read(path), expected)


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_previews(factor, tmp_path) -> None:
    path = write_dng(tmp_path / "a.dng", bayer(2000))
    assert READER.preview(path, factor).shape == (-(-40 // factor), -(-60 // factor), 3)


def test_a_limit_holds_for_raw_too(tmp_path) -> None:
    with pytest.raises(ReadError, match="more than the limit"):
        READER.read(write_dng(tmp_path / "a.dng", bayer(2000)), max_pixels=100)


def test_missing_extra_names_the_command(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rawpy", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'focaldepth\[raw\]'"):
        READER.read(write_dng(tmp_path / "a.dng", bayer(2000)))


@pytest.mark.parametrize("part", [0.5, 0.9])
def test_cut_raw_is_refused_on_reading(part, tmp_path) -> None:
    path = write_dng(tmp_path / "a.dng", bayer(2000))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(ReadError, match=r"a.dng: cannot be read as camera RAW \(Input/output error\).*leave it out"):
        READER.read(path)


def test_hostile_bytes(tmp_path) -> None:
    path = write_dng(tmp_path / "a.dng", bayer(2000))
    data, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        broken = bytearray(data)
        broken[int(rng.integers(0, 600))] ^= int(rng.integers(1, 256))
        path.write_bytes(broken)
        with contextlib.suppress(ReadError):
            assert READER.read(path, 10_000_000).shape[2] == 3

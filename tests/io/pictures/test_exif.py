"""EXIF: lens facts, focus distance from the sensor, and the block that goes on into results."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from focaldepth.io._exif import from_principal_plane, read_exif
from focaldepth.io.readers.jpeg import READER as JPEG
from focaldepth.io.readers.tiff import READER as TIFF

FOCAL, FNUMBER, DISTANCE, PLANE_X, PLANE_UNIT, PIXEL_X, PIXEL_Y, MAKER = (
    0x920A, 0x829D, 0x9206, 0xA20E, 0xA210, 0xA002, 0xA003, 0x927C,
)  # fmt: skip


def block(top: dict | None = None, **camera) -> bytes:
    exif = Image.Exif()
    for tag, value in (top or {}).items():
        exif[tag] = value
    exif._ifds[0x8769] = {globals()[k]: v for k, v in camera.items()}
    return exif.tobytes()


def test_lens_facts_with_their_origin() -> None:
    facts = read_exif(block(FOCAL=50.0, FNUMBER=2.8, PLANE_X=2000.0, PLANE_UNIT=3), 4000, "a.jpg")
    assert facts.optics.focal_length_m == pytest.approx(0.05)
    assert facts.optics.f_number == pytest.approx(2.8)
    assert facts.optics.pixel_pitch_m == pytest.approx(5e-6)
    assert facts.optics.origin["pixel_pitch_m"] == "EXIF FocalPlaneXResolution of a.jpg"


def test_pitch_follows_a_resized_picture() -> None:
    facts = read_exif(block(PLANE_X=2000.0, PLANE_UNIT=3, PIXEL_X=4000), 2000, "a.jpg")
    assert facts.optics.pixel_pitch_m == pytest.approx(10e-6)
    assert "scaled from 4000 to 2000 columns" in facts.optics.origin["pixel_pitch_m"]


@pytest.mark.parametrize("camera", [{"PLANE_X": 1.0}, {"PLANE_X": 0.0}, {"PLANE_X": 2000.0, "PLANE_UNIT": 9}, {}])
def test_impossible_pitch_stays_unknown(camera) -> None:
    assert read_exif(block(**camera), 100, "a.jpg").optics.pixel_pitch_m is None


def test_subject_distance_is_what_the_camera_counts() -> None:
    """From the sensor; the lens may be known from elsewhere, so it is moved to the principal plane later."""
    assert read_exif(block(FOCAL=50.0, DISTANCE=1.0), 100, "a").focus == ("EXIF SubjectDistance", 1.0)


@pytest.mark.parametrize(("value", "expected"), [(0.0, None), (IFDRational(4294967295, 1), math.inf)])
def test_unknown_and_infinite_subject_distance(value, expected) -> None:
    focus = read_exif(block(FOCAL=50.0, DISTANCE=value), 100, "a").focus
    assert (focus and focus[1]) == expected


@given(st.floats(0.001, 0.5), st.floats(1.0, 1e4))
def test_conversion_fulfils_the_thin_lens(f: float, ratio: float) -> None:
    """s + s' = D for every D that a lens can focus from its sensor."""
    total = 4 * f * ratio
    _, s = from_principal_plane(total, f)
    assert s >= 2 * f * (1 - 1e-9)
    assert s + 1 / (1 / f - 1 / s) == pytest.approx(total, rel=1e-6)


def test_without_focal_length_nothing_is_converted() -> None:
    text, distance = from_principal_plane(1.0, None)
    assert distance == 1.0
    assert "not converted: focal length unknown" in text


def test_closer_than_a_thin_lens_can_focus_is_left_alone() -> None:
    text, distance = from_principal_plane(0.19, 0.05)
    assert distance == 0.19
    assert "closer than a thin lens" in text


def test_reset_block_keeps_everything_else(tmp_path, scene, write) -> None:
    exif = {271: "Maker", 274: 6, FOCAL: 35.0, PIXEL_X: 40, PIXEL_Y: 20, MAKER: b"private bytes of the maker"}
    path = write(tmp_path / "a.jpg", scene((20, 40, 3)), exif=exif)
    facts = JPEG.facts(path)
    kept = Image.Exif()
    kept.load(facts.exif)
    camera = kept.get_ifd(0x8769)
    assert (kept[274], kept[271], camera[PIXEL_X], camera[PIXEL_Y]) == (1, "Maker", 20, 40)
    assert camera[MAKER] == b"private bytes of the maker"
    assert facts.maker_note


def test_tiff_exif_is_copied_without_structure(tmp_path, scene) -> None:
    exif = Image.Exif()
    exif[271], exif[274] = "Maker", 3
    exif._ifds[0x8769] = {FOCAL: 35.0, DISTANCE: 2.0}
    array = scene((8, 9, 3))
    Image.fromarray(array).save(tmp_path / "a.tif", exif=exif)
    facts = TIFF.facts(tmp_path / "a.tif")
    kept = Image.Exif()
    kept.load(facts.exif)
    assert kept[271] == "Maker"
    assert not {256, 257, 273, 279} & set(kept)
    np.testing.assert_array_equal(TIFF.read(tmp_path / "a.tif"), array[::-1, ::-1])
    assert kept[274] == 1


@given(st.binary(max_size=200))
def test_broken_blocks_count_as_absent(data: bytes) -> None:
    read_exif(b"Exif\0\0" + data, 10, "a")
    read_exif(b"Exif\0\0II*\0\x08\0\0\0" + data, 10, "a")


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_flipped_blocks_never_raise(at: int, value: int) -> None:
    data = bytearray(block({271: "Maker", 274: 6}, FOCAL=50.0, DISTANCE=1.0, PLANE_X=2000.0, PIXEL_X=10, PIXEL_Y=5))
    data[6 + at % (len(data) - 6)] = value
    facts = read_exif(bytes(data), 10, "a")
    assert 1 <= facts.orientation <= 8

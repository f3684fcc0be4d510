"""The all-in-focus picture keeps bit depth, EXIF and ICC."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from focaldepth.core.errors import ReadError, SettingError
from focaldepth.io.picture import kind_of, picture_suffix, read_picture, read_tags, write_picture

CASES = [
    (".jpg", "u1"), (".png", "u1"), (".tiff", "u1"), (".png", "u2"), (".tiff", "u2"), (".tiff", "f4"),
]  # fmt: skip


def _frame(dtype: str, channels: int = 3) -> np.ndarray:
    y, x, c = np.mgrid[:40, :60, :channels].astype(np.float32)
    top = {"u1": 255, "u2": 65535, "f4": 1}[dtype]
    return ((0.5 + 0.4 * np.sin(x / 9 + c) * np.cos(y / 7)) * top).astype(dtype)


def _tags(block: bytes) -> dict[int, object]:
    exif = Image.Exif()
    exif.load(block)
    pointers = (0x8769, 0x8825, 0xA005)
    flat = {tag: value for tag, value in exif.items() if tag not in pointers}
    return flat | dict(exif.get_ifd(0x8769)) | {("gps", k): v for k, v in exif.get_ifd(0x8825).items()}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("suffix", "dtype"), CASES)
def test_pixels_come_back(suffix, dtype, channels, tmp_path):
    frame = _frame(dtype, channels)
    assert write_picture(tmp_path / f"a{suffix}", frame) == ()
    back = read_picture(tmp_path / f"a{suffix}")
    assert (back.dtype, back.shape) == (frame.dtype, frame.shape)
    if suffix == ".jpg":
        assert np.abs(back.astype(int) - frame).max() <= 6
    else:
        np.testing.assert_array_equal(back, frame)


@pytest.mark.parametrize(("suffix", "dtype"), CASES)
def test_exif_and_icc_are_kept_and_orientation_is_reset(suffix, dtype, exif, icc, tmp_path):
    path = tmp_path / f"a{suffix}"
    assert write_picture(path, _frame(dtype), exif=exif, icc=icc) == ()
    block, profile = read_tags(path)
    assert profile == icc
    assert block is not None
    before, after = _tags(exif), _tags(block)
    changed = {0x0112: 1, 0xA002: 60, 0xA003: 40}
    if suffix == ".tiff":
        del before[0x0112], changed[0x0112]
    assert after == before | changed


@pytest.mark.parametrize(("suffix", "dtype"), [(s, d) for s, d in CASES if d == "u1"])
def test_other_programs_see_the_tags(suffix, dtype, exif, icc, tmp_path):
    write_picture(tmp_path / f"a{suffix}", _frame(dtype), exif=exif, icc=icc)
    with Image.open(tmp_path / f"a{suffix}") as picture:
        assert picture.getexif()[0x010F] == "ACME"
        assert picture.getexif().get(0x0112, 1) == 1
        assert picture.getexif().get_ifd(0x8769)[0x8827] == 400
        assert picture.getexif().get_ifd(0x8825)[1] == "N"
        assert picture.info["icc_profile"] == icc


def test_tags_written_a_second_time_stay_the_same(exif, icc, tmp_path):
    blocks = []
    source = exif
    for name in ("a.tiff", "b.jpg", "c.png", "d.tiff"):
        write_picture(tmp_path / name, _frame("u1"), exif=source, icc=icc)
        block, _ = read_tags(tmp_path / name)
        assert block is not None
        blocks.append({k: v for k, v in _tags(block).items() if k != 0x0112})
        source = block
    assert all(tags == blocks[0] for tags in blocks)


def test_a_large_profile_takes_several_segments(tmp_path):
    profile = bytes(16) + b"RGB " + np.random.default_rng(0).bytes(200_000)
    write_picture(tmp_path / "a.jpg", _frame("u1"), icc=profile)
    assert read_tags(tmp_path / "a.jpg")[1] == profile
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.info["icc_profile"] == profile


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff"])
def test_no_tags_no_claims(suffix, tmp_path):
    write_picture(tmp_path / f"a{suffix}", _frame("u1"))
    assert read_tags(tmp_path / f"a{suffix}") == (None, None)


def test_what_cannot_be_kept_is_said(exif, icc, tmp_path):
    (said,) = write_picture(tmp_path / "a.png", _frame("u1", 1), icc=icc)
    assert "profile was left out: it is for RGB, the picture has 1 channel" in said
    (said,) = write_picture(tmp_path / "a.png", _frame("u1"), exif=b"rubbish")
    assert "EXIF was left out" in said
    (said,) = write_picture(tmp_path / "a.jpg", _frame("u1"), exif=exif + bytes(70_000))
    assert "a JPEG holds 65527" in said
    assert read_picture(tmp_path / "a.jpg").shape == (40, 60, 3)


@pytest.mark.parametrize(
    ("name", "frame", "message"),
    [
        ("a.bmp", _frame("u1"), "cannot write a picture as .bmp"),
        ("a", _frame("u1"), "cannot write a picture as nothing"),
        ("a.jpg", _frame("u2"), "cannot hold uint16. Write it as .tiff"),
        ("a.png", _frame("f4"), "cannot hold float32"),
        ("a.png", _frame("u1")[..., 0], "not a picture"),
        ("a.png", _frame("u1")[..., :2], "not a picture"),
    ],
)
def test_refusals(name, frame, message, tmp_path):
    with pytest.raises(SettingError, match=message):
        write_picture(tmp_path / name, frame)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tiff"])
def test_unreadable_pictures(name, tmp_path):
    with pytest.raises(ReadError, match="does not exist"):
        read_picture(tmp_path / name)
    for content in (b"", b"rubbish"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ReadError, match="not a readable"):
            read_picture(tmp_path / name)


@pytest.mark.parametrize(
    ("dtype", "kind", "suffix"),
    [
        ("u1", "jpeg", ".jpg"), ("u1", "png", ".png"), ("u1", None, ".png"), ("u1", "tiff", ".tiff"),
        ("u2", "png", ".png"), ("u2", "tiff", ".tiff"), ("u2", "nef", ".tiff"), ("f4", "jpeg", ".tiff"),
    ],
)  # fmt: skip
def test_format_follows_the_input(dtype, kind, suffix):
    assert picture_suffix(_frame(dtype), kind) == suffix


def test_a_picture_too_wide_for_jpeg_becomes_png():
    assert picture_suffix(np.zeros((1, 70_000, 3), np.uint8), "jpeg") == ".png"


def test_kind_of():
    assert [kind_of(f) for f in ([], ["a.TIF"], ["b.nef"], ["c"])] == [None, "tiff", "nef", None]

"""Every bad input gives one clear message: what, where, what to do (issue 10, R4, R46)."""

from __future__ import annotations

import struct
import zipfile
import zlib

import numpy as np
import pytest

from focaldepth.core.errors import AxisError, FocalDepthError, ReadError, StackError, UnitError
from focaldepth.io import _archive
from focaldepth.io.load import load_stack


def test_empty_folder(tmp_path) -> None:
    with pytest.raises(StackError, match=r"no pictures found. The folder is empty."):
        load_stack(tmp_path)


def test_folder_without_pictures(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(StackError, match=r"no pictures found. Known formats: .*\.jpg"):
        load_stack(tmp_path)


def test_one_frame(folder) -> None:
    path = folder(1)
    for inputs in (path, path / "img1.png", [path / "img1.png"], str(path / "*.png")):
        with pytest.raises(StackError, match=r"at least 2 frames, found 1. Give a folder or several pictures"):
            load_stack(inputs)


def test_nothing_given() -> None:
    with pytest.raises(StackError, match=r"no files given. Give a folder"):
        load_stack([])


def test_missing_path_suggests_the_nearest(folder) -> None:
    path = folder(2)
    with pytest.raises(ReadError, match=r"does not exist. Did you mean .*stack\?"):
        load_stack(path.parent / "stak")
    with pytest.raises(ReadError, match=r"img7.png: does not exist"):
        load_stack([path / "img1.png", path / "img7.png"])
    with pytest.raises(StackError, match="no picture fits this pattern"):
        load_stack(str(path / "*.jpg"))


def test_unknown_format_and_odd_lists(folder, tmp_path) -> None:
    path = folder(2)
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(ReadError, match=r"a.txt: is of no known format. Known: .*\.tiff"):
        load_stack(tmp_path / "a.txt")
    with pytest.raises(ReadError, match=r"a.txt: is no picture of a known format"):
        load_stack([path / "img1.png", tmp_path / "a.txt"])
    with pytest.raises(StackError, match="is a folder among pictures"):
        load_stack([path / "img1.png", path])
    with pytest.raises(StackError, match=r"img1.png: is given twice. Give every frame once"):
        load_stack([path / "img1.png", path / "img2.png", path / "img1.png"])


def test_mixed_sizes_name_the_file_and_both_sizes(folder, write, scene) -> None:
    path = folder(4)
    write(path / "img3.png", scene((10, 16, 3)))
    message = (
        r"img3.png: is 16 x 10 px, colour, 8 bit, but img1.png is 16 x 12 px, colour, 8 bit. Give frames of one size"
    )
    with pytest.raises(StackError, match=message):
        load_stack(path)


@pytest.mark.parametrize(
    ("shape", "dtype", "words"), [((12, 16, 3), np.uint16, "16 bit"), ((12, 16, 1), np.uint8, "grey")]
)
def test_mixed_depth_and_channels(shape, dtype, words, folder, write, scene) -> None:
    path = folder(3)
    write(path / "img2.png", scene(shape, dtype))
    with pytest.raises(StackError, match=rf"img2.png: is .*{words}.*but img1.png is.*one size and bit depth"):
        load_stack(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".bmp", ".webp"])
def test_truncated_file_in_the_middle(suffix, folder) -> None:
    path = folder(4, suffix=suffix, shape=(40, 50, 3))
    bad = path / f"img3{suffix}"
    bad.write_bytes(bad.read_bytes()[:-300])
    with pytest.raises(ReadError, match=rf"img3{suffix}: is truncated.*again, or leave it out"):
        load_stack(path)
    stack = load_stack(path, skip_bad_frames=True)
    assert len(stack) == 3
    assert "truncated" in stack.info.skipped[f"img3{suffix}"]
    assert any(f"Left out img3{suffix}" in w for w in stack.info.warnings)


def test_damage_that_only_decoding_shows_is_skipped(folder) -> None:
    path = folder(4, shape=(40, 50, 3))
    data = bytearray((path / "img2.png").read_bytes())
    at = data.index(b"IDAT") + 200
    data[at : at + 400] = bytes(400)
    (path / "img2.png").write_bytes(data)
    stack = load_stack(path, skip_bad_frames=True)
    assert list(stack.info.skipped) == ["img2.png"]
    with pytest.raises(ReadError, match=r"img2.png: .*leave it out"):
        load_stack(path).read_all()


def test_a_skipped_frame_takes_its_position_along(folder, write, scene) -> None:
    path = folder(4)
    (path / "img2.png").write_bytes(b"nothing")
    write(path / "img3.png", scene((3, 3, 3)))
    (path / "focus_m.txt").write_text("1\n2\n3\n4\n")
    stack = load_stack(path, skip_bad_frames=True)
    assert stack.axis.values.tolist() == [1, 4]
    assert set(stack.info.skipped) == {"img2.png", "img3.png"}
    assert "the others are 16 x 12 px" in stack.info.skipped["img3.png"]
    (path / "img4.png").write_bytes(b"nothing")
    with pytest.raises(StackError, match="found 1 after leaving out"):
        load_stack([path / f"img{i}.png" for i in (1, 2, 4)], skip_bad_frames=True)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_in_float_frames(value, folder, write, scene) -> None:
    path = folder(3, suffix=".tif", dtype=np.float32)
    broken = scene((12, 16, 3), np.float32)
    broken[2, 3, 1] = value
    write(path / "img2.tif", broken)
    with pytest.raises(
        ReadError, match=r"img2.tif: 1 values are NaN or infinite. Replace them, or leave the frame out"
    ):
        load_stack(path)
    assert list(load_stack(path, skip_bad_frames=True).info.skipped) == ["img2.tif"]


def test_constant_frames_warn(folder, write) -> None:
    path = folder(4)
    write(path / "img3.png", np.full((12, 16, 3), 7, np.uint8))
    assert any(w == "Constant frames without a picture: img3.png." for w in load_stack(path).info.warnings)
    for i in range(4):
        write(path / f"img{i + 1}.png", np.zeros((12, 16, 3), np.uint8))
    assert any("All frames are constant" in w for w in load_stack(path).info.warnings)


def test_a_constant_frame_in_a_large_stack_is_found_by_its_file_size(folder, write, monkeypatch) -> None:
    monkeypatch.setattr("focaldepth.io._checks._SMALL_STACK", 10)
    path = folder(4, shape=(30, 40, 3))
    write(path / "img3.png", np.full((30, 40, 3), 7, np.uint8))
    assert any("img3.png" in w for w in load_stack(path).info.warnings)


@pytest.mark.parametrize("shape", [(1, 50, 3), (50, 2, 1)])
def test_frames_too_small_to_measure(shape, folder) -> None:
    with pytest.raises(StackError, match=r"depth from focus needs at least 3 x 3.*Give the full pictures"):
        load_stack(folder(3, shape=shape))


def test_raw_and_jpeg_pairs(folder, write, scene) -> None:
    path = folder(2)
    for i in (1, 2):
        write(path / f"img{i}.jpg", scene((12, 16, 3)))
    with pytest.raises(
        StackError, match=r"every frame in 2 formats: .jpg, .png. Choose one with a pattern such as '\*.jpg'"
    ):
        load_stack(path)
    assert len(load_stack(str(path / "*.png"))) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "1\n2\n",
            r"focus_m.txt: 3 frames but 2 focus positions; the last one is on line 2. Give one focus position per",
        ),
        ("1\n2\n3\n4\n", "3 frames but 4 focus positions"),
        ("1\n2\n2\n", r"focus_m.txt line 3: frames 2 and 3 have the same focus position 2. Remove one"),
        ("# c\n1\nnan\n3\n", r"focus_m.txt line 3: focus position is nan. Give one finite number per frame"),
        ("1\n0\n3\n", r"focus_m.txt line 2: focus position 2 is 0, which no lens can focus at. Metres must be above 0"),
        ("1\n2\n-3\n", r"focus_m.txt line 3: focus position 3 is -3"),
        ("1\n-inf\n3\n", "line 2: focus position is -inf"),
        ("1\ninf\ninf\n", "line 3: frames 2 and 3 have the same focus position inf"),
    ],
)
def test_focus_positions_that_cannot_be(text, message, folder) -> None:
    path = folder(3)
    (path / "focus_m.txt").write_text(text)
    with pytest.raises(AxisError, match=message):
        load_stack(path)


@pytest.mark.parametrize(
    ("focus", "unit", "message"),
    [
        ("1,2", None, "--focus: 3 frames but 2 focus positions. Give one"),
        ("1:2:5", None, "3 frames but 5"),
        ("1,-2,3", "dioptre", "position 2 is -2, which no lens can focus at"),
        ("1,2,inf", "dioptre", "focus position is inf. Give one finite"),
        ("focus.csv", None, "neither a list of numbers nor a file. Give 0.1,0.2,0.3 or start:stop:count"),
        ("1:2:0", None, "asks for 0 positions"),
        ("1:2:x", None, "neither a list of numbers nor a file"),
        ("1,2,3", "parsec", "unknown unit 'parsec'. Known: .*mm"),
    ],
)
def test_arguments_that_cannot_be(focus, unit, message, folder) -> None:
    with pytest.raises((AxisError, ReadError, UnitError), match=message):
        load_stack(folder(3), focus=focus, focus_unit=unit)


def test_sidecars_that_name_other_files(folder) -> None:
    path = folder(3)
    (path / "focus.csv").write_text("file,focus_m\nimg1.png,1\nimg2.png,2\n")
    with pytest.raises(AxisError, match=r"focus.csv: gives no position for img3.png. Add a line"):
        load_stack(path)
    (path / "focus.csv").write_text("file,focus_m\nimg1.png,1\nimg2.png,2\nimg1.png,3\n")
    with pytest.raises(AxisError, match=r"focus.csv line 4: img1.png has two positions. Keep one"):
        load_stack(path)
    (path / "focus.csv").write_text("file,focus_m\nIMG1,1\nsub/img2.png,2\nimg3.png,3\ngone.png,4\n")
    stack = load_stack(path)
    assert stack.axis.values.tolist() == [1, 2, 3]
    assert any("names files that are not there: gone.png" in w for w in stack.info.warnings)


def test_bad_focal_length_file(folder) -> None:
    path = folder(2)
    (path / "focal_length.txt").write_text("long")
    with pytest.raises(ReadError, match=r"focal_length.txt: holds no focal length. Write one number in mm"):
        load_stack(path)


def test_a_bomb_in_the_middle(folder) -> None:
    path = folder(3)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 90_000, 90_000, 8, 2, 0, 0, 0))
    (path / "img2.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")
    )
    with pytest.raises(ReadError, match=r"img2.png: its header says 90000 x 90000 px, more than the limit of 500 meg"):
        load_stack(path)
    assert list(load_stack(path, skip_bad_frames=True).info.skipped) == ["img2.png"]
    with pytest.raises(ReadError, match=r"limit of 0.0001 megapixels"):
        load_stack(path, max_pixels=100)


def test_a_file_that_changes_after_opening(folder, write, scene) -> None:
    path = folder(3)
    stack = load_stack(path)
    write(path / "img2.png", scene((5, 5, 3)))
    with pytest.raises(ReadError, match=r"img2.png: changed since the stack was opened"):
        stack.source.read(1)


# Archives ---------------------------------------------------------------------------------------------------------


def make_zip(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "x/../../a.png", "..\\a.png", "C:\\a.png"])
def test_zip_that_points_outside(name, tmp_path) -> None:
    with pytest.raises(ReadError, match=r"points outside the archive. Pack the pictures again"):
        load_stack(make_zip(tmp_path / "a.zip", {name: b"x"}))


def test_zip_bombs(tmp_path, monkeypatch) -> None:
    path = make_zip(tmp_path / "a.zip", {f"{i}.png": b"x" for i in range(5)})
    monkeypatch.setattr(_archive, "MAX_MEMBERS", 4)
    with pytest.raises(ReadError, match="5 files, more than 4"):
        load_stack(path)
    path = make_zip(tmp_path / "b.zip", {"a.png": bytes(3 << 20)})
    monkeypatch.setattr(_archive, "MAX_MEMBER", 1 << 20)
    with pytest.raises(ReadError, match=r"b.zip/a.png: unpacks to"):
        load_stack(path)
    monkeypatch.setattr(_archive, "MAX_MEMBER", 1 << 30)
    monkeypatch.setattr(_archive, "MAX_RATIO", 100)
    with pytest.raises(ReadError, match="decompression bomb"):
        load_stack(path)
    monkeypatch.setattr(_archive, "MAX_UNPACKED", 1 << 20)
    with pytest.raises(ReadError, match="would unpack to"):
        load_stack(path)


def test_zip_without_one_stack(tmp_path) -> None:
    with pytest.raises(StackError, match="no pictures found"):
        load_stack(make_zip(tmp_path / "a.zip", {"a.txt": b"x"}))
    with pytest.raises(StackError, match=r"holds pictures in 2 folders: a, b. Pack one stack"):
        load_stack(make_zip(tmp_path / "b.zip", {"a/1.png": b"x", "b/1.png": b"x"}))
    (tmp_path / "c.zip").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ReadError, match="is not a readable zip archive"):
        load_stack(tmp_path / "c.zip")


def test_zip_with_a_lying_directory(folder, tmp_path) -> None:
    data = {f.name: f.read_bytes() for f in folder(3).iterdir()}
    path = make_zip(tmp_path / "a.zip", data)
    content = bytearray(path.read_bytes())
    content[100:400] = bytes(300)
    path.write_bytes(content)
    with pytest.raises(FocalDepthError, match=r"a.zip"):
        load_stack(path).read_all()

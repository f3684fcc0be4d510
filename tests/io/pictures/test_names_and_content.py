"""Folders as they are: names that lie, every frame twice, a file that is none of the frames."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from focaldepth.core.errors import ReadError, StackError
from focaldepth.io._content import kind_of_bytes
from focaldepth.io._kinds import check_names, strangers
from focaldepth.io.load import load_stack
from focaldepth.io.picture import read_tags


def renamed(folder: Path, old: str, new: str) -> Path:
    for path in sorted(folder.glob(f"*{old}")):
        path.rename(path.with_suffix(new))
    return folder


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp", ".jpg"])
@pytest.mark.parametrize("lie", [".jpg", ".png", ".tif"])
def test_content_goes_before_the_name(suffix, lie, folder) -> None:
    """A stack with wrong suffixes is the stack; said in one sentence."""
    path = folder(5, suffix=suffix)
    frames = load_stack(path).read_all()
    stack = load_stack(renamed(path, suffix, lie))
    assert (stack.read_all() == frames).all()
    notes = [w for w in stack.info.warnings if "whatever the name says" in w]
    assert len(notes) == (suffix != lie)
    assert not notes or notes[0].startswith(f"img1{lie}, img2{lie}, img3{lie} and 2 more: ")


def test_tags_of_a_misnamed_picture(tmp_path, scene, write) -> None:
    path = write(tmp_path / "a.jpg", scene((20, 30, 3)), exif={0x010F: "Maker"})
    before = read_tags(path)
    assert before[0]
    assert read_tags(path.rename(tmp_path / "a.png")) == before


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"\0\0\0\x18ftypheic", "a HEIC picture"),
        (b"\0\0\0\x20ftypavif", "an AVIF picture"),
        (b"GIF89a", "a GIF"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04", "a zip archive"),
        (b"8BPS\0\x01", "a Photoshop file"),
    ],
)  # fmt: skip
def test_other_content_is_named(start, what, folder) -> None:
    path = folder(3, suffix=".jpg")
    (path / "img2.jpg").write_bytes(start + bytes(99))
    with pytest.raises(ReadError, match=rf"img2.jpg: is {what}, whatever its name says. Export it as JPEG, PNG"):
        load_stack(path)
    assert list(load_stack(path, skip_bad_frames=True).info.skipped) == ["img2.jpg"]


def test_kinds() -> None:
    assert kind_of_bytes(b"RIFF\0\0\0\0WEBPVP8 ") == "webp"
    assert kind_of_bytes(b"MM\0+") == "tiff"
    assert kind_of_bytes(b"RIFF\0\0\0\0AVI ") == ""
    assert kind_of_bytes(b"") == ""


def test_a_link_into_nothing(folder) -> None:
    path = folder(3)
    (path / "img4.png").symlink_to("/mnt/card/img4.png")
    with pytest.raises(ReadError, match=r"img4.png: is a link to /mnt/card/img4.png, which does not exist"):
        load_stack(path)
    assert list(load_stack(path, skip_bad_frames=True).info.skipped) == ["img4.png"]


def test_cmyk(folder) -> None:
    path = folder(3, suffix=".jpg")
    Image.open(path / "img2.jpg").convert("CMYK").save(path / "img2.jpg")
    with pytest.raises(ReadError, match=r"img2.jpg: is a CMYK picture.* Save it as RGB, or leave it out"):
        load_stack(path)


def test_two_numbers_a_line_are_told_for_what_they_are(folder) -> None:
    path = folder(3)
    (path / "focus_m.txt").write_text("0,35\n0,40\n0,45\n")
    with pytest.raises(ValueError, match=r"3 frames but 6 focus positions.*write 0.35 for 0,35"):
        load_stack(path)


def test_some_raw_files_beside_the_pictures(folder) -> None:
    """Half of the pairs are enough: the others were deleted by hand."""
    path = folder(4, suffix=".jpg")
    for i in (1, 2, 4):
        (path / f"img{i}.nef").write_bytes(b"II*\0")
    with pytest.raises(StackError, match=r"holds 3 of 4 frames in 2 formats: .jpg, .nef. Choose .*'\*.jpg'"):
        load_stack(path)


@pytest.mark.parametrize(
    ("template", "values", "message"),
    [
        ("s_z{0:02d}_{1}.tif", ("DAPI", "GFP"), r"every frame in 2 kinds: s_z00_DAPI.tif, .*'s_z\*_DAPI.tif'"),
        ("{1}_{0}.tif", ("a", "b", "c"), r"every frame in 3 kinds.*'a_\*.tif'"),
        ("img_channel{1}_z{0:03d}.tif", ("000", "001"), r"2 values of 'channel': 000, 001.*'img_channel000_z\*.tif'"),
        ("f_t{1}_z{0}.tif", ("1", "2", "3"), r"3 values of 't': 1, 2, 3.*'f_t1_z\*.tif'"),
    ],
)
def test_every_frame_in_several_kinds(template, values, message) -> None:
    names = [template.format(i, v) for i in range(4) for v in values]
    with pytest.raises(StackError, match=message):
        check_names([Path(n) for n in names], "folder")


@pytest.mark.parametrize(
    "names",
    [
        ["img_channel000_z000.tif", "img_channel000_z001.tif"],
        ["20240511_120301.jpg", "20240511_120302.jpg", "20240512_000001.jpg"],
        ["z1_0.tif", "z1_5.tif", "z2_0.tif", "z2_5.tif"],
        ["near.png", "far.png"],
        ["a1.png", "b2.png", "c3.png"],
        ["img_t1_z1.tif", "img_t1_z2.tif", "img_t2_z3.tif", "img_t2_z4.tif"],
        ["IMG_1.jpg", "IMG_2.jpg", "IMG_3.nef", "IMG_2.nef", "IMG_4.jpg", "IMG_5.jpg"],
    ],
)
def test_names_that_are_one_stack(names) -> None:
    check_names([Path(n) for n in names], "folder")


def test_a_name_unlike_the_others_and_a_copy(folder) -> None:
    """The result of another program, and a second download."""
    path = folder(5)
    shutil.copy(path / "img3.png", path / "img3 (1).png")
    stack = load_stack(path)
    assert len(stack) == 6
    assert sum(w.startswith("img3 (1).png: its name is unlike") for w in stack.info.warnings) == 1
    assert "img3 (1).png: is a copy of img3.png. Take one of them out." in stack.info.warnings
    assert strangers(["near.png", "far.png", "middle.png"]) == []
    assert strangers([f"a{i}.png" for i in range(9)]) == []
    assert strangers([*(f"a{i}.png" for i in range(9)), *(f"b{i}.png" for i in range(9))]) == []


def test_many_copies_are_told_in_few_lines(folder) -> None:
    path = folder(6)
    for i in range(5):
        shutil.copy(path / "img1.png", path / f"img{10 + i}.png")
    for i in range(2, 7):
        shutil.copy(path / f"img{i}.png", path / f"img{20 + i}.png")
    told = [w for w in load_stack(path).info.warnings if "cop" in w]
    assert told[0] == "img10.png, img11.png, img12.png and 2 more: are copies of img1.png. Keep one of them."
    assert told[-1] == "3 more frames are copies of 3 others."
    assert len(told) == 4


def test_equal_sizes_are_no_copies(folder) -> None:
    """Uncompressed pictures all have one size."""
    assert not any("copy" in w for w in load_stack(folder(4, suffix=".bmp")).info.warnings)


def test_formats_of_elsewhere(tmp_path) -> None:
    (tmp_path / "a.HEIC").write_bytes(b"x")
    with pytest.raises(StackError, match=r"no pictures found. .heic files cannot be read: export them as JPEG"):
        load_stack(tmp_path)
    (tmp_path / "m.czi").write_bytes(b"x")
    with pytest.raises(ReadError, match=r"m.czi: is of no known format. .czi files .* as OME-TIFF"):
        load_stack(tmp_path / "m.czi")


def test_pictures_of_several_folders_of_a_card(folder) -> None:
    path = folder(4)
    for name, numbers in (("100NIKON", (1, 2)), ("101NIKON", (3, 4))):
        (path / name).mkdir()
        for i in numbers:
            (path / f"img{i}.png").rename(path / name / f"img{i}.png")
    with pytest.raises(StackError, match=r"Sub-folders hold some: give .*100NIKON or .*all by a pattern such as"):
        load_stack(path)
    assert len(load_stack(str(path / "*" / "*"))) == 4

"""Every picture reader answers the same questions; the formats' own corners come after."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from focaldepth.core.errors import ReadError
from focaldepth.core.stack import Transfer, reduce_frame
from focaldepth.io._archive import ZipMember
from focaldepth.io._reader import READERS, PictureReader

SUFFIX = {"bmp": ".bmp", "jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp"}
LOSSLESS = [
    *(("png", shape, t) for shape in ((9, 14, 1), (9, 14, 3), (9, 14, 4)) for t in (np.uint8, np.uint16)),
    *(("tiff", s, t) for s in ((9, 14, 1), (9, 14, 3)) for t in (np.uint8, np.uint16, np.float32)),
    ("bmp", (9, 14, 1), np.uint8),
    ("bmp", (9, 14, 3), np.uint8),
    ("webp", (9, 14, 3), np.uint8),
    ("webp", (9, 14, 4), np.uint8),
]


def reader(name: str) -> PictureReader:
    found = READERS.get(name)
    assert isinstance(found, PictureReader)
    return found


def picture_names() -> list[str]:
    return [n for n in READERS.names() if isinstance(READERS.get(n), PictureReader)]


@pytest.mark.parametrize("name", picture_names())
def test_every_picture_reader_states_its_facts(name: str) -> None:
    found = reader(name)
    assert found.title
    assert found.suffixes
    assert all(s.startswith(".") and s == s.lower() for s in found.suffixes)
    assert isinstance(found.extra, str)


@pytest.mark.parametrize("name", picture_names())
def test_a_file_of_another_kind_is_refused_by_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"notes{reader(name).suffixes[0]}"
    path.write_text("this is no picture at all, but long enough to hold a header of some kind")
    for call in (reader(name).facts, reader(name).read):
        with pytest.raises(ReadError, match=r"notes.*(again|leave it out)"):
            call(path)


@pytest.mark.parametrize("name", picture_names())
def test_an_empty_and_a_missing_file_are_refused(name: str, tmp_path: Path) -> None:
    empty = tmp_path / f"empty{reader(name).suffixes[0]}"
    empty.touch()
    with pytest.raises(ReadError, match="empty"):
        reader(name).read(empty)
    with pytest.raises(ReadError, match=r"does not exist. Check the path"):
        reader(name).read(tmp_path / f"gone{reader(name).suffixes[0]}")


@pytest.mark.parametrize(("name", "shape", "dtype"), LOSSLESS)
def test_lossless_formats_come_back_bit_equal(name, shape, dtype, tmp_path, scene, write) -> None:
    array = scene(shape, dtype)
    options = {"lossless": True, "exact": True} if name == "webp" else {}
    path = write(tmp_path / f"a{SUFFIX[name]}", array, **options)
    frame, facts = reader(name).read(path), reader(name).facts(path)
    expected = array[..., :3]
    np.testing.assert_array_equal(frame, expected)
    assert facts.shape == frame.shape == expected.shape
    assert facts.dtype == frame.dtype == dtype
    assert (
        facts.white == {"u": np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 0, "f": 1.0}[np.dtype(dtype).kind]
    )
    assert frame.flags.c_contiguous


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_pixels_equal_those_of_pillow(mode, tmp_path, scene) -> None:
    smooth = cv2.GaussianBlur(scene((40, 56, 3)), (0, 0), 3)
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth).convert(mode).save(path, quality=95)
    frame = reader("jpeg").read(path)
    other = np.asarray(Image.open(path))
    assert frame.shape == (40, 56, 1 if mode == "L" else 3)
    assert np.abs(frame.reshape(other.shape).astype(int) - other).max() <= 3


@pytest.mark.parametrize("name", sorted(SUFFIX))
@pytest.mark.parametrize("factor", [1, 2, 3, 4, 6, 8, 16])
def test_previews_have_the_promised_size_and_look(name, factor, tmp_path, scene, write) -> None:
    smooth = cv2.GaussianBlur(scene((45, 67, 3)), (0, 0), 6)
    path = write(tmp_path / f"a{SUFFIX[name]}", smooth)
    preview = reader(name).preview(path, factor)
    assert preview.shape == (-(-45 // factor), -(-67 // factor), 3)
    difference = preview.astype(int) - reduce_frame(reader(name).read(path), factor)
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize("name", ["jpeg", "png", "tiff", "webp"])
def test_eight_orientations_give_one_picture(name, tmp_path, scene, write) -> None:
    """R3: the stored pixels differ, the picture is the one that Pillow turns upright, and the kept block says so."""
    y, x = np.mgrid[:24, :40]
    upright = np.dstack([10 * y, 6 * x, 3 * (x + y)]).astype(np.uint8)
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # how to store an upright picture for each orientation
    for orientation in range(1, 9):
        image = Image.fromarray(upright)
        stored = image if orientation == 1 else image.transpose(Image.Transpose(turns[orientation]))
        path = write(
            tmp_path / f"o{orientation}{SUFFIX[name]}", np.asarray(stored), exif={274: orientation, 271: "Maker"}
        )
        frame, facts = reader(name).read(path), reader(name).facts(path)
        assert facts.shape == frame.shape == upright.shape
        assert np.abs(frame.astype(int) - upright).mean() < 4
        assert reader(name).preview(path, 4).shape == (6, 10, 3)
        assert facts.exif is not None
        kept = Image.Exif()
        kept.load(facts.exif)
        assert kept.get(274, 1) == 1
        assert kept[271] == "Maker"
        if name == "png":
            np.testing.assert_array_equal(frame, np.asarray(ImageOps.exif_transpose(Image.open(path))))


@pytest.mark.parametrize("name", sorted(SUFFIX))
def test_a_picture_in_a_zip_is_the_same_picture(name, tmp_path, scene, write) -> None:
    import zipfile

    path = write(tmp_path / f"a{SUFFIX[name]}", scene((12, 15, 3)))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, f"inside/a{SUFFIX[name]}")
    member = ZipMember(tmp_path / "a.zip", f"inside/a{SUFFIX[name]}")
    np.testing.assert_array_equal(reader(name).read(member), reader(name).read(path))
    assert reader(name).facts(member).shape == (12, 15, 3)


@pytest.mark.parametrize("name", sorted(SUFFIX))
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_truncation_shows_in_the_header_check(name, part, tmp_path, scene, write) -> None:
    """No decoding is needed to find a file that was cut, and cutting is called truncation wherever it can be told."""
    path = write(tmp_path / f"cut{SUFFIX[name]}", scene((60, 80, 3)))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ReadError, match=r"cut.*(truncated|cannot be read).*again"):
        reader(name).facts(path)


def test_a_cut_jpeg_with_a_thumbnail_is_still_found(tmp_path, scene, write) -> None:
    """The thumbnail's own end marker stands before the picture data and must not count."""
    thumb = io.BytesIO()
    Image.fromarray(scene((8, 8, 3))).save(thumb, "JPEG")
    path = write(tmp_path / "a.jpg", scene((60, 80, 3)), exif={271: thumb.getvalue().decode("latin1")})
    data = path.read_bytes()
    path.write_bytes(data[:-400])
    with pytest.raises(ReadError, match="truncated"):
        reader("jpeg").read(path)


def test_bytes_behind_the_end_do_no_harm(tmp_path, scene, write) -> None:
    path = write(tmp_path / "a.jpg", scene((16, 16, 3)))
    before = reader("jpeg").read(path)
    path.write_bytes(path.read_bytes() + b"maker data" * 20_000)
    np.testing.assert_array_equal(reader("jpeg").read(path), before)


@pytest.mark.parametrize("name", ["jpeg", "png", "bmp", "webp"])
def test_a_bomb_is_refused_from_its_header(name, tmp_path, scene, write) -> None:
    path = write(tmp_path / f"bomb{SUFFIX[name]}", scene((30, 40, 3)))
    with pytest.raises(ReadError, match=r"bomb.*40 x 30 px, more than the limit of 0.001 megapixels.*--max-pixels"):
        reader(name).read(path, max_pixels=1000)
    with pytest.raises(ReadError, match="limit"):
        reader(name).preview(path, 2, max_pixels=1000)


def test_a_png_that_claims_gigapixels_is_refused(tmp_path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    with pytest.raises(ReadError, match="60000 x 60000 px, more than the limit of 500 megapixels"):
        reader("png").read(path)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "I;16"])
def test_png_modes(mode, tmp_path, scene) -> None:
    """Bilevel becomes 0 and 255, palettes colour, grey with alpha grey."""
    grey = scene((10, 12))
    image = Image.fromarray(scene((10, 12), np.uint16)) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    image.save(tmp_path / "a.png")
    frame, facts = reader("png").read(tmp_path / "a.png"), reader("png").facts(tmp_path / "a.png")
    assert frame.shape == facts.shape == (10, 12, 3 if mode == "P" else 1)
    expected = np.asarray(image.convert("RGB") if mode == "P" else image.convert("L") if mode != "I;16" else image)
    np.testing.assert_array_equal(frame, expected.reshape(frame.shape))


def test_png_keeps_profile_and_transfer(tmp_path, scene) -> None:
    Image.fromarray(scene((5, 5, 3))).save(tmp_path / "a.png", icc_profile=b"a profile")
    assert reader("png").facts(tmp_path / "a.png").icc == b"a profile"
    assert reader("png").facts(tmp_path / "a.png").transfer is Transfer.SRGB


@pytest.mark.parametrize("name", ["jpeg", "webp", "tiff"])
def test_profiles_are_kept(name, tmp_path, scene) -> None:
    path = tmp_path / f"a{SUFFIX[name]}"
    Image.fromarray(scene((5, 5, 3))).save(path, icc_profile=b"a profile" * 9000)
    assert reader(name).facts(path).icc == b"a profile" * 9000


@pytest.mark.parametrize("layout", ["big endian", "planar", "tiles", "zlib", "lzw", "zstd", "bigtiff", "predictor"])
def test_tiff_layouts(layout, tmp_path, scene) -> None:
    array = scene((33, 47, 3), np.uint16)
    options = {
        "big endian": {"byteorder": ">"},
        "planar": {"planarconfig": "separate"},
        "tiles": {"tile": (16, 16)},
        "bigtiff": {"bigtiff": True},
        "predictor": {"compression": "zlib", "predictor": True, "byteorder": ">"},
    }.get(layout, {"compression": layout})
    stored = np.moveaxis(array, -1, 0) if layout == "planar" else array
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **options)
    np.testing.assert_array_equal(reader("tiff").read(tmp_path / "a.tif"), array)


@pytest.mark.parametrize(("dtype", "same"), [(np.float64, np.float32), (np.float16, np.float32)])
def test_tiff_floats_become_float32(dtype, same, tmp_path, scene) -> None:
    array = scene((6, 7), dtype)
    tifffile.imwrite(tmp_path / "a.tif", array)
    np.testing.assert_array_equal(reader("tiff").read(tmp_path / "a.tif")[..., 0], array.astype(same))


def test_tiff_white_comes_from_the_bits_or_a_stated_full_scale(tmp_path, scene) -> None:
    twelve = scene((6, 7), np.uint16) >> 4
    tifffile.imwrite(tmp_path / "packed.tif", twelve, bitspersample=12)
    tifffile.imwrite(tmp_path / "stated.tif", twelve, extratags=[(281, "H", 1, 4095, True)])
    tifffile.imwrite(tmp_path / "brightest.tif", twelve, extratags=[(281, "H", 1, 3071, True)])
    assert reader("tiff").facts(tmp_path / "packed.tif").white == 4095
    assert reader("tiff").facts(tmp_path / "stated.tif").white == 4095
    assert reader("tiff").facts(tmp_path / "brightest.tif").white == 65535
    np.testing.assert_array_equal(reader("tiff").read(tmp_path / "packed.tif")[..., 0], twelve)


def test_tiff_alpha_white_is_zero_and_palette(tmp_path, scene) -> None:
    grey, colour = scene((6, 7)), scene((6, 7, 3))
    tifffile.imwrite(tmp_path / "a.tif", np.dstack([colour, grey]), photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(reader("tiff").read(tmp_path / "a.tif"), colour)
    tifffile.imwrite(tmp_path / "w.tif", grey, photometric="miniswhite")
    np.testing.assert_array_equal(reader("tiff").read(tmp_path / "w.tif")[..., 0], 255 - grey)
    table = np.stack([np.arange(256), np.arange(256)[::-1], np.full(256, 7)]).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "p.tif", grey, photometric="palette", colormap=table)
    np.testing.assert_array_equal(reader("tiff").read(tmp_path / "p.tif"), np.dstack([grey, 255 - grey, grey * 0 + 7]))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("cmyk", "CMYK.*Save it as RGB"),
        ("int32", "int32 pixels. Save it as 8- or 16-bit or float"),
        ("five", "holds 5 channels.*give a channel"),
        ("pages", "holds 3 pages: it is a stack by itself. Give this file alone"),
    ],
)
def test_tiff_that_is_no_grey_or_colour_picture(what, message, tmp_path, scene) -> None:
    path = tmp_path / "odd.tif"
    if what == "cmyk":
        tifffile.imwrite(path, scene((6, 7, 4)), photometric="separated")
    elif what == "int32":
        tifffile.imwrite(path, scene((6, 7)).astype(np.int32))
    elif what == "five":
        tifffile.imwrite(path, scene((6, 7, 5)), photometric="minisblack", planarconfig="contig")
    else:
        tifffile.imwrite(path, scene((3, 6, 7)), photometric="minisblack")
    with pytest.raises(ReadError, match=rf"odd.tif.*{message}"):
        reader("tiff").read(path)


def test_tiff_with_a_thumbnail_is_one_picture(tmp_path, scene) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        out.write(scene((12, 14)), metadata=None)
        out.write(scene((6, 7)), subfiletype=1, metadata=None)
    assert reader("tiff").facts(tmp_path / "a.tif").shape == (12, 14, 1)


def test_jpeg_of_print_is_refused(tmp_path, scene) -> None:
    Image.fromarray(scene((8, 8, 4)), "CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(ReadError, match=r"a.jpg: is a CMYK picture"):
        reader("jpeg").facts(tmp_path / "a.jpg")


def test_lossless_jpeg_is_refused(tmp_path, scene) -> None:
    (tmp_path / "a.jpg").write_bytes(imagecodecs.ljpeg_encode(scene((8, 8), np.uint16)))
    with pytest.raises(ReadError, match=r"bit or lossless JPEG"):
        reader("jpeg").facts(tmp_path / "a.jpg")


def test_progressive_jpeg(tmp_path, scene) -> None:
    Image.fromarray(scene((20, 30, 3))).save(tmp_path / "a.jpg", progressive=True)
    assert reader("jpeg").read(tmp_path / "a.jpg").shape == (20, 30, 3)


def test_animated_webp_is_refused(tmp_path, scene) -> None:
    frames = [Image.fromarray(scene((8, 8, 3), seed=i)) for i in range(3)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(ReadError, match="animation"):
        reader("webp").facts(tmp_path / "a.webp")


def test_grey_bmp_palette_in_any_order(tmp_path, scene) -> None:
    """A grey palette may run backwards; values are mapped through it."""
    image = Image.fromarray(scene((5, 6)), "P")
    image.putpalette([v for i in range(256) for v in (255 - i,) * 3])
    image.save(tmp_path / "a.bmp")
    frame = reader("bmp").read(tmp_path / "a.bmp")
    np.testing.assert_array_equal(frame[..., 0], np.asarray(image.convert("L")))

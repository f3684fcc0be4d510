"""One contract for every registered map format, and what each promises beyond it."""

from __future__ import annotations

import json
from zipfile import ZipFile

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import FocalDepthError, ReadError, UnitError
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.io._map_facts import sidecar_of
from focaldepth.io._writer import WRITERS, MapWriter, WriteContext

CONTEXT = WriteContext(
    Optics(pixel_size_m=3.25e-7), FocusAxis(np.arange(4) * 2.0, Unit.MICROMETRE), title="cells µ", created="2026-11-21"
)


@pytest.fixture(params=WRITERS.names())
def writer(request) -> MapWriter:
    found = WRITERS.get(request.param)
    if found.extra:
        pytest.importorskip({"exr": "OpenEXR"}[found.extra])
    return found


def _in(unit: Unit, depth: DepthMap) -> DepthMap:
    return DepthMap(depth.values, unit, depth.valid, depth.sigma)


@pytest.mark.parametrize("unit", list(Unit))
def test_round_trip_within_the_stated_error(writer, unit, depth, tmp_path):
    depth = _in(unit, depth)
    try:
        writer.check(unit, CONTEXT)
    except UnitError:
        with pytest.raises(UnitError):
            writer.write(tmp_path / "x", depth, CONTEXT)
        return
    files = writer.write(tmp_path / f"depth{writer.suffix}", depth, CONTEXT)
    assert sorted(files) == sorted(tmp_path.iterdir())
    back = writer.read(files[0]).to(unit)
    np.testing.assert_array_equal(back.valid, depth.valid)
    assert np.abs(back.values - depth.values)[depth.valid].max() <= writer.error(depth)
    assert writer.error(depth) < 1e-3


@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1)])
def test_odd_maps(writer, shape, valid, tmp_path):
    depth = DepthMap(np.full(shape, 2.5, np.float32), Unit.METRE, np.full(shape, valid))
    path = writer.write(tmp_path / f"depth{writer.suffix}", depth, CONTEXT)[0]
    back = writer.read(path)
    np.testing.assert_array_equal(back.valid, depth.valid)
    np.testing.assert_allclose(back.values, depth.values, atol=writer.error(depth))


@pytest.mark.parametrize("content", [None, b"", b"not this format at all, whatever it is" * 3])
def test_bad_files_name_themselves(writer, content, tmp_path):
    path = tmp_path / f"depth{writer.suffix}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReadError) as caught:
        writer.read(path, Unit.METRE)
    assert path.name in str(caught.value)
    assert caught.value.hint


def test_cut_off_files_are_refused(writer, depth, tmp_path):
    path = writer.write(tmp_path / f"depth{writer.suffix}", _in(Unit.METRE, depth), CONTEXT)[0]
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(FocalDepthError, match=path.name):
        writer.read(path)


def test_no_unit_is_never_guessed(depth, tmp_path):
    for name in ("pfm", "npy"):
        writer = WRITERS.get(name)
        path = writer.write(tmp_path / f"depth{writer.suffix}", depth, CONTEXT)[0]
        sidecar_of(path).unlink()
        with pytest.raises(ReadError, match="which unit"):
            writer.read(path)
        assert writer.read(path, Unit.DIOPTRE).unit is Unit.DIOPTRE


def test_broken_sidecar(depth, tmp_path):
    path = WRITERS.get("npy").write(tmp_path / "depth.npy", depth, CONTEXT)[0]
    for text in ("{", "[]"):
        sidecar_of(path).write_text(text)
        with pytest.raises(ReadError, match=r"npy.json: its facts are not"):
            WRITERS.get("npy").read(path)


def test_aliases():
    assert WRITERS.resolve("imagej") == "tiff"
    assert WRITERS.resolve("png") == "png16"


def test_tiff_opens_calibrated_in_imagej(depth, tmp_path):
    WRITERS.get("tiff").write(tmp_path / "d.tiff", depth, CONTEXT)
    with tifffile.TiffFile(tmp_path / "d.tiff") as tiff:
        page, facts = tiff.pages[0], tiff.imagej_metadata
        assert tiff.is_imagej
        assert (page.dtype, page.compression, page.is_contiguous) == (np.float32, 1, True)
        numerator, denominator = page.tags["XResolution"].value
        assert denominator / numerator == pytest.approx(0.325, rel=1e-6)
        assert page.tags["ResolutionUnit"].value == 1
        assert (facts["unit"], facts["vunit"], facts["spacing"], facts["images"]) == ("micron", "micron", 2, 1)
        assert page.description.isascii()
        ours = json.loads(facts["focaldepth"])
    assert ours["unit"] == "micrometre"
    assert (ours["scale"], ours["offset"], ours["invalid"]) == (1.0, 0.0, "NaN")
    assert ours["pixel_size_m"] == 3.25e-7


def test_tiff_without_pixel_size_claims_none(depth, tmp_path):
    axis = FocusAxis(np.array([0.0, 1.0, 5.0]), Unit.MICROMETRE)
    WRITERS.get("tiff").write(tmp_path / "d.tiff", depth, WriteContext(axis=axis))
    with tifffile.TiffFile(tmp_path / "d.tiff") as tiff:
        assert not {"unit", "spacing"} & tiff.imagej_metadata.keys()
        assert tiff.pages[0].tags["ResolutionUnit"].value == 1


def test_tiff_of_coarse_pixels_is_in_mm_and_uneven_steps_have_no_spacing(depth, tmp_path):
    axis = FocusAxis(np.array([0.0, 1.0, 5.0]), Unit.MICROMETRE)
    WRITERS.get("tiff").write(tmp_path / "d.tiff", depth, WriteContext(Optics(pixel_size_m=2e-4), axis))
    with tifffile.TiffFile(tmp_path / "d.tiff") as tiff:
        assert tiff.imagej_metadata["unit"] == "mm"
        assert "spacing" not in tiff.imagej_metadata


def test_pfm_layout_is_the_usual_one(tmp_path):
    cv2 = pytest.importorskip("cv2")
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    WRITERS.get("pfm").write(tmp_path / "d.pfm", DepthMap(values, Unit.METRE, np.ones((2, 3), bool)), CONTEXT)
    assert (tmp_path / "d.pfm").read_bytes().startswith(b"Pf\n3 2\n-1.0\n" + values[1].tobytes())
    other = cv2.imread(str(tmp_path / "d.pfm"), cv2.IMREAD_UNCHANGED)
    if other is not None:
        np.testing.assert_array_equal(other, values)


def test_pfm_of_other_byte_order(tmp_path):
    values = np.arange(6, dtype=">f4").reshape(2, 3)
    (tmp_path / "d.pfm").write_bytes(b"Pf\n3 2\n1.0\n" + values[::-1].tobytes())
    np.testing.assert_array_equal(WRITERS.get("pfm").read(tmp_path / "d.pfm", Unit.METRE).values, values)
    (tmp_path / "d.pfm").write_bytes(b"PF\n3 2\n1.0\n")
    with pytest.raises(ReadError, match="grey PFM"):
        WRITERS.get("pfm").read(tmp_path / "d.pfm", Unit.METRE)


def test_png16_needs_its_scale(depth, tmp_path):
    import cv2

    stored = np.ones((3, 4), np.uint16)
    path = tmp_path / "d.png"
    cv2.imwrite(str(path), stored)
    with pytest.raises(ReadError, match=r"scale and offset.*d\.png\.json"):
        WRITERS.get("png16").read(path, Unit.METRE)
    sidecar_of(path).write_text('{"scale": 0.5, "offset": 1.0, "unit": "metre"}')
    assert (WRITERS.get("png16").read(path).values == 1.5).all()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(-(2.0**100), 2.0**100, width=32) | st.just(float("nan")),
    )
)
def test_png16_scale_and_offset_hold_any_map(values, tmp_path):
    """Invalid stays invalid, valid stays valid, and the error is the stated one, for every map."""
    depth = DepthMap(values, Unit.METRE, np.isfinite(values))
    writer = WRITERS.get("png16")
    path, sidecar = writer.write(tmp_path / "d16.png", depth, CONTEXT)
    back = writer.read(path)
    np.testing.assert_array_equal(back.valid, depth.valid)
    assert json.loads(sidecar.read_text())["scale"] > 0
    if depth.valid.any():
        error = np.abs(back.values.astype(np.float64) - depth.values)[depth.valid].max()
        assert error <= writer.error(depth)


def test_gsf_header(depth, tmp_path):
    WRITERS.get("gsf").write(tmp_path / "d.gsf", depth, CONTEXT)
    raw = (tmp_path / "d.gsf").read_bytes()
    head = raw[: raw.index(b"\0")].decode()
    assert head.startswith("Gwyddion Simple Field 1.0\nXRes = 31\nYRes = 23\n")
    assert "ZUnits = m\n" in head
    assert "XYUnits = m\n" in head
    assert f"XReal = {31 * 3.25e-7}" in head
    assert (len(raw) - 4 * 31 * 23) % 4 == 0
    WRITERS.get("gsf").write(tmp_path / "d.gsf", depth, WriteContext())
    assert b"XYUnits = px" in (tmp_path / "d.gsf").read_bytes()


def test_x3p_holds_metres_and_its_checksums_fit(depth, tmp_path):
    import hashlib

    path = WRITERS.get("x3p").write(tmp_path / "d.x3p", depth, CONTEXT)[0]
    with ZipFile(path) as archive:
        document, data = archive.read("main.xml"), archive.read("bindata/data.bin")
        listed = archive.read("md5checksum.hex").decode().split()
    assert listed == [hashlib.md5(document).hexdigest(), "*main.xml"]
    assert hashlib.md5(data).hexdigest() in document.decode()
    stored = np.frombuffer(data, "<f4").reshape(depth.shape)
    np.testing.assert_allclose(stored * 1e6, depth.values, rtol=1e-6)
    for part in ("<SizeX>31</SizeX>", "<SizeY>23</SizeY>", "<Increment>3.25", "<AxisType>A</AxisType>", "ISO5436_2"):
        assert part in document.decode()


def test_x3p_refuses_what_is_no_surface():
    writer = WRITERS.get("x3p")
    with pytest.raises(UnitError, match=r"x3p holds heights in metres, not index.*--focus"):
        writer.check(Unit.INDEX, CONTEXT)
    with pytest.raises(UnitError, match="pixel_size_m"):
        writer.check(Unit.METRE, WriteContext())


def test_x3p_of_other_programs_and_damage(depth, tmp_path):
    path = WRITERS.get("x3p").write(tmp_path / "d.x3p", _in(Unit.METRE, depth), CONTEXT)[0]
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}

    def rewrite(**changed: bytes) -> None:
        with ZipFile(path, "w") as archive:
            for name, data in parts.items():
                archive.writestr(name, changed.get(name.rpartition("/")[2].partition(".")[0], data))

    rewrite(data=b"\0" * len(parts["bindata/data.bin"]))
    with pytest.raises(ReadError, match="checksum"):
        WRITERS.get("x3p").read(path)
    rewrite(main=b"<!DOCTYPE a>" + parts["main.xml"])
    with pytest.raises(ReadError, match="entities"):
        WRITERS.get("x3p").read(path)
    data = np.arange(23 * 31, dtype="<i2").tobytes()
    import hashlib

    text = parts["main.xml"].decode().replace("<DataType>F", "<DataType>I")
    old = hashlib.md5(parts["bindata/data.bin"]).hexdigest()
    text = text.replace(old, hashlib.md5(data).hexdigest()).replace("<Increment>1<", "<Increment>1e-6<")
    rewrite(main=text.encode(), data=data)
    assert WRITERS.get("x3p").read(path).values[0, 5] == pytest.approx(5e-6)


def test_exr_channel_and_attributes(depth, tmp_path):
    exr = pytest.importorskip("OpenEXR")
    for unit, channel in ((Unit.METRE, "Z"), (Unit.MICROMETRE, "Y")):
        WRITERS.get("exr").write(tmp_path / "d.exr", _in(unit, depth), CONTEXT)
        with exr.File(str(tmp_path / "d.exr")) as file:
            assert list(file.channels()) == [channel]
            assert file.channels()[channel].pixels.dtype == np.float32
            assert (file.header()["unit"], file.header()["invalid"]) == (str(unit), "NaN")

"""TIFF stacks: axes, z positions, pixel size, sets of files, sizes, damage."""

from __future__ import annotations

import re
import struct

import numpy as np
import pytest
import tifffile

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError, StackError
from focaldepth.core.optics import LensModel
from focaldepth.core.stack import Transfer
from focaldepth.io.load import load_stack
from focaldepth.io.readers._scale import metres_per
from focaldepth.io.readers._tiff_pages import oriented

from .conftest import make_frames, open_container, read_all, reader

Z = make_frames("uint16", False, 6, 20, 30)[..., 0]


def ome(path, data=Z, **metadata):
    tifffile.imwrite(path, data, ome=True, metadata={"axes": "ZYX", **metadata})
    return path


def opened(path, **options):
    return open_container("tiff-stack", path, **options)


def edited(path, *pairs):
    """Change the OME-XML of a file in place."""
    text = tifffile.tiffcomment(path)
    for old, new in pairs:
        text, count = re.subn(old, new, text)
        assert count, old
    tifffile.tiffcomment(path, text.encode())
    return path


class TestFocusPositions:
    def test_ome_without_z_is_unknown_never_one(self, tmp_path):
        container = opened(ome(tmp_path / "a.ome.tif"))
        assert container.axis is None
        assert container.optics.pixel_size_m is None

    def test_ome_step_makes_an_even_axis_and_microscope_optics(self, tmp_path):
        path = ome(
            tmp_path / "a.ome.tif", PhysicalSizeX=0.1, PhysicalSizeY=0.1, PhysicalSizeZ=700, PhysicalSizeZUnit="nm"
        )
        container = opened(path)
        np.testing.assert_allclose(container.axis.values, 0.7 * np.arange(6))
        assert container.axis.unit is Unit.MICROMETRE
        assert container.focus_origin == "OME PhysicalSizeZ"
        assert container.optics.model is LensModel.MICROSCOPE
        assert container.optics.pixel_size_m == pytest.approx(1e-7)

    @pytest.mark.parametrize("unit", ["pixel", "reference frame"])
    def test_ome_step_without_length_is_unknown(self, tmp_path, unit):
        assert opened(ome(tmp_path / "a.ome.tif", PhysicalSizeZ=1.0, PhysicalSizeZUnit=unit)).axis is None

    def test_ome_uneven_positions_are_kept(self, tmp_path):
        z = [0.0, 1.0, 2.5, 4.0, 7.0, 9.0]
        container = opened(
            ome(tmp_path / "a.ome.tif", PhysicalSizeZ=1.5, Plane={"PositionZ": z, "PositionZUnit": ["µm"] * 6})
        )
        np.testing.assert_allclose(container.axis.values, z)
        assert container.focus_origin == "OME PositionZ"
        assert not container.warnings

    def test_ome_positions_that_fall_are_kept(self, tmp_path):
        z = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
        container = opened(ome(tmp_path / "a.ome.tif", Plane={"PositionZ": z, "PositionZUnit": ["mm"] * 6}))
        np.testing.assert_allclose(container.axis.values, np.array(z) * 1000)

    @pytest.mark.parametrize(
        ("z", "why"),
        [
            ([3.0] * 6, "same for every plane"),
            ([0.0, 1.0, 2.0, 1.5, 3.0, 4.0], "change direction"),
            ([0.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0], "contradicts"),
            ([0.0, 1.0, float("nan"), 3.0, 4.0, 5.0], "not all are numbers"),
        ],
    )
    @pytest.mark.parametrize("step", [0.5, None])
    def test_ome_positions_that_cannot_be_true_fall_back_with_a_warning(self, tmp_path, z, why, step):
        if step is None and why == "contradicts":
            pytest.skip("nothing to contradict")
        size = {"PhysicalSizeZ": step} if step else {}
        container = opened(ome(tmp_path / "a.ome.tif", **size, Plane={"PositionZ": z, "PositionZUnit": ["µm"] * 6}))
        if step:
            np.testing.assert_allclose(container.axis.values, 0.5 * np.arange(6))
            assert container.focus_origin == "OME PhysicalSizeZ"
        else:
            assert container.axis is None
        assert any(why in w for w in container.warnings)

    def test_ome_positions_without_unit_need_a_step_that_agrees(self, tmp_path):
        for step, known in ((2.0, True), (None, False)):
            size = {"PhysicalSizeZ": step} if step else {}
            path = ome(tmp_path / f"{step}.ome.tif", **size, Plane={"PositionZ": [10.0 + 2 * i for i in range(6)]})
            if "PositionZUnit" in tifffile.tiffcomment(path):
                edited(path, (r" PositionZUnit=\"[^\"]*\"", ""))
            container = opened(path)
            assert (container.axis is not None) is known
            if known:
                assert container.axis.values[0] == pytest.approx(10)
            else:
                assert any("no unit of length" in w for w in container.warnings)

    def test_ome_numerical_aperture_and_significant_bits(self, tmp_path):
        path = ome(tmp_path / "a.ome.tif", data=Z >> 4, PhysicalSizeX=0.2, SignificantBits=12)
        edited(
            path,
            (r"<Image ", '<Instrument ID="Instrument:0"><Objective ID="O:0" LensNA="0.8"/></Instrument><Image '),
            (r"<Pixels ", '<ObjectiveSettings ID="O:0"/><Pixels '),
        )
        container = opened(path)
        assert container.optics.numerical_aperture == 0.8
        assert container.source.white == 4095

    @pytest.mark.parametrize(
        ("unit", "factor"), [("um", 1), (r"\u00B5m", 1), ("micron", 1), ("mm", 1e3), ("nm", 1e-3), ("inch", 25400)]
    )
    def test_imagej_spacing_and_unit(self, tmp_path, unit, factor):
        path = tmp_path / "a.tif"
        tifffile.imwrite(
            path, Z, imagej=True, resolution=(10, 10), metadata={"axes": "ZYX", "spacing": 0.5, "unit": unit}
        )
        container = opened(path)
        np.testing.assert_allclose(container.axis.values, 0.5 * factor * np.arange(6))
        assert container.focus_origin == "ImageJ spacing"
        assert container.optics.pixel_size_m == pytest.approx(0.1 * factor * 1e-6)

    @pytest.mark.parametrize("metadata", [{"spacing": 0.5, "unit": "pixel"}, {"spacing": 0.5}, {"unit": "um"}, {}])
    def test_imagej_without_length_is_unknown(self, tmp_path, metadata):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, Z, imagej=True, metadata={"axes": "ZYX", **metadata})
        assert opened(path).axis is None

    def test_lengths(self):
        assert metres_per("Microns") == metres_per("µm") == metres_per("μm") == 1e-6
        assert metres_per("pixels") is None
        assert metres_per(None) is None


class TestAxes:
    def test_one_channel_by_number_or_name(self, tmp_path):
        path = tmp_path / "a.ome.tif"
        data = Z.reshape(3, 2, 20, 30)
        tifffile.imwrite(path, data, ome=True, metadata={"axes": "ZCYX", "Channel": {"Name": ["DAPI", "GFP"]}})
        with pytest.raises(ReadError, match=r"2 channels: 0 'DAPI', 1 'GFP'.*--channel"):
            opened(path)
        np.testing.assert_array_equal(read_all(opened(path, channel="gfp"))[..., 0], data[:, 1])
        np.testing.assert_array_equal(read_all(opened(path, channel="0"))[..., 0], data[:, 0])
        with pytest.raises(ReadError, match=r"no channel 'mCherry'.*0 'DAPI'"):
            opened(path, channel="mCherry")

    def test_positions_of_the_chosen_channel_are_used(self, tmp_path):
        path = tmp_path / "a.ome.tif"
        z = [0.0, 0.3, 1.0, 1.3, 2.0, 2.3]
        tifffile.imwrite(
            path,
            Z.reshape(3, 2, 20, 30),
            ome=True,
            metadata={"axes": "ZCYX", "Plane": {"PositionZ": z, "PositionZUnit": ["µm"] * 6}},
        )
        np.testing.assert_allclose(opened(path, channel="1").axis.values, [0.3, 1.3, 2.3])

    def test_several_time_points_need_a_choice(self, tmp_path):
        path = tmp_path / "a.ome.tif"
        tifffile.imwrite(path, Z.reshape(2, 3, 20, 30), ome=True, metadata={"axes": "TZYX"})
        with pytest.raises(ReadError, match=r'2 time points.*--dataset "\[T=0\]"'):
            opened(path)
        np.testing.assert_array_equal(read_all(opened(path, dataset="[T=1]"))[..., 0], Z[3:])
        with pytest.raises(ReadError, match="no item 5"):
            opened(path, dataset="[T=5]")
        with pytest.raises(ReadError, match='Write "name"'):
            opened(path, dataset="[T=x]")

    def test_several_positions_need_a_choice(self, tmp_path):
        path = tmp_path / "a.ome.tif"
        with tifffile.TiffWriter(path, ome=True) as file:
            file.write(Z, metadata={"axes": "ZYX", "Name": "left"})
            file.write(Z[::-1], metadata={"axes": "ZYX", "Name": "right"})
        with pytest.raises(ReadError, match=r"2 stacks \(positions\).*'left'.*'right'"):
            opened(path)
        for name in ("right", "1"):
            np.testing.assert_array_equal(read_all(opened(path, dataset=name))[..., 0], Z[::-1])

    def test_time_alone_is_taken_as_the_frames_and_said(self, tmp_path):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, Z, imagej=True, metadata={"axes": "TYX", "spacing": 2.0, "unit": "um"})
        container = opened(path)
        assert len(container.source) == 6
        assert container.axis is None
        assert "time points are taken as the frames" in container.warnings[0]

    def test_axes_given_by_hand(self, tmp_path):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, Z.reshape(2, 3, 20, 30), photometric="minisblack")
        with pytest.raises(ReadError, match="--axes"):
            opened(path)
        np.testing.assert_array_equal(read_all(opened(path, axes="CZYX", channel="1"))[..., 0], Z[3:])
        with pytest.raises(ReadError, match="name 3 axes, the array has 4"):
            opened(path, axes="ZYX")

    def test_planar_rgb(self, tmp_path):
        path = tmp_path / "a.tif"
        frames = make_frames("uint8", True)
        tifffile.imwrite(path, frames.transpose(0, 3, 1, 2), photometric="rgb", planarconfig="separate")
        container = opened(path)
        np.testing.assert_array_equal(read_all(container), frames)
        assert container.transfer is Transfer.SRGB


class TestPages:
    def write(self, path, pages):
        with tifffile.TiffWriter(path) as file:
            for page, options in pages:
                file.write(page, contiguous=False, metadata=None, **options)
        return path

    def test_pages_are_frames_and_reduced_copies_are_not(self, tmp_path):
        pages = [(z, {}) for z in Z] + [(Z[0, ::2, ::2], {"subfiletype": 1})]
        path = self.write(tmp_path / "a.tif", pages)
        np.testing.assert_array_equal(read_all(opened(path))[..., 0], Z)

    def test_a_page_of_another_size_is_named(self, tmp_path):
        path = self.write(tmp_path / "a.tif", [(Z[0], {}), (Z[1], {}), (Z[0, ::2, ::2], {})])
        with pytest.raises(ReadError, match=r"a\.tif: page 3 is 15 x 10 px"):
            opened(path)

    def test_a_page_of_another_type_is_named(self, tmp_path):
        path = self.write(tmp_path / "a.tif", [(Z[0], {}), (Z[1].astype("uint8"), {})])
        with pytest.raises(ReadError, match="page 2 is"):
            opened(path)

    def test_a_picture_with_a_thumbnail_is_no_stack(self, tmp_path):
        for options in ({"subfiletype": 1}, {}):
            path = self.write(tmp_path / "a.tif", [(Z[0], {}), (Z[0, ::4, ::4], options)])
            assert not reader("tiff-stack").accepts(path)

    def test_frames_appended_one_by_one(self, tmp_path):
        path = tmp_path / "a.tif"
        for z in Z:
            tifffile.imwrite(path, z, append=True)
        np.testing.assert_array_equal(read_all(opened(path))[..., 0], Z)

    def test_inverse_grey_and_big_endian(self, tmp_path):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, Z, photometric="miniswhite", byteorder=">")
        np.testing.assert_array_equal(read_all(opened(path))[..., 0], 65535 - Z)

    def test_alpha_is_dropped(self, tmp_path):
        path = tmp_path / "a.tif"
        frames = np.concatenate([make_frames("uint8", True), make_frames("uint8", False)], axis=-1)
        tifffile.imwrite(path, frames, photometric="rgb", extrasamples=["unassalpha"])
        np.testing.assert_array_equal(read_all(opened(path)), frames[..., :3])

    def test_eight_orientations_give_one_picture(self, tmp_path):
        upright = make_frames("uint8", False, 2, 5, 7)
        undo = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
        for value in range(1, 9):
            stored = [oriented(f, undo[value])[..., 0] for f in upright]
            path = self.write(
                tmp_path / f"{value}.tif", [(s, {"extratags": [(274, 3, 1, value, False)]}) for s in stored]
            )
            np.testing.assert_array_equal(read_all(opened(path)), upright)

    def test_palette(self, tmp_path):
        table = np.random.default_rng(0).integers(0, 256, (3, 256)).astype("uint16") * 257
        index = make_frames("uint8", False, 3)[..., 0]
        path = self.write(tmp_path / "a.tif", [(i, {"photometric": "palette", "colormap": table}) for i in index])
        np.testing.assert_array_equal(read_all(opened(path)), (table >> 8).astype("uint8").T[index])

    def test_colours_nobody_can_look_at_are_refused(self, tmp_path):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, np.zeros((3, 8, 8, 4), "uint8"), photometric="separated")
        with pytest.raises(ReadError, match=r"SEPARATED.*Convert"):
            opened(path)

    def test_icc_profile_is_kept(self, tmp_path):
        path = self.write(tmp_path / "a.tif", [(z, {"iccprofile": b"profile" * 20}) for z in Z])
        assert opened(path).icc == b"profile" * 20


class TestSets:
    @pytest.fixture
    def files(self, tmp_path):
        """Three files of two planes each that make one OME set."""
        names = [f"set_{i}.ome.tif" for i in range(3)]
        ids = [f"urn:uuid:0000000{i}-0000-0000-0000-000000000000" for i in range(3)]
        data = "".join(
            f'<TiffData FirstZ="{2 * f + p}" IFD="{p}" PlaneCount="1">'
            f'<UUID FileName="{names[f]}">{ids[f]}</UUID></TiffData>'
            for f in range(3)
            for p in range(2)
        )
        planes = "".join(
            f'<Plane TheZ="{i}" TheC="0" TheT="0" PositionZ="{i * i}" PositionZUnit="µm"/>' for i in range(6)
        )
        for i, name in enumerate(names):
            xml = (
                '<?xml version="1.0" encoding="UTF-8"?>'
                f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{ids[i]}"><Image ID="Image:0">'
                '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="30" SizeY="20" SizeZ="6" SizeC="1" '
                f'SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{data}{planes}</Pixels></Image></OME>'
            )
            with tifffile.TiffWriter(tmp_path / name) as file:
                for p in range(2):
                    description = xml.encode() if p == 0 else None
                    file.write(
                        Z[2 * i + p], description=description, metadata=None, contiguous=False, compression="zlib"
                    )
        return [tmp_path / n for n in names]

    @pytest.mark.parametrize("given", [0, 2])
    def test_any_file_of_the_set_opens_it(self, files, given):
        container = opened(files[given])
        np.testing.assert_array_equal(read_all(container)[..., 0], Z)
        np.testing.assert_allclose(container.axis.values, np.arange(6) ** 2)

    def test_the_folder_of_a_set_is_one_stack(self, files):
        stack = load_stack(files[0].parent)
        np.testing.assert_array_equal(stack.read_all()[..., 0], Z)

    def test_a_missing_file_is_named(self, files):
        files[1].unlink()
        with pytest.raises(ReadError, match=r"frame 3 is missing: set_1\.ome\.tif of the set not found"):
            opened(files[0])

    def test_a_member_leads_to_the_file_with_the_description(self, tmp_path):
        ome(tmp_path / "master.ome.tif")
        xml = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
            '<BinaryOnly MetadataFile="{}" UUID="urn:uuid:1"/></OME>'
        )
        member = tmp_path / "member.ome.tif"
        tifffile.imwrite(member, Z[0], description=xml.format("master.ome.tif"), metadata=None)
        assert reader("tiff-stack").accepts(member)
        container = opened(member)
        np.testing.assert_array_equal(read_all(container)[..., 0], Z)
        assert "read from master.ome.tif" in container.warnings[-1]
        tifffile.imwrite(member, Z[0], description=xml.format("set.companion.ome"), metadata=None)
        with pytest.raises(ReadError, match=r"description is in set\.companion\.ome"):
            opened(member)


class TestDamage:
    @pytest.mark.parametrize("kind", ["plain", "pages", "ome", "imagej"])
    def test_truncated_in_the_middle(self, tmp_path, kind):
        path = tmp_path / "a.tif"
        if kind == "pages":
            with tifffile.TiffWriter(path) as file:
                for z in Z:
                    file.write(z, contiguous=False, metadata=None)
        else:
            tifffile.imwrite(path, Z, imagej=kind == "imagej", ome=kind == "ome", metadata={"axes": "ZYX"})
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(ReadError, match=r"a\.tif.*(truncated|damaged)"):
            opened(path)

    def test_a_header_that_claims_a_gigantic_frame(self, tmp_path):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, Z[:2], metadata=None)
        data = bytearray(path.read_bytes())
        with tifffile.TiffFile(path) as tif:
            places = [p.tags[code].valueoffset for p in tif.pages for code in (256, 257)]
        for place in places:
            data[place : place + 2] = struct.pack("<H", 60000)
        path.write_bytes(data)
        with pytest.raises(ReadError, match="60000 x 60000 px, more than 500 megapixels"):
            opened(path)

    def test_entities_in_the_description_are_refused(self, tmp_path):
        path = ome(tmp_path / "a.ome.tif")
        edited(path, (r"\?><OME", '?><!DOCTYPE b [<!ENTITY a "aaaa">]><OME'))
        with pytest.raises(ReadError, match="not plain"):
            opened(path)

    def test_a_description_that_is_no_xml_is_said(self, tmp_path):
        path = ome(tmp_path / "a.ome.tif", data=Z)
        edited(path, (r"<Pixels ", "<Pixels <"))
        container = opened(path)
        assert len(container.source) == 6
        assert "does not describe the pages" in container.warnings[0]


def test_two_fields_in_a_folder_are_two_stacks(tmp_path) -> None:
    """OME files that know nothing of each other are not taken for one set."""
    for name in ("field1.ome.tif", "field2.ome.tif"):
        ome(tmp_path / name)
    with pytest.raises(StackError, match=r"more than one stack: field1.ome.tif, field2.ome.tif. Give one of them"):
        load_stack(tmp_path)
    assert len(load_stack(tmp_path / "field2.ome.tif")) == len(Z)

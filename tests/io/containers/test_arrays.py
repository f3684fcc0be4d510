"""HDF5, zarr and npy: which array, which axes, focus positions beside it."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
import zarr

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError
from focaldepth.io.load import load_stack
from focaldepth.io.readers._layout import guess_axes

from .conftest import make_frames, open_container, read_all, reader

STACK = make_frames("uint8", True, 6, 20, 30)


def h5(path, **entries):
    with h5py.File(path, "w") as file:
        for name, value in entries.items():
            file[name] = value
    return path


class TestDataset:
    def test_several_candidates_are_listed(self, tmp_path):
        path = h5(tmp_path / "a.h5", left=STACK, right=STACK, disp=np.zeros((20, 30)))
        with pytest.raises(ReadError, match=r"several datasets.*--dataset.*left \(6, 20, 30, 3\) uint8, right"):
            open_container("hdf5", path)
        np.testing.assert_array_equal(read_all(open_container("hdf5", path, dataset="right")), STACK)

    def test_a_dataset_called_stack_wins(self, tmp_path):
        path = h5(tmp_path / "a.h5", **{"scan/stack": STACK, "scan/other": STACK[::-1]})
        assert open_container("hdf5", path).extra["dataset"] == "scan/stack"

    def test_wrong_names_and_files_without_a_stack(self, tmp_path):
        path = h5(tmp_path / "a.h5", picture=STACK[0, ..., 0], table=np.zeros((4, 5, 6), "int64"))
        with pytest.raises(ReadError, match=r"no dataset 'frames'.*picture \(20, 30\)"):
            open_container("hdf5", path, dataset="frames")
        with pytest.raises(ReadError, match="no dataset has 3 to 5 axes"):
            open_container("hdf5", path)
        h5(tmp_path / "empty.h5")
        with pytest.raises(ReadError, match="holds no dataset"):
            open_container("hdf5", tmp_path / "empty.h5")

    def test_one_item_of_a_set_of_stacks_with_its_focus(self, tmp_path):
        focus = np.linspace(-2.5, 2.5, 6)
        path = h5(
            tmp_path / "a.h5",
            stack_train=np.stack([STACK, 255 - STACK]),
            disp_train=np.zeros((2, 20, 30), "float32"),
            focus_position_disp=focus[None],
        )
        with pytest.raises(ReadError, match=r'2 stacks.*--dataset "stack_train\[B=0\]"'):
            open_container("hdf5", path, dataset="stack_train")
        container = open_container("hdf5", path, dataset="stack_train[1]")
        np.testing.assert_array_equal(read_all(container), 255 - STACK)
        np.testing.assert_allclose(container.axis.values, focus)
        assert container.axis.unit is Unit.DISPARITY_PX
        with pytest.raises(ReadError, match="no item 2"):
            open_container("hdf5", path, dataset="stack_train[2]")
        with pytest.raises(ReadError, match="needs an item"):
            open_container("hdf5", path, dataset="stack_train[1,1]")

    def test_a_set_of_one_needs_no_choice(self, tmp_path):
        path = h5(tmp_path / "a.h5", stack=STACK[None])
        for dataset in (None, "stack[0]", "stack[B=0]"):
            np.testing.assert_array_equal(read_all(open_container("hdf5", path, dataset=dataset)), STACK)

    def test_gigantic_frames_are_refused_unread(self, tmp_path):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("stack", (4, 60_000, 60_000), "u1", chunks=(1, 1000, 1000))
        with pytest.raises(ReadError, match="more than 500 megapixels"):
            open_container("hdf5", tmp_path / "a.h5")

    def test_pixels_in_other_files_are_refused(self, tmp_path):
        (tmp_path / "raw.bin").write_bytes(bytes(6 * 20 * 30))
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("stack", (6, 20, 30), "u1", external=[(str(tmp_path / "raw.bin"), 0, 3600)])
        with pytest.raises(ReadError, match="lies in other files"):
            open_container("hdf5", tmp_path / "a.h5")


class TestAxes:
    @pytest.mark.parametrize(
        ("shape", "axes"),
        [
            ((9, 20, 30), "ZYX"),
            ((9, 20, 30, 3), "ZYXC"),
            ((9, 20, 30, 1), "ZYXC"),
            ((9, 3, 20, 30), "ZCYX"),
            ((20, 30, 3), "YXC"),
            ((5, 9, 20, 30), "BZYX"),
            ((5, 9, 20, 30, 3), "BZYXC"),
            ((5, 9, 1, 20, 30), "BZCYX"),
        ],
    )
    def test_guess(self, tmp_path, shape, axes):
        assert guess_axes(shape, tmp_path) == axes

    def test_shapes_that_cannot_be_guessed(self, tmp_path):
        np.save(tmp_path / "a.npy", np.zeros((2, 2, 6, 20, 30), "uint8"))
        with pytest.raises(ReadError, match="--axes"):
            open_container("npy", tmp_path / "a.npy")
        assert len(open_container("npy", tmp_path / "a.npy", axes="TBNHW", dataset="[1,0]").source) == 6

    @pytest.mark.parametrize("axes", ["NHWC", "nhwc", "ZYXC"])
    def test_named_axes(self, tmp_path, axes):
        np.save(tmp_path / "a.npy", STACK)
        np.testing.assert_array_equal(read_all(open_container("npy", tmp_path / "a.npy", axes=axes)), STACK)

    def test_axes_in_any_order(self, tmp_path):
        np.save(tmp_path / "a.npy", np.asfortranarray(STACK.transpose(2, 3, 1, 0)))
        np.testing.assert_array_equal(read_all(open_container("npy", tmp_path / "a.npy", axes="WCHN")), STACK)

    @pytest.mark.parametrize("axes", ["NHW", "NHHC", "NHCC", "NABC"])
    def test_axes_that_make_no_sense(self, tmp_path, axes):
        np.save(tmp_path / "a.npy", STACK)
        with pytest.raises(ReadError, match="axes"):
            open_container("npy", tmp_path / "a.npy", axes=axes)

    def test_one_colour_of_three(self, tmp_path):
        np.save(tmp_path / "a.npy", STACK)
        for channel in ("1", "green"):
            back = read_all(open_container("npy", tmp_path / "a.npy", channel=channel))
            np.testing.assert_array_equal(back, STACK[..., 1:2])
        with pytest.raises(ReadError, match="no channel '7'"):
            open_container("npy", tmp_path / "a.npy", channel="7")

    def test_five_channels_need_a_choice(self, tmp_path):
        np.save(tmp_path / "a.npy", np.zeros((6, 20, 30, 5), "uint8"))
        with pytest.raises(ReadError, match="5 channels"):
            open_container("npy", tmp_path / "a.npy", axes="NHWC")

    def test_axes_from_an_attribute(self, tmp_path):
        path = h5(tmp_path / "a.h5", stack=STACK.transpose(1, 2, 3, 0))
        with h5py.File(path, "a") as file:
            file["stack"].attrs["axes"] = "YXCZ"
        np.testing.assert_array_equal(read_all(open_container("hdf5", path)), STACK)


class TestFocus:
    def test_positions_with_a_unit_attribute(self, tmp_path):
        path = h5(tmp_path / "a.h5", frames=STACK, focus_distance=np.arange(300.0, 306.0))
        with h5py.File(path, "a") as file:
            file["focus_distance"].attrs["unit"] = np.bytes_("mm")
        container = open_container("hdf5", path)
        np.testing.assert_allclose(container.axis.values, np.arange(0.3, 0.3055, 0.001))
        assert (container.axis.unit, container.focus_origin) == (Unit.METRE, "HDF5 focus_distance")

    def test_positions_in_an_attribute(self, tmp_path):
        path = h5(tmp_path / "a.h5", frames=STACK)
        with h5py.File(path, "a") as file:
            file["frames"].attrs["z_positions_mm"] = np.arange(6.0)
        container = open_container("hdf5", path)
        np.testing.assert_allclose(container.axis.values, 1000 * np.arange(6.0))
        assert container.axis.unit is Unit.MICROMETRE

    def test_positions_without_a_unit_are_not_used(self, tmp_path):
        container = open_container("hdf5", h5(tmp_path / "a.h5", frames=STACK, focus=np.arange(6.0)))
        assert container.axis is None
        assert "no unit" in container.warnings[0]

    def test_frames_are_sorted_by_their_positions(self, tmp_path):
        order = [3, 0, 5, 1, 4, 2]
        path = h5(tmp_path / "a.h5", frames=STACK[order], focus_dioptre=np.array(order) + 1.0)
        container = open_container("hdf5", path)
        np.testing.assert_array_equal(read_all(container), STACK)
        assert container.frame_names[0].endswith("frame 2")
        assert "have been sorted" in container.warnings[0]

    @pytest.mark.parametrize("values", [[1, 2, 2, 3, 4, 5], [1, 2, np.nan, 3, 4, 5], [-1, 1, 2, 3, 4, 5]])
    def test_impossible_positions_are_read_errors(self, tmp_path, values):
        path = h5(tmp_path / "a.h5", frames=STACK, focus_m=np.array(values, float))
        with pytest.raises(ReadError, match=r"a\.h5.*focus position"):
            open_container("hdf5", path)


class TestZarr:
    def ngff(self, path, *, version=2, unit="micrometer", scale=(1, 0.5, 0.1, 0.1), levels=2):
        data = make_frames("uint16", False, 12, 20, 30)[..., 0].reshape(2, 6, 20, 30)
        group = zarr.open_group(path, mode="w", zarr_format=version)
        for level in range(levels):
            group.create_array(str(level), data=data[..., :: 2**level, :: 2**level], chunks=(1, 1, 20, 30))
        space = [{"name": a, "type": "space", **({"unit": unit} if unit else {})} for a in "zyx"]
        scales = {
            "axes": [{"name": "c", "type": "channel"}, *space],
            "datasets": [
                {"path": str(i), "coordinateTransformations": [{"type": "scale", "scale": list(scale)}]}
                for i in range(levels)
            ],
        }
        facts = {"multiscales": [scales], "omero": {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}}
        group.attrs.update(facts if version == 2 else {"ome": {"version": "0.5", **facts}})
        return data

    @pytest.mark.parametrize("version", [2, 3])
    def test_ome_zarr(self, tmp_path, version):
        path = tmp_path / "a.ome.zarr"
        data = self.ngff(path, version=version)
        with pytest.raises(ReadError, match="0 'DAPI', 1 'GFP'"):
            open_container("zarr", path)
        container = open_container("zarr", path, channel="GFP")
        np.testing.assert_array_equal(read_all(container)[..., 0], data[1])
        np.testing.assert_allclose(container.axis.values, 0.5 * np.arange(6))
        assert container.optics.pixel_size_m == pytest.approx(1e-7)
        assert container.focus_origin == "OME-Zarr scale"

    def test_a_scale_without_a_unit_is_unknown(self, tmp_path):
        self.ngff(tmp_path / "a.zarr", unit=None, scale=(1, 1, 1, 1))
        container = open_container("zarr", tmp_path / "a.zarr", channel="0")
        assert container.axis is None
        assert container.optics.pixel_size_m is None

    def test_several_images_need_a_choice(self, tmp_path):
        data = self.ngff(tmp_path / "a.zarr/0")
        self.ngff(tmp_path / "a.zarr/1")
        zarr.open_group(tmp_path / "a.zarr", mode="a", zarr_format=2)
        with pytest.raises(ReadError, match="2 images: '0'"):
            open_container("zarr", tmp_path / "a.zarr", channel="0")
        back = read_all(open_container("zarr", tmp_path / "a.zarr", channel="0", dataset="1"))
        np.testing.assert_array_equal(back[..., 0], data[0])

    def test_absent_blocks_are_reported(self, tmp_path):
        array = zarr.create_array(tmp_path / "a.zarr", data=STACK, chunks=(1, 20, 30, 3), zarr_format=2)
        assert array.nchunks == 6
        (tmp_path / "a.zarr/2.0.0.0").unlink()
        assert "1 of 6 blocks are absent" in open_container("zarr", tmp_path / "a.zarr").warnings[0]

    def test_pickled_blocks_are_refused(self, tmp_path):
        zarr.create_array(tmp_path / "a.zarr", data=STACK, chunks=(1, 20, 30, 3), zarr_format=2)
        meta = tmp_path / "a.zarr/.zarray"
        meta.write_text(json.dumps(json.loads(meta.read_text()) | {"filters": [{"id": "pickle"}]}))
        with pytest.raises(ReadError, match="pickle"):
            open_container("zarr", tmp_path / "a.zarr")

    def test_gigantic_blocks_are_refused(self, tmp_path):
        zarr.create_array(tmp_path / "a.zarr", shape=(400, 20_000, 20_000), chunks=(400, 20_000, 20_000), dtype="u1")
        with pytest.raises(ReadError, match="one storage block"):
            open_container("zarr", tmp_path / "a.zarr")

    def test_a_zip_without_zarr_is_left_to_others(self, tmp_path):
        data = b"PK\x05\x06" + bytes(18)
        (tmp_path / "a.zarr.zip").write_bytes(data)
        assert not reader("zarr").accepts(tmp_path / "a.zarr.zip")
        with pytest.raises(ReadError, match=r"a\.zarr\.zip"):
            open_container("zarr", tmp_path / "a.zarr.zip")

    def test_a_folder_of_pictures_is_no_zarr(self, tmp_path):
        (tmp_path / "a.zarr").mkdir()
        assert not reader("zarr").accepts(tmp_path / "a.zarr")


class TestNpy:
    def test_pictures_and_tables_are_no_stacks(self, tmp_path):
        np.save(tmp_path / "a.npy", STACK[0, ..., 0])
        assert not reader("npy").accepts(tmp_path / "a.npy")

    def test_pickles_are_refused(self, tmp_path):
        np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
        with pytest.raises(ReadError, match=r"a\.npy: it holds Python objects. Only plain numbers are read"):
            open_container("npy", tmp_path / "a.npy")

    def test_a_header_that_claims_more_than_the_file_holds(self, tmp_path):
        np.save(tmp_path / "a.npy", STACK)
        data = (tmp_path / "a.npy").read_bytes().replace(b"(6, 20, 30, 3)", b"(9, 20, 30, 3)")
        (tmp_path / "a.npy").write_bytes(data)
        with pytest.raises(ReadError, match=r"a\.npy: array cannot be read"):
            open_container("npy", tmp_path / "a.npy")


@pytest.mark.parametrize(("shape", "letters"), [((40, 50, 6), "HWN"), ((40, 50, 6, 3), "HWNC")])
def test_frames_last_ask_for_axes(tmp_path, shape: tuple[int, ...], letters: str) -> None:
    """Rows must not be taken for frames in silence."""
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(shape, np.uint8))
    with pytest.raises(ReadError, match=rf"looks like {letters}, frames last. Say so with --axes {letters}"):
        load_stack(path)
    assert len(load_stack(path, axes=letters)) == 6


@pytest.mark.parametrize("kind", ["npz", "h5", "zarr"])
class TestUnitOfPositions:
    """Positions without a unit take the one that the caller says; stated units are kept and that is told."""

    def make(self, tmp_path, kind, positions, unit=None):
        entries = {"frames": STACK, "focus": np.array(positions, float)} | ({"focus_unit": unit} if unit else {})
        path = tmp_path / f"a.{kind}"
        if kind == "npz":
            np.savez(path, **entries)
        elif kind == "h5":
            with h5py.File(path, "w") as file:
                file["frames"], file["focus"] = STACK, entries["focus"]
                if unit:
                    file["focus"].attrs["unit"] = unit
        else:
            group = zarr.open_group(path, mode="w")
            group.create_array("frames", data=STACK)
            group.create_array("focus", data=entries["focus"], attributes={"unit": unit} if unit else {})
        return path

    def test_taken(self, tmp_path, kind):
        path = self.make(tmp_path, kind, [350, 400, 450, 500, 550, 600])
        bare = load_stack(path)
        assert bare.axis.unit is Unit.INDEX
        assert any("no unit and are not used; say which with --focus-unit" in w for w in bare.info.warnings)
        said = load_stack(path, focus_unit="mm")
        np.testing.assert_allclose(said.axis.values, np.linspace(0.35, 0.6, 6))
        assert said.info.focus_origin.endswith("focus, mm")
        assert not any("not used" in w for w in said.info.warnings)

    def test_stated(self, tmp_path, kind):
        path = self.make(tmp_path, kind, [1, 2, 3, 4, 5, 6], "dioptre")
        stack = load_stack(path, focus_unit="mm")
        assert stack.axis.unit is Unit.DIOPTRE
        assert next(w for w in stack.info.warnings if "focus unit" in w).startswith("The focus unit mm is not used: ")
        assert not any("focus unit" in w for w in load_stack(path, focus_unit="1/m").info.warnings)

    def test_relative(self, tmp_path, kind):
        path = self.make(tmp_path, kind, [6, 5, 4, 3, 1, 2], "relative")
        stack = load_stack(path)
        assert stack.axis.unit is Unit.INDEX
        assert stack.axis.values.tolist() == [0, 1, 2, 3, 4, 5]
        np.testing.assert_array_equal(stack.source.read(0), STACK[4])
        assert any("are relative: they order the frames" in w for w in stack.info.warnings)

"""4D Light Field benchmark: folders of views and the papers' HDF5."""

from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError, SettingError, StackError, UnitError
from focaldepth.datasets._dataset import dataset, write_fake, write_prepared

VIEWS = dataset("hci", form="views")
FILE = "HCI_FS_trainval.h5"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake(dataset("hci"), tmp_path_factory.mktemp("hci") / "mini")


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """One scene that may be damaged."""
    folder = tmp_path / "training" / "boxes"
    folder.mkdir(parents=True)
    for path in (root / "training" / "boxes").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_splits_of_the_papers(root: Path) -> None:
    found = {i.name: i.split for i in VIEWS.items(root)}
    assert found == {"tower": "train", "dots": "train", "boxes": "val", "bedroom": "test"}
    assert {i.name: i.split for i in dataset("hci").items(root)} == {
        "tower": "train",
        "dots": "train",
        "sideboard": "val",
    }
    axes = [dataset("hci").spec.axis, *(made.items(root)[0].open().stack.axis for made in (VIEWS, dataset("hci")))]
    assert all(axis.values == pytest.approx(np.linspace(-2.5, 2.5, 10)) for axis in axes if axis is not None)


def test_the_truth_is_signed_and_its_first_row_is_on_top(root: Path) -> None:
    sample = VIEWS.items(root, "val")[0].open()
    assert sample.truth is not None
    assert sample.truth.valid.all()
    assert (sample.truth.values[0] == -1.5).all()
    assert (sample.truth.values[1:] == 1).all()
    assert VIEWS.items(root, "test")[0].open().truth is None


def test_disparity_between_converging_cameras_is_never_taken_for_metres(root: Path) -> None:
    """Their law has an offset, which baseline x focal length alone does not tell."""
    sample = VIEWS.items(root, "val")[0].open()
    assert sample.truth is not None
    with pytest.raises(UnitError, match="disparity_scale_m_px"):
        sample.truth.to(Unit.METRE, sample.stack.optics)


def test_the_plane_is_sharp_at_its_disparity(root: Path) -> None:
    """Views of a plane of disparity 1 are rolled by whole pixels: focused there every view is the same picture."""
    made = dataset("hci", form="views", focus="-1,0,1")
    sample = made.items(root, "val")[0].open()
    frames = sample.stack.read_all() // 257
    assert np.abs(frames[2].astype(int) - sample.all_in_focus).max() <= 1  # cut to 8 bits
    assert np.abs(frames[0].astype(int) - sample.all_in_focus).max() > 30
    assert sample.stack.axis.near_to_far is False


def test_a_valid_mask_takes_pixels_out(copy: Path, tmp_path: Path) -> None:
    mask = np.full((16, 16), 255, np.uint8)
    mask[3, 4] = 0
    assert cv2.imwrite(str(copy / "valid_mask.png"), mask)
    (item,) = VIEWS.items(tmp_path)
    truth = item.open().truth
    assert truth is not None
    assert np.argwhere(~truth.valid).tolist() == [[3, 4]]


def test_names_in_bytes_with_paths_lose_both(root: Path) -> None:
    with h5py.File(root / FILE) as file:
        assert file["name_val"][0, 0] == b"full_data/sideboard"
    assert [i.name for i in dataset("hci").items(root, "val")] == ["sideboard"]


def test_the_file_tells_where_its_frames_are_focused(tmp_path: Path) -> None:
    """37 frames of an ablation have an axis of their own; without one the papers' is taken; names may lack."""
    with h5py.File(tmp_path / FILE, "w") as file:
        file["stack_val"] = np.zeros((2, 4, 8, 9, 3), np.float32)
        file["disp_val"] = np.array([np.full((8, 9), 2.0), np.full((8, 9), np.nan)])
        file["focus_position_disp"] = [[-1.0, 0, 1, 2]]
    items = dataset("hci").items(tmp_path)
    assert [i.name for i in items] == ["val_000", "val_001"]
    assert items[0].open().stack.axis.values.tolist() == [-1, 0, 1, 2]
    assert dataset("hci").check(tmp_path).problems == ("val_001: no pixel of the truth is known.",)
    with h5py.File(tmp_path / FILE, "a") as file:
        del file["focus_position_disp"]
    with pytest.raises(StackError, match="4 frames but 10 focus positions"):
        items = dataset("hci").items(tmp_path)[0].open()


def test_what_is_prepared_is_the_papers_file(root: Path, tmp_path: Path) -> None:
    out = write_prepared(dataset("hci"), root, tmp_path / "out")
    with h5py.File(out / FILE) as file:
        assert file["stack_train"].shape == (2, 10, 16, 16, 3)
        assert file["stack_train"].dtype == file["disp_val"].dtype == np.float32
        assert file["name_train"].asstr()[:].tolist() == [["stratified/dots"], ["additional/tower"]]  # last name first
        assert file["focus_position_disp"][:] == pytest.approx(np.linspace(-2.5, 2.5, 10)[None])
        assert file["syn_aperture_val"][:] == pytest.approx(np.array([[8 * 50 + 100 / 100]]))
    again = {i.name: i.open() for i in dataset("hci").items(out)}
    first = {i.name: i.open() for i in VIEWS.items(root) if i.split != "test"}
    assert set(again) == set(first)
    for name, sample in again.items():
        assert np.array_equal(sample.stack.read_all() * 257, first[name].stack.read_all())
        assert np.array_equal(sample.all_in_focus, first[name].all_in_focus)
        assert sample.truth is not None
        assert np.array_equal(sample.truth.values, first[name].truth.values)  # type: ignore[union-attr]


def test_absent_and_damaged_files_are_named(copy: Path, tmp_path: Path) -> None:
    (item,) = VIEWS.items(tmp_path)
    (copy / "input_Cam007.png").rename(tmp_path / "away.png")
    with pytest.raises(StackError, match="1 of 81 views are missing: input_Cam007"):
        item.open()
    (tmp_path / "away.png").rename(copy / "input_Cam007.png")
    whole = (copy / "gt_disp_lowres.pfm").read_bytes()
    (copy / "gt_disp_lowres.pfm").write_bytes(whole[:-10])
    with pytest.raises(ReadError, match=r"gt_disp_lowres.pfm: is a broken PFM"):
        item.open()
    (copy / "gt_disp_lowres.pfm").unlink()
    with pytest.raises(ReadError, match=r"gt_disp_lowres.pfm: not found"):
        item.open()
    with pytest.raises(ReadError, match=r"HCI_FS_trainval.h5 not found"):
        dataset("hci", form="h5").items(tmp_path)
    with pytest.raises(ReadError, match=r"additional/SCENE/input_Cam000.png"):
        VIEWS.items(tmp_path, "train")
    with pytest.raises(SettingError, match="at least two disparities"):
        dataset("hci", focus="1")

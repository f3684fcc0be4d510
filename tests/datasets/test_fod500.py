"""FoD500 and its re-rendering: five frames per depth, depth of any precision, what wraps around."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.sample import Sample
from focaldepth.datasets._dataset import dataset
from focaldepth.datasets.fod500 import wrap
from focaldepth.io._exr import read_plane, write_plane
from focaldepth.io.picture import write_picture


@pytest.fixture
def root(tmp_path: Path) -> Path:
    dataset("fod500").fake(tmp_path)
    return tmp_path


def first(root: Path, **settings: object) -> Sample:
    return dataset("fod500", **settings).items(root)[0].open()


def test_depth_is_metres_with_holes_and_far_walls(root: Path) -> None:
    sample = first(root)
    assert sample.truth is not None
    assert not sample.truth.valid[:4, :4].any()
    assert sample.truth.values[20, 30] == np.float16(2.2)
    assert sample.truth.values[10, 10] == 7
    assert sample.stack.axis.near_to_far is True
    assert sample.stack.axis.values.tolist() == [0.1, 0.15, 0.3, 0.7, 1.5]


def test_single_precision_is_read_as_such(root: Path) -> None:
    """The official reader takes four bytes for two numbers there."""
    path = root / "fs_6" / "000000Dpt.exr"
    half = read_plane(path)
    write_plane(path, half.astype(np.float32) + np.float32(1e-5), "RGB")
    truth = first(root).truth
    assert truth is not None
    assert truth.values[12, 12] == half[12, 12].astype(np.float32) + np.float32(1e-5)


def test_wrapping_is_asked_for(root: Path) -> None:
    truth = first(root, wrapped=True).truth
    assert truth is not None
    assert truth.values[10, 10] == pytest.approx(7 - 6.5536, abs=1e-4)
    assert truth.values[20, 30] == pytest.approx(2.2, abs=1e-3)
    assert not truth.valid[0, 0]


def test_wrapping_rounds_down() -> None:
    assert wrap(np.array([0.00019, np.inf], np.float32)) == pytest.approx([0.0001, 0])


def test_four_fifths_train(root: Path) -> None:
    made = dataset("fod500")
    assert [i.name for i in made.items(root, "train")] == ["000000", "000001", "000002", "000003"]
    assert [i.name for i in made.items(root / "fs_6", "test")] == ["000004"]


def test_folders_split_as_they_say(root: Path) -> None:
    folder = root / "fs_6"
    for part, numbers in (("train", (0, 3)), ("test", (1,))):
        (folder / part).mkdir()
        for file in [f for n in numbers for f in folder.glob(f"{n:06d}*")]:
            file.rename(folder / part / file.name)
    assert [(i.name, i.split) for i in dataset("fod500").items(root)] == [
        ("000000", "train"), ("000003", "train"), ("000001", "test"),
    ]  # fmt: skip


@pytest.mark.parametrize("lost", ["000002_03All.tif", "000001Dpt.exr"])
def test_a_missing_file_is_named(root: Path, lost: str) -> None:
    (root / "fs_6" / lost).unlink()
    with pytest.raises(ReadError, match=f"{lost}: is missing: stack"):
        dataset("fod500").items(root)


def test_a_sixth_frame_is_named(root: Path) -> None:
    shutil.copy(root / "fs_6" / "000001_04All.tif", root / "fs_6" / "000001_05All.tif")
    with pytest.raises(ReadError, match=r"000001_05All.tif: is a frame too many: stack 000001 has 6, expected 5"):
        dataset("fod500").items(root)


def test_copies_may_have_a_sharp_picture(root: Path) -> None:
    assert first(root).all_in_focus is None
    write_picture(root / "fs_6" / "000000Aif.tif", np.full((24, 32, 3), 7, np.uint8))
    sharp = first(root).all_in_focus
    assert sharp is not None
    assert (sharp == 7).all()


def test_dered_reads_half_precision_with_a_channel(tmp_path: Path) -> None:
    made = dataset("fod500-dered")
    made.fake(tmp_path)
    sample = made.items(tmp_path, "train")[0].open()
    stored = np.load(tmp_path / "000000Dpt.npy")
    assert (stored.shape, stored.dtype) == ((24, 32, 1), np.float16)
    assert sample.truth is not None
    assert sample.truth.unit is Unit.METRE
    assert (sample.truth.values[3:] == stored[3:, :, 0]).all()
    assert not sample.truth.valid[:3, :3].any()
    assert [i.name for i in made.items(tmp_path, "test")] == ["000001"]
    (tmp_path / "000000Aif.png").unlink()
    with pytest.raises(ReadError, match=r"000000Aif\.png: is missing"):
        made.items(tmp_path)[0].open()


@pytest.mark.parametrize(
    ("array", "what"), [(np.zeros((24, 32, 2)), r"of shape \(24, 32, 2\)"), (np.zeros((24, 32), "U3"), "holds <U3")]
)
def test_a_depth_that_is_no_plane(tmp_path: Path, array: np.ndarray, what: str) -> None:
    made = dataset("fod500-dered")
    made.fake(tmp_path)
    np.save(tmp_path / "000000Dpt.npy", array)
    with pytest.raises(ReadError, match=what):
        made.items(tmp_path)[0].open()
    (tmp_path / "000000Dpt.npy").write_bytes(b"no array")
    with pytest.raises(ReadError, match=r"is no readable \.npy"):
        made.items(tmp_path)[0].open()

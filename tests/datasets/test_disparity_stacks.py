"""FlyingThings3D and Middlebury focal stacks: frames named by disparity, EXR truth, blurring of raw data."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest

from focaldepth.core.errors import ReadError, StackError
from focaldepth.datasets._dataset import dataset, write_fake, write_prepared
from focaldepth.io._exr import write_plane

LIST = """10.0 13.571428571428571 17.142857142857142 20.714285714285715 24.285714285714285 27.857142857142858
31.42857142857143 35.0 38.57142857142857 42.142857142857146 45.714285714285715 49.285714285714285 52.85714285714286
56.42857142857143 60.0"""
"""Names of Middlebury's frames as published."""


@pytest.fixture
def things(tmp_path: Path) -> Path:
    return write_fake(dataset("flyingthings3d-fs"), tmp_path / "things")


@pytest.fixture
def middlebury(tmp_path: Path) -> Path:
    return write_fake(dataset("middlebury"), tmp_path / "middlebury")


def test_names_are_numbers_and_sorted_as_such(things: Path) -> None:
    """As text 100.0 would come before 16.4."""
    folder = things / "FlyingThings3D_FS/train/focal_stack/0000"
    assert {"10.0.png", "16.428571428571427.png", "100.0.png"} <= {p.name for p in folder.iterdir()}
    stack = dataset("ft-fs").items(things)[0].open().stack
    assert stack.axis.values == pytest.approx(np.linspace(10, 100, 15))
    assert stack.info.frame_names[-1] == "100.0.png"
    assert stack.axis.near_to_far is False
    last = cv2.imread(str(folder / "100.0.png"))[..., ::-1]
    assert np.array_equal(stack.source.read(14), last)


def test_names_of_middlebury_are_those_of_the_list(middlebury: Path) -> None:
    folder = middlebury / "Middlebury_FS/focal_stack/Shelves"
    assert {p.stem for p in folder.glob("*.png")} == {*LIST.split(), "AiF"}


def test_scenes_stand_in_the_order_of_the_list_with_sizes_of_their_own(middlebury: Path) -> None:
    samples = [i.open() for i in dataset("middlebury").items(middlebury, "test")]
    assert [(s.name, s.stack.shape[:2]) for s in samples] == [("Adirondack", (21, 30)), ("Shelves", (23, 31))]


def test_infinite_negative_and_zero_truth_is_unknown(things: Path) -> None:
    (item,) = dataset("ft-fs").items(things, "val")
    truth = item.open().truth
    assert truth is not None
    assert np.argwhere(~truth.valid).tolist() == [[0, 0], [0, 1]]
    path = things / "FlyingThings3D_FS/val/focal_stack/0000/disp.exr"
    write_plane(path, np.where(np.arange(40) < 3, 0, 20).astype(np.float32) * np.ones((24, 1), np.float32))
    truth = item.open().truth
    assert truth is not None
    assert not truth.valid[:, :3].any()
    assert truth.valid[:, 3:].all()


@pytest.mark.parametrize(
    ("channels", "dtype"), [("Y", np.float16), ("Y", np.float32), ("RGB", np.float16), ("R", np.float32)]
)
def test_exr_is_read_by_its_header(things: Path, channels: str, dtype: type) -> None:
    path = things / "FlyingThings3D_FS/val/focal_stack/0000/disp.exr"
    write_plane(path, np.full((24, 40), 12.5, dtype), channels)
    truth = dataset("ft-fs").items(things, "val")[0].open().truth
    assert truth is not None
    assert (truth.values == 12.5).all()


def test_exr_of_whole_numbers_or_another_size_is_refused(things: Path) -> None:
    path = things / "FlyingThings3D_FS/val/focal_stack/0000/disp.exr"
    (item,) = dataset("ft-fs").items(things, "val")
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"Y": np.zeros((24, 40), np.uint32)}) as file:
        file.write(str(path))
    with pytest.raises(ReadError, match=r"disp.exr: its channel Y is uint32"):
        item.open()
    write_plane(path, np.ones((12, 20), np.float32))
    with pytest.raises(StackError, match="the truth is"):
        item.open()
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ReadError, match="EXR cannot be read"):
        item.open()
    path.unlink()
    with pytest.raises(ReadError, match=r"disp.exr: no such file"):
        item.open()


def test_a_missing_frame_is_named(things: Path) -> None:
    folder = things / "FlyingThings3D_FS/train/focal_stack/0000"
    (folder / "16.428571428571427.png").unlink()
    (problem,) = dataset("ft-fs").check(things).problems
    assert "train/focal_stack/0000: 16.428571428571427.png missing." in problem
    for path in folder.glob("*.png"):
        path.unlink()
    with pytest.raises(
        ReadError, match=r"10.0.png, 16.428571428571427.png, 22.857142857142854.png and 12 more missing"
    ):
        dataset("ft-fs").items(things)[0].open()


def test_other_disparities_in_the_names_are_taken_as_they_are(middlebury: Path) -> None:
    folder = middlebury / "Middlebury_FS/focal_stack/Shelves"
    (folder / "60.0.png").rename(folder / "61.5.png")
    assert dataset("middlebury").items(middlebury)[1].open().stack.axis.values[-1] == 61.5


@pytest.mark.parametrize(("name", "stack"), [("ft-fs", "train_0000"), ("middlebury", "Piano")])
def test_prepared_stacks_are_sharp_where_their_disparity_says(name: str, stack: str, tmp_path: Path) -> None:
    """Left half far, right half near: each is most like the sharp picture in its own frame."""
    root = write_fake(dataset(name), tmp_path / "raw")
    out = write_prepared(dataset(name), root, tmp_path / "out")
    sample = next(i for i in dataset(name).items(out) if i.name == stack).open()
    assert dataset(name).check(out).problems == ()
    truth, frames = sample.truth, sample.stack.read_all().astype(float)
    assert truth is not None
    error = np.abs(frames - sample.all_in_focus).mean(-1)
    for part in (np.s_[4:, :12], np.s_[4:, 28:]):
        wanted = int(np.abs(sample.stack.axis.values - truth.values[part].mean()).argmin())
        assert int(error[(slice(None), *part)].mean((1, 2)).argmin()) == wanted
    assert error.max() > 20


def test_unknown_disparity_stays_unknown_when_prepared(middlebury: Path, tmp_path: Path) -> None:
    out = write_prepared(dataset("middlebury"), middlebury, tmp_path / "out")
    truth = dataset("middlebury").items(out)[0].open().truth
    assert truth is not None
    assert np.argwhere(~truth.valid).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_raw_pictures_without_disparity_are_named_and_nothing_is_left(
    things: Path, middlebury: Path, tmp_path: Path
) -> None:
    (things / "disparity/TRAIN/A/0000/left/0006.pfm").unlink()
    with pytest.raises(ReadError, match=r"disparity/TRAIN/A/0000/left/0006.pfm: not found"):
        write_prepared(dataset("ft-fs"), things, tmp_path / "out")
    (middlebury / "trainingQ/Piano/disp0GT.pfm").unlink()
    with pytest.raises(ReadError, match=r"Piano/disp0GT.pfm: not found"):
        write_prepared(dataset("middlebury"), middlebury, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["middlebury", "things"]


def test_scenes_are_drawn_without_repeat_and_recorded(tmp_path: Path) -> None:
    root = write_fake(dataset("ft-fs"), tmp_path / "raw")
    first = root / "frames_cleanpass/TRAIN/A/0000/left/0006.png"
    for i in range(7, 12):
        first.with_name(f"{i:04d}.png").write_bytes(first.read_bytes())
        truth = root / "disparity/TRAIN/A/0000/left/0006.pfm"
        truth.with_name(f"{i:04d}.pfm").write_bytes(truth.read_bytes())
    out = write_prepared(dataset("ft-fs", train=3, val=0), root, tmp_path / "out")
    lines = (out / "FlyingThings3D_FS/sources.txt").read_text().splitlines()
    assert len(lines) == len({line.split()[2] for line in lines}) == 3
    assert [i.name for i in dataset("ft-fs").items(out)] == ["train_0000", "train_0001", "train_0002"]

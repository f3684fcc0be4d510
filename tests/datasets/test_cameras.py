"""Data sets of cameras: ZEDD with its submission, Infinigen Defocus, DDFS Nikon, distances in names."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from focaldepth.core.errors import ReadError, SettingError, StackError
from focaldepth.core.sample import Sample
from focaldepth.datasets import _zedd_submission
from focaldepth.datasets._dataset import dataset
from focaldepth.datasets._resized import Resizing
from focaldepth.datasets._zedd_submission import check_submission, member_name, write_submission
from focaldepth.datasets.ddfs_nikon import distance_of
from focaldepth.datasets.zedd import read_metadata


def first(kind: str, root: Path, split: str = "", **settings: object) -> Sample:
    return dataset(kind, **settings).items(root, split)[0].open()


class TestZedd:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        dataset("zedd").fake(tmp_path)
        return tmp_path

    def test_positions_come_from_the_metadata(self, root: Path) -> None:
        stack = first("zedd", root, "val").stack
        assert stack.axis.near_to_far is True
        assert stack.axis.values[[0, -1]].tolist() == [0.82, 8.1]
        assert stack.optics.f_number == 2.8
        assert stack.info.frame_names[4] == "img_run_5_motor_2371_aperture_F2.8.jpg"

    def test_bad_truth_is_unknown(self, root: Path) -> None:
        truth = first("zedd", root, "val").truth
        assert truth is not None
        assert not truth.valid[0, :4].any()
        assert truth.valid[1:].all()

    def test_the_sharp_picture_is_run_5_at_the_smallest_aperture(self, root: Path) -> None:
        sharp = first("zedd", root, "val").all_in_focus
        file = root / "val/val_0001/focus_stack/img_run_5_motor_2371_aperture_F16.0.jpg"
        assert sharp is not None
        assert np.abs(sharp.astype(int) - np.asarray(Image.open(file), int)).max() <= 1

    def test_test_has_no_truth(self, root: Path) -> None:
        sample = first("zedd", root, "test")
        assert sample.truth is None
        assert sample.name == "test_0001"

    def test_an_aperture_that_is_not_there(self, root: Path) -> None:
        with pytest.raises(ReadError, match=r"img_run_1_motor_6D3E_aperture_F1\.4\.jpg: does not exist"):
            first("zedd", root, "val", aperture="1.4")
        with pytest.raises(SettingError, match=r"1\.4, 2\.0, 2\.8"):
            dataset("zedd", aperture="3.2")

    def test_the_size_of_the_official_loader(self, root: Path) -> None:
        """1216 x 1824 becomes 480 x 720, then the middle 640 columns."""
        sample = first("zedd", root, "val", official=True)
        assert sample.stack.shape == (480, 640, 3)
        assert sample.stack.source.read(0).shape == (480, 640, 3)
        assert sample.stack.source.preview(0, 4).shape == (120, 160, 3)
        assert sample.truth is not None
        assert sample.truth.shape == (480, 640)
        assert first("zedd", root, "test", official=True).stack.shape == (12, 18, 3)

    def test_the_camera_matrix_goes_along(self, root: Path) -> None:
        """Focal length and centre in proportion (480 / 12), then 40 columns are cut off: 8.5 x 40 - 40."""
        whole, official = (first("zedd", root, "val", official=o).stack.info.extra for o in (False, True))
        assert whole["camera_matrix"] == [[20, 0, 8.5], [0, 20, 5.5], [0, 0, 1]]
        assert official["camera_matrix"] == [[800, 0, 300], [0, 800, 220], [0, 0, 1]]
        (root / "val/val_0001/gt/K.txt").write_text("1 2\n3 4\n")
        with pytest.raises(ReadError, match=r"K\.txt: holds numbers of shape \(2, 2\), expected 3 x 3"):
            first("zedd", root, "val")
        (root / "val/val_0001/gt/K.txt").write_text("nothing")
        with pytest.raises(ReadError, match="holds no camera matrix"):
            first("zedd", root, "val")

    def test_frames_too_narrow_for_the_official_size(self) -> None:
        with pytest.raises(StackError, match="100 x 100 px scaled to 480 rows is 480 px wide, 640 are wanted"):
            Resizing.to_middle((100, 100), (480, 640), "scene")

    def test_metadata_of_another_form(self, tmp_path: Path) -> None:
        path = tmp_path / "metadata.txt"
        path.write_text("# runs\nrun_2\tBB\t2.0\n\nrun_1\tAA\t1.0  # near\n")
        assert read_metadata(path) == {1: ("AA", 1.0), 2: ("BB", 2.0)}
        path.write_text("run_1 AA\n")
        with pytest.raises(ReadError, match="line 1 is 'run_1 AA'"):
            read_metadata(path)


class TestZeddSubmission:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_zedd_submission, "SIZE", (3, 4))
        monkeypatch.setattr(_zedd_submission, "COUNT", 3)

    def plane(self) -> np.ndarray:
        return np.ones((3, 4), np.float32)

    def archive(self, path: Path, **members: object) -> Path:
        """A right zip, with members (1: first ...) replaced or added."""
        content: dict[str, object] = {f"zedd_output_{i:04d}.npy": self.plane() for i in (1, 2, 3)} | members
        with zipfile.ZipFile(path, "w") as file:
            for name, array in content.items():
                if array is not None:
                    buffer = io.BytesIO()
                    np.save(buffer, np.asarray(array))
                    file.writestr(name, buffer.getvalue())
        return path

    def test_what_is_written_is_right(self, tmp_path: Path) -> None:
        out = write_submission(tmp_path / "a.zip", ((f"test_{i:04d}", self.plane() * i) for i in (3, 1, 2)))
        assert check_submission(out) == ()
        with zipfile.ZipFile(out) as file:
            assert sorted(file.namelist()) == [f"zedd_output_{i:04d}.npy" for i in (1, 2, 3)]
            assert (np.load(io.BytesIO(file.read("zedd_output_0003.npy"))) == 3).all()

    @pytest.mark.parametrize(
        ("members", "fault"),
        [
            ({"zedd_output_0002.npy": None}, "zedd_output_0002.npy is missing."),
            ({"zedd_output_0001.npy": np.full((3, 4), np.nan)}, "holds 12 values that are NaN or infinite."),
            ({"zedd_output_0001.npy": np.ones((1, 3, 4))}, "has 3 axes, expected 2."),
            ({"zedd_output_0001.npy": np.ones((4, 3))}, "is 3 x 4 px, expected 4 x 3."),
            ({"zedd_output_0001.npy": np.ones((3, 4), int)}, "holds int64, expected floats."),
            ({"maps/zedd_output_0001.npy": np.ones((3, 4))}, "lies in a folder."),
            ({"zedd_output_0004.npy": np.ones((3, 4))}, "does not belong here."),
            ({"readme.txt": np.ones(1)}, "readme.txt does not belong here."),
        ],
    )
    def test_faults_are_named(self, tmp_path: Path, members: dict[str, object], fault: str) -> None:
        found = check_submission(self.archive(tmp_path / "a.zip", **members))
        assert len(found) == 1
        assert found[0].endswith(fault)

    def test_several_faults(self, tmp_path: Path) -> None:
        only = {"zedd_output_0001.npy": None, "zedd_output_0002.npy": None}
        found = check_submission(self.archive(tmp_path / "a.zip", **only))
        assert found == ("zedd_output_0001.npy and 1 more are missing.",)

    @pytest.mark.parametrize(
        ("maps", "what"),
        [
            ([("test_0001", np.ones((3, 4)))], "zedd_output_0002.npy and 1 more are missing"),
            ([("test_0001", np.full((3, 4), np.inf))], "test_0001: holds 12 values that are NaN"),
            ([("val_0004", np.ones((3, 4)))], "val_0004: is no scene of test"),
            ([("test_0001", np.ones((3, 4)))] * 2, "test_0001: comes twice"),
        ],
    )
    def test_nothing_wrong_is_written(self, tmp_path: Path, maps: list[tuple[str, np.ndarray]], what: str) -> None:
        with pytest.raises(StackError, match=what):
            write_submission(tmp_path / "a.zip", maps)
        assert list(tmp_path.iterdir()) == []

    def test_names_count_from_one(self) -> None:
        assert (member_name("test_0001"), member_name("test_0003")) == ("zedd_output_0001.npy", "zedd_output_0003.npy")
        with pytest.raises(StackError, match="no scene of test"):
            member_name("test_0000")

    def test_no_zip(self, tmp_path: Path) -> None:
        (tmp_path / "a.zip").write_bytes(b"nothing")
        with pytest.raises(ReadError, match="is no readable zip"):
            check_submission(tmp_path / "a.zip")
        with pytest.raises(ReadError, match="does not exist"):
            check_submission(tmp_path / "b.zip")


class TestInfinigen:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        dataset("infinigen-defocus").fake(tmp_path)
        return tmp_path

    def test_the_list_says_which_scenes_count(self, root: Path) -> None:
        made = dataset("infinigen-defocus")
        assert [i.name for i in made.items(root)] == ["0a1"]
        (root / "splits" / "infinigen_defocus" / "val.json").unlink()
        assert [i.name for i in made.items(root)] == ["0a1", "1b2"]

    def test_numbers_of_names_are_numbers(self, root: Path) -> None:
        """The list says ap_1.4_fd_0.8, the file is called ap_1.40_fd_0.80."""
        stack = first("infinigen-defocus", root).stack
        assert len(stack) == 9
        assert stack.axis.values[:2].tolist() == [0.8, 1.0]
        assert stack.info.frame_names[0] == "image_ap_1.40_fd_0.80.png"
        assert first("infinigen-defocus", root, aperture=16).stack.optics.f_number == 16

    def test_the_camera_matrix_goes_along(self, root: Path) -> None:
        matrix = first("infinigen-defocus", root).stack.info.extra["camera_matrix"]
        assert matrix == [[16, 0, 7.5], [0, 16, 5.5], [0, 0, 1]]
        (root / "0a1" / "cam_all_in_focus.npz").write_bytes(b"PK")
        with pytest.raises(ReadError, match="holds no camera matrix"):
            first("infinigen-defocus", root)

    def test_an_aperture_that_is_not_there(self, root: Path) -> None:
        with pytest.raises(StackError, match=r"has 0 frames at F2\.8\. Apertures there: 1\.4, 16\."):
            first("infinigen-defocus", root, aperture=2.8)

    @pytest.mark.parametrize(("text", "what"), [("{", "is no JSON"), (json.dumps({"files": []}), "names none")])
    def test_lists_that_do_not_help(self, root: Path, text: str, what: str) -> None:
        (root / "splits" / "infinigen_defocus" / "val.json").write_text(text)
        with pytest.raises(ReadError, match=what):
            dataset("infinigen-defocus").items(root)


class TestNikon:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        dataset("ddfs-nikon").fake(tmp_path)
        return tmp_path

    def test_frames_follow_their_distances(self, root: Path) -> None:
        stack = first("ddfs-nikon", root).stack
        assert stack.axis.values.tolist() == [0.5, 1.0, 2.0]
        assert stack.info.frame_names == ("DSC_0002.jpg", "DSC_0001.jpg", "DSC_0003.jpg")

    @pytest.mark.parametrize("text", ["nothing", "Focus Distance : inf", "Focus Distance : 3 ft", "Focus Distance m"])
    def test_texts_that_do_not_tell(self, root: Path, text: str) -> None:
        file = root / "nikon_focal_stack" / "desk" / "DSC_0001.jpg"
        file.with_name("DSC_0001.jpg.txt").write_text(text)
        with pytest.raises(ReadError, match="tells no Focus Distance in metres"):
            distance_of(file)
        file.with_name("DSC_0001.jpg.txt").unlink()
        with pytest.raises(ReadError, match=r"DSC_0001\.jpg\.txt: is missing"):
            distance_of(file)


class TestNamedDistances:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        dataset("named-distances").fake(tmp_path)
        return tmp_path

    def test_distances_are_the_last_numbers(self, root: Path) -> None:
        assert first("named-distances", root).stack.axis.values.tolist() == [0.1, 0.25, 1.5]
        assert first("named-distances", root, focus_unit="cm").stack.axis.values == pytest.approx(
            [1e-3, 2.5e-3, 1.5e-2]
        )

    def test_one_folder_is_one_stack(self, root: Path) -> None:
        assert [i.name for i in dataset("named-distances").items(root / "desk")] == ["desk"]

    def test_a_picture_without_a_distance_is_named(self, root: Path) -> None:
        (root / "desk" / "cover.jpg").touch()
        with pytest.raises(ReadError, match=r"cover\.jpg: has no distance at the end of its name"):
            first("named-distances", root)

"""Data sets taken with phones: Mobile Depth, Smartphone, mDFF."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from focaldepth.benchmark._evaluate import evaluate
from focaldepth.benchmark._protocol import PROTOCOLS, Column
from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError, SettingError, StackError
from focaldepth.core.sample import Sample
from focaldepth.datasets._dataset import dataset
from focaldepth.datasets._stack_file import write_arrays
from focaldepth.datasets.mobile_depth import frames_of, positions, read_calibration
from focaldepth.estimate import EstimateSettings, estimate
from focaldepth.io._exr import write_plane
from focaldepth.io.picture import write_picture


def opened(root: Path, kind: str, name: str, **settings: object) -> Sample:
    return next(i for i in dataset(kind, **settings).items(root) if i.name == name).open()


class TestMobileDepth:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        dataset("mobile-depth").fake(tmp_path)
        return tmp_path

    def test_distances_only_order_the_frames(self, root: Path) -> None:
        stack = opened(root, "mobile-depth", "keyboard").stack
        assert stack.axis.unit is Unit.INDEX
        assert stack.info.extra["relative_positions"] == [7223525.79, 58.335774, 27.335806, 10.0]
        assert stack.info.extra["focal_length"] == 0.2

    def test_distances_of_metals_are_turned(self, root: Path) -> None:
        """Its calibration has another name, and begins with the nearest although its first frame is the farthest."""
        lines = (root / "calibration" / "metal" / "calibrated.txt").read_text().split()
        assert lines[0] == "10.0"
        stack = opened(root, "mobile-depth", "metals", focus="dered").stack
        assert stack.axis.near_to_far is False
        assert stack.axis.values[-1] == pytest.approx(10 / 39.37)

    def test_the_scale_of_ddfs_drops_infinity(self, root: Path) -> None:
        stack = opened(root, "mobile-depth", "keyboard", focus="ddfs").stack
        assert stack.info.frame_names == ("a01.jpg", "a02.jpg", "a03.jpg")
        assert stack.axis.values == pytest.approx([58.335774 * 0.05, 27.335806 * 0.05, 0.5])

    def test_even_steps_of_dfv_where_distances_span_too_much(self) -> None:
        assert positions(np.array([100.0, 30, 5]), "dfv").values.tolist() == [0, 1, 2]
        assert positions(np.array([40.0, 30, 20]), "dfv", "window").values.tolist() == [0, 1, 2]
        assert positions(np.array([40.0, 25, 20]), "dfv").values.tolist() == [2, 0.5, 0]

    def test_numbers_are_numbers(self, tmp_path: Path) -> None:
        for i in range(11):
            (tmp_path / f"a{i}.jpg").touch()
        assert [p.name for p in frames_of(tmp_path)][8:] == ["a8.jpg", "a9.jpg", "a10.jpg"]
        (tmp_path / "a4.jpg").unlink()
        with pytest.raises(ReadError, match=r"a4\.jpg: is missing"):
            frames_of(tmp_path)

    def test_frames_as_taken(self, root: Path) -> None:
        stack = opened(root, "mobile-depth", "keyboard", aligned=False).stack
        assert stack.info.frame_names == ("IMG_0.jpg", "IMG_1.jpg", "IMG_2.jpg", "IMG_3.jpg")

    def test_without_calibration_frames_are_numbered(self, root: Path) -> None:
        shutil.rmtree(root / "calibration")
        stack = opened(root, "mobile-depth", "keyboard").stack
        assert stack.info.warnings == ("calibration/ is not there: frames are numbered.",)
        with pytest.raises(ReadError, match="set focus=rank"):
            opened(root, "mobile-depth", "keyboard", focus="dered")

    def test_folders_of_both_archives(self, root: Path, tmp_path: Path) -> None:
        both = tmp_path / "both"
        for archive, folder in (("data3", "Aligned"), ("data2", "calibration")):
            (both / archive).mkdir(parents=True)
            (root / folder).rename(both / archive / folder)
        assert opened(both, "mobile-depth", "keyboard", focus="dered").stack.axis.unit is Unit.METRE

    def test_another_number_of_distances(self, root: Path) -> None:
        (root / "Aligned" / "Figure1" / "keyboard" / "a03.jpg").unlink()
        with pytest.raises(StackError, match=r"has 3 frames, .*calibrated.txt has 4"):
            opened(root, "mobile-depth", "keyboard")

    @pytest.mark.parametrize(
        ("text", "what"),
        [("1 2\n3 4\n5 6\n", "focal length alone"), ("1 2\nx 3\n0.2\n", "line 2 is 'x 3'"), ("1\n2\n3\n", "focal")],
    )
    def test_calibrations_of_another_form(self, tmp_path: Path, text: str, what: str) -> None:
        (tmp_path / "calibrated.txt").write_text(text)
        with pytest.raises(ReadError, match=what):
            read_calibration(tmp_path / "calibrated.txt")


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("smartphone")
    dataset("smartphone").fake(root)
    return root


class TestSmartphone:
    def test_ten_of_49_frames_far_to_near(self, sweeps: Path) -> None:
        stack = opened(sweeps, "smartphone", "test/scene_b").stack
        assert stack.axis.near_to_far is False
        assert stack.axis.values[[0, 1, -1]] == pytest.approx([3.91092, 0.80109, 0.10201])
        assert len(opened(sweeps, "smartphone", "test/scene_b", frames=49).stack) == 49

    def test_the_middle_of_frames_truth_and_confidence(self, sweeps: Path) -> None:
        whole = opened(sweeps, "smartphone", "test/scene_b", cropped=False)
        part = opened(sweeps, "smartphone", "test/scene_b")
        inner = (slice(84, -84), slice(63, -63))
        assert part.stack.shape == (176 - 168, 134 - 126, 3)
        assert np.array_equal(part.stack.source.read(3), whole.stack.source.read(3)[inner])
        assert part.stack.source.preview(0, 2).shape == (4, 4, 3)
        assert part.truth is not None
        assert whole.truth is not None
        assert np.array_equal(part.truth.values, whole.truth.values[inner], equal_nan=True)
        assert np.array_equal(part.confidence, whole.confidence[inner])

    def test_truth_is_inverse_depth_within_the_sweep(self, sweeps: Path) -> None:
        """Code 255 is 0.01 1/m, farther than the farthest frame."""
        truth = opened(sweeps, "smartphone", "test/scene_b", cropped=False).truth
        assert truth is not None
        assert truth.unit is Unit.DIOPTRE
        assert not truth.valid[80:90, 60:70].any()
        assert np.nanmin(truth.values) >= 1 / 3.91092
        assert np.nanmax(truth.values) <= 5

    def test_confidence_is_cut_at_one_and_the_red_channel(self, sweeps: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy"
        shutil.copytree(sweeps / "test", copy / "test")
        path = copy / "test" / "merged_conf" / "scene_b" / "result_merged_conf_center.exr"
        red = np.full((176, 134), 0.25, np.float32)
        colours = np.dstack([red, red * 2, red * 8])
        OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": colours}).write(str(path))
        confidence = opened(copy, "smartphone", "test/scene_b").confidence
        assert confidence is not None
        assert (confidence == 0.25).all()
        write_plane(path, red * 8, "RGB")
        confidence = opened(copy, "smartphone", "test/scene_b").confidence
        assert confidence is not None
        assert (confidence == 1).all()

    def test_only_the_files_that_are_needed(self, sweeps: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy"
        shutil.copytree(sweeps / "test", copy / "test")
        for i in set(range(49)) - set(dataset("smartphone").chosen):
            shutil.rmtree(copy / "test" / "scaled_images" / "scene_b" / str(i))
        assert len(opened(copy, "smartphone", "test/scene_b").stack) == 10
        with pytest.raises(ReadError, match=r"scene_b/1/result_scaled_image_center.jpg: does not exist"):
            opened(copy, "smartphone", "test/scene_b", frames=49)

    def test_scenes_without_depth_are_told(self, sweeps: Path) -> None:
        note = dataset("smartphone").check(sweeps).notes[-1]
        assert note.startswith("1 scenes without depth are left out, the first for want of ")
        assert note.endswith("merged_depth/bare/result_merged_depth_center.png.")

    def test_the_protocol_weighs_by_confidence(self, sweeps: Path) -> None:
        """MAE* = sum c |e| / sum c over the truth within the sweep, by hand."""
        item = dataset("smartphone").items(sweeps, "test")[0]
        record, naive = PROTOCOLS.get("smart-wild"), EstimateSettings(method="naive", align="none")
        found = evaluate([item], naive, "smart-wild", record=record)
        sample = item.open()
        result = estimate(sample.stack, naive, unit="dioptre", fill=True)
        assert result.filled is not None
        assert sample.truth is not None
        assert sample.confidence is not None
        truth = sample.truth.values.astype(float)
        mask = sample.truth.valid & (truth >= 0.2557) & (truth <= 9.803)
        error, weight = np.abs(result.filled.values - truth)[mask], sample.confidence[mask].astype(float)
        expected = (weight * error).sum() / weight.sum()
        assert found.mean(Column("confident-mae")) == pytest.approx(expected, rel=1e-6)
        assert expected != pytest.approx(error.mean(), rel=1e-3)

    def test_the_protocol_needs_a_confidence(self, sweeps: Path) -> None:
        item = dataset("smartphone").items(sweeps, "test")[0]
        bare = replace(item, open=lambda: replace(item.open(), confidence=None))
        with pytest.raises(StackError, match="carries no confidence of its truth, which confident-mae weights by"):
            evaluate([bare], EstimateSettings(method="naive"), "smart-wild")

    def test_no_truth_is_no_crash(self, sweeps: Path) -> None:
        item = dataset("smartphone").items(sweeps, "test")[0]
        bare = replace(item, open=lambda: replace(item.open(), truth=None))
        with pytest.raises(StackError, match="test/scene_b: carries no truth to compare with"):
            evaluate([bare], EstimateSettings(method="naive"))

    def test_settings_are_checked(self) -> None:
        with pytest.raises(SettingError, match="frames is 50"):
            dataset("smartphone", frames=50)


class TestMDff:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        dataset("mdff").fake(tmp_path)
        return tmp_path

    def test_the_placeholder_is_left_out_and_told(self, root: Path) -> None:
        made = dataset("mdff")
        assert [i.name for i in made.items(root)] == ["train_00001", "train_00002", "val_00001", "test_00000"]
        assert made.check(root).notes[-2:] == (
            "stack_train: row 0 is an empty placeholder and left out.",
            "stack_val: row 0 is an empty placeholder and left out.",
        )

    def test_a_first_row_with_a_stack_is_kept(self, tmp_path: Path) -> None:
        stacks = np.zeros((2, 10, 4, 5, 3), np.uint8)
        stacks[0, 0, 0, 0, 0] = 1
        path = tmp_path / "other.h5"
        write_arrays(path, {"stack_train": stacks, "disp_train": np.zeros((2, 4, 5), np.float32)})
        assert len(dataset("mdff").items(path)) == 2

    def test_truth_is_metres_and_that_of_test_is_whole(self, root: Path) -> None:
        truth = opened(root, "mdff", "test_00000").truth
        assert truth is not None
        assert truth.values[5, 5] == np.float32(4.6)
        assert not truth.valid[:2, :2].any()

    def test_frames_are_rgb_from_0_to_255(self, root: Path) -> None:
        stack = opened(root, "mdff", "train_00001").stack
        assert stack.source.white == 255
        assert stack.source.read(0).max() > 1
        assert "did not sort" in stack.info.warnings[0]

    def test_folders_count_tenths_of_a_millimetre(self, root: Path) -> None:
        pictures = root / "pictures"
        write_picture(pictures / "train" / "desk_01" / "disp.png", np.full((20, 30, 1), 12_345, np.uint16))
        sample = opened(pictures, "mdff", "train/desk_01")
        assert sample.truth is not None
        assert sample.truth.values[0, 0] == pytest.approx(1.2345)
        assert sample.stack.info.frame_names == tuple(f"{i}.jpg" for i in range(10))

    def test_folders_for_training_are_limited_and_those_for_test_are_not(self, root: Path) -> None:
        pictures = root / "pictures"
        shutil.copytree(pictures / "train", pictures / "test")
        train, test = (opened(pictures, "mdff", f"{part}/desk_01").truth for part in ("train", "test"))
        assert train is not None
        assert test is not None
        assert not train.valid[5, 5]
        assert test.values[5, 5] == pytest.approx(4.6)

    def test_coloured_previews_are_no_truth(self, root: Path) -> None:
        preview = root / "pictures" / "train" / "preview"
        preview.mkdir()
        write_picture(preview / "disp.png", np.zeros((20, 30, 3), np.uint8))
        assert [i.name for i in dataset("mdff").items(root / "pictures")] == ["train/desk_01"]

    def test_a_truth_of_another_length(self, tmp_path: Path) -> None:
        path = tmp_path / "x.h5"
        write_arrays(path, {"stack_val": np.ones((2, 10, 4, 5, 3), np.uint8), "disp_val": np.ones((1, 4, 5))})
        with pytest.raises(ReadError, match="has stack_val, but no disp_val of its length"):
            dataset("mdff").items(path)

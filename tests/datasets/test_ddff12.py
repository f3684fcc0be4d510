"""DDFF 12-Scene in its three forms: what is where, in which order and unit, and what goes wrong."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from focaldepth.benchmark._evaluate import evaluate
from focaldepth.benchmark._protocol import PROTOCOLS
from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError, SettingError
from focaldepth.core.sample import Sample
from focaldepth.datasets import _ddff
from focaldepth.datasets._dataset import Dataset, dataset, write_fake, write_prepared
from focaldepth.datasets.ddff12_raw import shifted_views
from focaldepth.estimate import EstimateSettings


def only(made: Dataset, root: Path, name: str) -> Sample:
    return next(i for i in made.items(root) if i.name == name).open()


def write(path: Path, **arrays: NDArray) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake(dataset("ddff12"), tmp_path_factory.mktemp("a") / "official")


@pytest.fixture(scope="module")
def repack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake(dataset("ddff12-dfv"), tmp_path_factory.mktemp("a") / "repack")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake(dataset("ddff12-raw"), tmp_path_factory.mktemp("a") / "raw")


class TestFacts:
    def test_constants_and_axes_of_the_publication(self) -> None:
        assert pytest.approx(2.708787058842817e-4, rel=1e-12) == _ddff.BASELINE_M
        assert pytest.approx(0.14123756581733507, rel=1e-12) == _ddff.SCALE_M_PX
        exact = [0.282475, 0.253331, 0.224187, 0.195042, 0.165898, 0.136754, 0.107610, 0.078465, 0.049321, 0.020177]
        assert _ddff.axis("exact").values == pytest.approx(exact, abs=5e-7)
        assert _ddff.axis("rounded").values == pytest.approx(np.linspace(0.28, 0.02, 10))
        metres = [0.5, 0.5575, 0.63, 0.7241, 0.8514, 1.0328, 1.3125, 1.8, 2.8636, 7.0]
        assert _ddff.axis("exact").to(Unit.METRE, _ddff.OPTICS).values == pytest.approx(metres, rel=1e-4)

    def test_the_two_axes_are_different_choices_of_every_form(self, official: Path, repack: Path) -> None:
        for name, root, item in (("ddff12", official, "val_00000"), ("ddff12-dfv", repack, "val_000")):
            for axis in _ddff.AXES:
                stack = only(dataset(name, axis=axis), root, item).stack
                assert stack.axis == _ddff.axis(axis)
                assert stack.axis.near_to_far
        with pytest.raises(SettingError, match="Allowed: exact, rounded"):
            dataset("ddff12", axis="linear")

    def test_depth_in_millimetres_becomes_disparity_and_back(self) -> None:
        found = _ddff.disparity_of(np.array([[500, 7000, 0]], np.uint16))
        assert found[0, :2] == pytest.approx([0.28247513, 0.02017680], abs=5e-8)
        truth = _ddff.truth_of(np.array([[0.28247513, 0, np.inf, np.nan]], np.float32))
        assert truth.valid.tolist() == [[True, False, False, False]]
        assert truth.to(Unit.METRE, _ddff.OPTICS).values[0, 0] == pytest.approx(0.5, rel=1e-6)

    def test_test_stacks_count_from_1_in_the_order_of_the_file(self) -> None:
        assert [_ddff.place_of_test(i) for i in (0, 19, 20, 119)] == [
            ("lockeroom", 1), ("lockeroom", 20), ("cafeteria", 1), ("magistrale", 20)
        ]  # fmt: skip


class TestOfficial:
    def test_bgr_becomes_rgb_unless_as_official(self, official: Path) -> None:
        with h5py.File(official / "ddff-dataset-trainval.h5") as file:
            stored = file["stack_train"][1]
        ours = only(dataset("ddff12"), official, "train_00001").stack.read_all()
        theirs = only(dataset("ddff12", as_official=True), official, "train_00001").stack.read_all()
        assert np.array_equal(ours, stored[..., ::-1])
        assert np.array_equal(theirs, stored)

    def test_zero_is_unknown_and_disparities_beyond_the_range_stay(self, official: Path) -> None:
        truth = only(dataset("ddff12"), official, "train_00000").truth
        assert truth is not None
        assert not truth.valid[4:9, 4:9].any()
        assert truth.valid.sum() == 32 * 32 - 25
        assert truth.values[20, 20] == pytest.approx(0.4)

    def test_the_leak_is_told_of_validation_and_by_the_check(self, official: Path) -> None:
        made = dataset("ddff12")
        assert only(made, official, "val_00000").stack.info.warnings == (_ddff.LEAK,)
        assert only(made, official, "train_00000").stack.info.warnings == ()
        assert _ddff.LEAK in made.check(official).notes

    def test_the_leak_stands_in_every_evaluation(self, official: Path) -> None:
        protocol, settings = PROTOCOLS.get("ddff-official-val"), EstimateSettings("naive", "none")
        items = dataset("ddff12").items(official, "val")
        found = evaluate(items[:1], settings, "ddff-official-val", record=protocol)
        assert f"val_00000: {_ddff.LEAK}" in found.warnings
        assert found.units == ("disparity_px",)

    def test_test_stacks_have_names_and_no_truth(self, official: Path) -> None:
        items = dataset("ddff12").items(official, "test")
        assert [i.name for i in items] == ["lockeroom_0001", "lockeroom_0002"]
        sample = items[0].open()
        assert sample.truth is None
        assert "write a submission" in sample.stack.info.warnings[0]

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float32, np.float64])
    @pytest.mark.parametrize("shape", ["n1hw", "nhw1", "nhw"])
    def test_any_type_and_both_spellings(self, tmp_path: Path, dtype: type, shape: str) -> None:
        """The README of the data set writes stacks_train, its program stack_train."""
        pixels = np.random.default_rng(0).integers(0, 256, (2, 10, 8, 9, 3)).astype(dtype)
        truth = np.full({"n1hw": (2, 1, 8, 9), "nhw1": (2, 8, 9, 1), "nhw": (2, 8, 9)}[shape], 0.1, np.float16)
        write(tmp_path / "ddff-dataset-trainval.h5", stacks_train=pixels, disp_train=truth)
        sample = only(dataset("ddff12", as_official=True), tmp_path, "train_00001")
        assert sample.stack.source.white == 255
        assert np.array_equal(sample.stack.read_all(), pixels[1])
        assert sample.truth is not None
        assert sample.truth.values == pytest.approx(np.full((8, 9), 0.1), rel=1e-3)

    def test_floats_up_to_1_keep_their_scale(self, tmp_path: Path) -> None:
        pixels = np.random.default_rng(0).random((1, 10, 8, 9, 3), np.float32)
        write(tmp_path / "ddff-dataset-test.h5", stack_test=pixels)
        assert dataset("ddff12").items(tmp_path, "test")[0].open().stack.source.white == 1

    def test_absent_arrays_are_told_with_what_is_there(self, tmp_path: Path) -> None:
        path = write(tmp_path / "ddff-dataset-trainval.h5", stack_train=np.zeros((1, 10, 8, 9, 3), np.uint8))
        made = dataset("ddff12")
        (item,) = made.items(tmp_path)
        sample = item.open()
        assert sample.truth is None
        assert "holds no disp_train" in sample.stack.info.warnings[0]
        with pytest.raises(
            ReadError, match=r"no stack_val or stacks_val. It holds: stack_train \(1, 10, 8, 9, 3\) uint8"
        ):
            made.items(tmp_path, "val")
        with pytest.raises(
            ReadError, match=r"test.h5 not found. DDFF 12-Scene, official HDF5 is got from https://hazirbas"
        ):
            made.items(tmp_path, "test")
        path.unlink()
        write(path, frames=np.zeros(3), depth=np.zeros((2, 2), np.float32))
        with pytest.raises(ReadError, match=r"It holds: depth \(2, 2\) float32, frames \(3,\) float64"):
            made.items(tmp_path)

    @pytest.mark.parametrize("bad", [np.zeros((2, 8, 9, 3), np.uint8), np.zeros((1, 10, 8, 9, 3), "S1")])
    def test_arrays_of_another_kind_are_refused(self, tmp_path: Path, bad: NDArray) -> None:
        write(tmp_path / "ddff-dataset-trainval.h5", stack_train=bad)
        with pytest.raises(ReadError, match=r"stack_train is no array of stacks \(n, N, H, W, 3\)"):
            dataset("ddff12").items(tmp_path)

    def test_a_truth_of_another_kind_is_a_problem_of_its_item(self, tmp_path: Path) -> None:
        stacks = np.zeros((1, 10, 8, 9, 3), np.uint8)
        write(tmp_path / "ddff-dataset-trainval.h5", stack_train=stacks, disp_train=np.zeros((1, 2, 8, 9)))
        (problem,) = dataset("ddff12").check(tmp_path).problems
        assert "train_00000" in problem
        assert "disp_train holds no maps" in problem

    def test_a_file_cut_short_is_a_read_error(self, official: Path, tmp_path: Path) -> None:
        whole = (official / "ddff-dataset-trainval.h5").read_bytes()
        (tmp_path / "ddff-dataset-trainval.h5").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ReadError, match=r"HDF5 cannot be read .*truncated"):
            dataset("ddff12").items(tmp_path)
        (tmp_path / "ddff-dataset-trainval.h5").write_bytes(b"no HDF5")
        with pytest.raises(ReadError, match="HDF5 cannot be read"):
            dataset("ddff12").items(tmp_path)

    def test_items_go_to_other_processes(self, official: Path) -> None:
        """No handle of HDF5 lives in them."""
        item = dataset("ddff12").items(official)[0]
        again = pickle.loads(pickle.dumps(item)).open()
        assert np.array_equal(again.stack.read_all(), item.open().stack.read_all())


class TestRepack:
    def test_rgb_floats_of_0_to_255_with_picture(self, repack: Path) -> None:
        with h5py.File(repack / "my_ddff_trainVal.h5") as file:
            stored, sharp, truth = file["stack_val"][0], file["AiF_val"][0], file["disp_val"][0]
        sample = only(dataset("ddff12-dfv"), repack, "val_000")
        assert np.array_equal(sample.stack.read_all(), stored)
        assert sample.stack.source.white == 255
        assert np.array_equal(sample.all_in_focus, sharp)
        assert sample.truth is not None
        assert np.array_equal(sample.truth.values[truth > 0], truth[truth > 0])
        assert not sample.truth.valid[truth == 0].any()
        assert sample.truth.values[sample.truth.valid].max() > 0.3  # not cut to the focus range

    def test_dfv5_is_0_2_4_6_9(self, repack: Path) -> None:
        """linspace(0, 9, 5) as an index: 2.25, 4.5 and 6.75 lose their fractions."""
        whole = only(dataset("ddff12-dfv"), repack, "val_000").stack
        part = only(dataset("ddff12-dfv", frames="dfv5"), repack, "val_000").stack
        chosen = np.linspace(0, 9, 5).astype(int)
        assert chosen.tolist() == [0, 2, 4, 6, 9]
        assert np.array_equal(part.axis.values, whole.axis.values[chosen])
        assert np.array_equal(part.read_all(), whole.read_all()[chosen])

    @pytest.mark.parametrize("name", ["dfv_trainVal.h5", "dff_trainVal.h5"])
    def test_other_names_of_the_file(self, repack: Path, tmp_path: Path, name: str) -> None:
        (tmp_path / name).symlink_to(repack / "my_ddff_trainVal.h5")
        assert len(dataset("ddff12-dfv").items(tmp_path)) == 3
        assert len(dataset("ddff12-dfv").items(tmp_path / name)) == 3


class TestRaw:
    def test_the_sharpest_frame_is_that_of_the_disparity(self, raw: Path) -> None:
        """The miniature is a plane at the disparity of frame 3."""
        sample = only(dataset("ddff12-raw"), raw, "seminaroom_0001")
        frames = sample.stack.read_all()[:, 6:-6, 6:-6].astype(float)
        contrast = np.abs(np.diff(frames, axis=2)).mean((1, 2, 3))
        assert int(contrast.argmax()) == 3
        assert sample.truth is not None
        assert sample.truth.values[10, 10] == pytest.approx(sample.stack.axis.values[3], rel=2e-3)
        assert not sample.truth.valid[:3, :3].any()
        assert np.array_equal(sample.all_in_focus, np.load(raw / "LightField/train/seminaroom/LF_0001.npy")[4, 4])

    def test_frames_are_bit_for_bit_those_of_the_published_procedure(self, raw: Path) -> None:
        """Every view shifted by phase, modulus, cut to [0, 1]; mean of 81; cut, not rounded, to 8 bits."""
        views = np.load(raw / "LightField/train/glassroom/LF_0001.npy") / 255.0
        sample = only(dataset("ddff12-raw"), raw, "glassroom_0001")
        rows, columns = np.fft.fftfreq(33)[:, None, None], np.fft.fftfreq(40)[None, :, None]
        for i in (0, 9):
            d, total = sample.stack.axis.values[i], np.zeros((33, 40, 3))
            for u, v in np.ndindex(9, 9):
                phase = np.exp(2j * np.pi * d * ((4 - u) * rows + (4 - v) * columns))
                total += np.clip(np.abs(np.fft.ifft2(np.fft.fft2(views[u, v], axes=(0, 1)) * phase, axes=(0, 1))), 0, 1)
            expected = (total / 81 * 255).astype(np.uint8)
            assert np.array_equal(sample.stack.source.read(i), expected.astype(np.uint16) * 257)

    def test_any_disparities(self, raw: Path) -> None:
        made = dataset("ddff12-raw", focus="0.3:0.1:3", refocuser="phase")
        assert only(made, raw, "glassroom_0001").stack.axis.values == pytest.approx([0.3, 0.2, 0.1])
        with pytest.raises(SettingError, match="at least two disparities"):
            dataset("ddff12-raw", focus="0.3")

    def test_mat_files_and_other_spellings(self, raw: Path, tmp_path: Path) -> None:
        folder = tmp_path / "LightField" / "test" / "Locker Room"
        folder.mkdir(parents=True)
        views = np.load(raw / "LightField/test/lockeroom/LF_0001.npy")
        savemat(folder / "LF_0007.mat", {"LF": views})
        made = dataset("ddff12-raw", refocuser="phase")
        sample, twin = only(made, tmp_path, "lockeroom_0007"), only(made, raw, "lockeroom_0001")
        assert np.array_equal(sample.stack.read_all(), twin.stack.read_all())
        assert sample.truth is None
        savemat(folder / "LF_0007.mat", {"other": np.zeros(3)})
        with pytest.raises(ReadError, match="variable LF cannot be read"):
            only(made, tmp_path, "lockeroom_0007")
        np.save(folder / "LF_0007.npy", views)
        assert only(made, tmp_path, "lockeroom_0007").stack.info.files == (str(folder / "LF_0007.npy"),)

    def test_absent_depth_and_gaps_are_named(self, raw: Path, tmp_path: Path) -> None:
        folder = tmp_path / "LightField" / "train" / "kitchen"
        folder.mkdir(parents=True)
        for number in (1, 3):
            (folder / f"LF_{number:04d}.npy").symlink_to(raw / "LightField/train/glassroom/LF_0001.npy")
        made = dataset("ddff12-raw", refocuser="phase")
        with pytest.raises(ReadError, match=r"kitchen/DEPTH_0003.png: not found. Unpack depthregistered.tar.gz"):
            only(made, tmp_path, "kitchen_0003")
        problems = made.check(tmp_path).problems
        assert problems[0] == "train/kitchen: LF_0002 is missing."
        assert len(problems) == 3
        target = tmp_path / "DepthRegistered" / "train" / "kitchen" / "DEPTH_0003.png"
        target.parent.mkdir(parents=True)
        assert cv2.imwrite(str(target), np.ones((33, 40), np.uint8))
        with pytest.raises(ReadError, match="Expected 16 bits, in millimetres"):
            only(made, tmp_path, "kitchen_0003")


def plane(root: Path, scene: str, depth: NDArray, disparity: float = 0.1) -> None:
    """A light field with depth in millimetres."""
    field = root / "LightField" / "train" / scene / "LF_0001.npy"
    field.parent.mkdir(parents=True)
    texture = np.random.default_rng(0).integers(0, 256, (*depth.shape, 3))
    np.save(field, shifted_views(texture, disparity, views=3))
    picture = root / "DepthRegistered" / "train" / scene / "DEPTH_0001.png"
    picture.parent.mkdir(parents=True)
    assert cv2.imwrite(str(picture), depth.astype(np.uint16))


class TestPatches:
    def test_28_candidates_and_the_last_row_one_pixel_inside(self) -> None:
        from focaldepth.datasets._ddff_patches import PatchRules

        corners = PatchRules(224, 56, 0.2, "scenes", 0).corners((383, 552), "a")
        assert len(corners) == 4 * 7
        assert sorted({r for r, _ in corners}) == [0, 56, 112, 383 - 224 - 1]
        assert sorted({c for _, c in corners}) == [0, 56, 112, 168, 224, 280, 552 - 224 - 1]

    def test_more_than_a_fifth_unknown_is_dropped(self, tmp_path: Path) -> None:
        depth = np.full((20, 37), 1000)
        depth[:4, :10] = 0  # 40 of 200 pixels of the first patch: exactly a fifth
        depth[:4, 13:25] = 0  # more of each one that begins at column 8 or 16
        depth[4, 13:25] = 0
        plane(tmp_path / "in", "kitchen", depth)
        made = dataset("ddff12-raw", patch=10, stride=8, refocuser="phase")
        root = write_prepared(made, tmp_path / "in", tmp_path / "out")
        with h5py.File(root / "ddff-dataset-trainval.h5") as file:
            found, stacks = file["disp_train"][:], file["stack_train"]
            assert stacks.shape == (len(found), 10, 10, 10, 3)
            assert file["stack_val"].shape[0] == 0
        full = np.nan_to_num(_ddff.disparity_of(depth.astype(np.uint16)), nan=0)
        starts = [(r, c) for r in (0, 8, 9) for c in (0, 8, 16, 24, 26)]
        kept = [full[r : r + 10, c : c + 10] for r, c in starts if (full[r : r + 10, c : c + 10] == 0).mean() <= 0.2]
        assert 0 < len(kept) < len(starts)
        assert np.array_equal(found, np.array(kept))

    def test_what_is_prepared_is_read_as_the_official_set(self, tmp_path: Path, raw: Path) -> None:
        """Frames come back in RGB; a split by scene has no leak, one by patches has."""
        made = dataset("ddff12-raw", patch=16, stride=8)
        whole = only(made, raw, "glassroom_0001").stack.read_all()
        root = write_prepared(made, raw, tmp_path / "scenes")
        ours = dataset("ddff12")
        first = only(ours, root, "val_00000")  # glassroom validates
        assert np.array_equal(first.stack.read_all(), whole[:, :16, :16] // 257)
        assert first.stack.info.warnings == ()
        assert only(ours, root, "lockeroom_0001").truth is None
        assert ours.check(root).problems == ()
        counts = ours.check(root).counts
        assert counts["train"] == counts["val"] == 12
        made = dataset("ddff12-raw", patch=16, stride=8, division="patches", refocuser="phase")
        mixed = write_prepared(made, raw, tmp_path / "patches")
        counts = ours.check(mixed).counts
        assert (counts["train"], counts["val"]) == (19, 5)
        assert only(ours, mixed, "val_00000").stack.info.warnings == (_ddff.LEAK,)

    def test_patches_that_do_not_fit_leave_nothing_behind(self, tmp_path: Path, raw: Path) -> None:
        with pytest.raises(SettingError, match="patches of 224 px are larger than the views, 40 x 33 px"):
            write_prepared(dataset("ddff12-raw"), raw, tmp_path / "out")
        plane(tmp_path / "in", "kitchen", np.zeros((20, 20)))
        with pytest.raises(SettingError, match="no patch has 80% known disparities"):
            write_prepared(dataset("ddff12-raw", patch=10), tmp_path / "in", tmp_path / "out")
        assert [p.name for p in tmp_path.iterdir()] == ["in"]

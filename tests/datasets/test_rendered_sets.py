"""Rendered stacks: NYUv2 by four recipes, ARKitScenes."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError, SettingError, StackError
from focaldepth.core.sample import Sample
from focaldepth.datasets._dataset import dataset, write_prepared
from focaldepth.datasets._nyu_recipes import RECIPES
from focaldepth.datasets._rendered import Scene, middle, rendered, span_of
from focaldepth.estimate import estimate
from focaldepth.io.picture import write_picture
from focaldepth.optics.blur import coc_diameter
from focaldepth.optics.render.gaussian import GaussianSpread

MAT = "nyu_depth_v2_labeled.mat"


@pytest.fixture(scope="module")
def nyu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("nyu")
    dataset("nyuv2").fake(root)
    return root


def first(root: Path, **settings: object) -> Sample:
    return dataset("nyuv2", **settings).items(root)[0].open()


class TestNyu:
    def test_arrays_are_transposed(self, nyu: Path) -> None:
        with h5py.File(nyu / MAT) as file:
            picture, depth = file["images"][0], file["depths"][0]
        sample = first(nyu, recipe="nyu-ddfs")
        assert picture.shape == (3, 72, 56)
        assert np.array_equal(sample.all_in_focus, picture.transpose(2, 1, 0))
        assert sample.truth is not None
        assert sample.truth.values == pytest.approx(depth.T * 0.3, rel=1e-6)

    def test_splits_count_from_one(self, nyu: Path) -> None:
        made = dataset("nyuv2")
        assert [i.name for i in made.items(nyu, "train")] == ["0001", "0003"]
        assert [i.name for i in made.items(nyu, "test")] == ["0002"]

    def test_without_the_list_there_are_no_splits(self, tmp_path: Path) -> None:
        made = dataset("nyuv2")
        made.fake(tmp_path)
        (tmp_path / "splits.mat").unlink()
        assert {i.split for i in made.items(tmp_path)} == {""}
        assert "splits.mat is not there" in made.check(tmp_path).notes[0]
        with pytest.raises(ReadError, match=r"splits\.mat: is missing: it says which pictures train\. Get it: http"):
            made.items(tmp_path, "test")

    @pytest.mark.parametrize(
        ("recipe", "focus", "size"),
        [
            ("nyu-dered", [1, 1.5, 2.5, 4, 6], (28, 36)),
            ("nyu-ddfs", [0.6, 1.2, 2.4], (56, 72)),
            ("nyu-wild-sim", (1 / np.linspace(1 / 0.9, 10, 10)).tolist(), (224, 352)),
        ],
    )
    def test_frames_and_sizes_of_the_recipes(
        self, nyu: Path, recipe: str, focus: list[float], size: tuple[int, int]
    ) -> None:
        sample = first(nyu, recipe=recipe)
        assert sample.stack.axis.values == pytest.approx(focus)
        assert sample.stack.shape == (*size, 3)
        assert sample.truth is not None
        assert sample.truth.unit is Unit.METRE

    @pytest.mark.parametrize("count", [5, 10])
    def test_hybrid_focuses_over_the_truth(self, nyu: Path, count: int) -> None:
        sample = first(nyu, recipe="nyu-hybrid", frames=count)
        assert sample.truth is not None
        limits = np.nanmin(sample.truth.values), np.nanmax(sample.truth.values)
        assert len(sample.stack) == count
        assert sample.stack.axis.values[[0, -1]] == pytest.approx(limits)
        assert sample.stack.axis.near_to_far is True

    def test_the_middle_is_cut_out(self) -> None:
        rows = np.repeat(np.arange(480, dtype=np.float32)[:, None], 640, 1)
        cut = middle(rows, (384, 512))
        assert cut.shape == (384, 512)
        assert cut[[0, -1], 0].tolist() == [48, 431]

    def test_the_phone_of_the_simulator_moves_all_frames_but_that_of_the_truth(self, nyu: Path) -> None:
        one, same, other = (first(nyu, recipe="nyu-wild-sim", seed=s) for s in (0, 0, 5))
        assert one.reference == 9
        assert one.truth is not None
        assert np.nanmin(one.truth.values) == pytest.approx(0.1, abs=1e-6)
        assert np.nanmax(one.truth.values) == pytest.approx(1.1, abs=1e-6)
        assert np.array_equal(one.stack.read_all(), same.stack.read_all())
        assert not np.array_equal(one.stack.read_all(), other.stack.read_all())

    def test_blur_is_that_of_the_thin_lens_with_its_own_image_distance(self) -> None:
        """A white dot at one depth: the Gaussian of the frame has half the diameter of the circle of confusion."""
        picture = np.zeros((41, 41, 3), np.float32)
        picture[20, 20] = 1
        scene = Scene("dot", picture, np.full((41, 41), 3.0, np.float32))
        lens = RECIPES["nyu-dered"].make(scene, 5, 0).stack.optics
        frame = rendered(scene, np.array([2.0, 3.0]), lens, GaussianSpread(window=41))
        row = frame[0, 20, :, 0].astype(float)
        place = np.arange(41) - 20
        sigma = np.sqrt((row * place**2).sum() / row.sum())
        assert sigma == pytest.approx(coc_diameter(3.0, 2.0, 0.05, 8.0) / 2 / 1.2e-5, rel=0.05)
        assert frame[1, 20, 20, 0] == 255

    def test_ddfs_scales_truth_focus_and_lens_alike(self, nyu: Path) -> None:
        stack = first(nyu, recipe="nyu-ddfs").stack
        focal_m, pitch_m = stack.optics.focal_length_m, stack.optics.pixel_pitch_m
        assert focal_m is not None
        assert pitch_m is not None
        scaled = coc_diameter(0.9, stack.axis.values[0], focal_m, 2.8) / pitch_m
        assert scaled == pytest.approx(coc_diameter(3.0, 2.0, 0.015, 2.8) / 5.6e-6)

    def test_values_are_cut_where_the_program_cuts(self) -> None:
        flat = Scene("flat", np.full((6, 6, 3), 100.7 / 255, np.float32), np.ones((6, 6), np.float32))
        lens = RECIPES["nyu-dered"].make(flat, 5, 0).stack.optics
        cut, rounded = (
            rendered(flat, np.array([1.0, 2]), lens, GaussianSpread(), truncated=t).max() for t in (True, False)
        )
        assert (cut, rounded) == (100, 101)

    def test_unknown_depth_stays_unknown(self) -> None:
        depth = np.full((8, 8), 2.0, np.float32)
        depth[0, 0] = np.nan
        scene = Scene("hole", np.zeros((8, 8, 3), np.float32), depth)
        truth = RECIPES["nyu-dered"].make(scene, 5, 0).truth
        assert truth is not None
        assert not truth.valid[0, 0]
        assert truth.valid.sum() == 15

    def test_one_depth_everywhere_has_no_range(self) -> None:
        with pytest.raises(StackError, match="flat: has no range of depths"):
            span_of(np.full((2, 2), 3, np.float32), 5, "flat")

    @pytest.mark.parametrize("recipe", ["nyu-dered", "nyu-wild-sim"])
    def test_prepared_stacks_are_those_rendered_on_opening(self, nyu: Path, tmp_path: Path, recipe: str) -> None:
        made = dataset("nyuv2", recipe=recipe)
        write_prepared(made, nyu, tmp_path / "made")
        items = made.items(tmp_path / "made", "test")
        assert [i.name for i in items] == ["0002"]
        stored, direct = items[0].open(), made.items(nyu, "test")[0].open()
        assert np.array_equal(stored.stack.read_all(), direct.stack.read_all())
        assert stored.stack.axis == direct.stack.axis
        assert stored.stack.optics == direct.stack.optics
        assert (stored.name, stored.split, stored.reference) == (direct.name, direct.split, direct.reference)
        assert np.array_equal(stored.all_in_focus, direct.all_in_focus)
        assert stored.truth is not None
        assert direct.truth is not None
        assert np.array_equal(stored.truth.values, direct.truth.values, equal_nan=True)
        assert made.check(tmp_path / "made").problems == ()

    def test_recipes_are_never_mixed(self, nyu: Path, tmp_path: Path) -> None:
        write_prepared(dataset("nyuv2", recipe="nyu-hybrid", frames=3), nyu, tmp_path / "made")
        with pytest.raises(SettingError, match="made with recipe = nyu-hybrid, asked for is nyu-dered"):
            dataset("nyuv2").items(tmp_path / "made")
        with pytest.raises(SettingError, match=r"Say --set frames=3"):
            dataset("nyuv2", recipe="nyu-hybrid").items(tmp_path / "made")
        (tmp_path / "made" / "0001" / "stack.json").write_text("{}")
        with pytest.raises(ReadError, match=r"stack\.json: is no record of a stack"):
            dataset("nyuv2", recipe="nyu-hybrid", frames=3).items(tmp_path / "made")[0].open()
        (tmp_path / "made" / "dataset.json").write_text("{")
        with pytest.raises(ReadError, match="is no record of stacks"):
            dataset("nyuv2").items(tmp_path / "made")

    def test_another_mat_file(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / MAT, "w") as file:
            file["images"] = np.zeros((1, 3, 4, 4), np.uint8)
        with pytest.raises(ReadError, match="has no depths"):
            dataset("nyuv2").items(tmp_path)


class TestArkit:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        dataset("arkitscenes").fake(tmp_path)
        return tmp_path

    def open(self, root: Path, index: int, **settings: object) -> Sample:
        return dataset("arkitscenes", **settings).items(root)[index].open()

    def test_depth_is_millimetres_and_gives_the_focus(self, root: Path) -> None:
        sample = self.open(root, 1)
        assert sample.truth is not None
        assert not sample.truth.valid[:4, :4].any()
        assert 0.5 <= np.nanmin(sample.truth.values) < np.nanmax(sample.truth.values) < 4
        limits = [np.nanmin(sample.truth.values), np.nanmax(sample.truth.values)]
        assert sample.stack.axis.values == pytest.approx(np.linspace(*limits, 5))

    def test_stored_frame_0_is_left_out_where_depth_is_unknown(self, root: Path) -> None:
        whole, holed = (self.open(root, i, stored=True) for i in (0, 1))
        assert (len(whole.stack), len(holed.stack)) == (10, 9)
        assert "frame 0 was focused at 0 m" in holed.stack.info.warnings[0]
        assert holed.truth is not None
        assert holed.stack.axis.values == pytest.approx(np.linspace(0, np.nanmax(holed.truth.values), 10)[1:])
        assert holed.stack.info.frame_names[0] == "1.png"

    def test_a_list_says_which_pictures_count(self, root: Path) -> None:
        line = (root / "Validation.txt").read_text().splitlines()[1]
        (root / "Validation.txt").write_text(line + "\n")
        assert [i.name for i in dataset("arkitscenes").items(root, "val")] == ["41069021_301.222"]

    def test_large_pictures_are_made_smaller(self, root: Path) -> None:
        video = root / "Validation" / "41069021"
        write_picture(video / "wide" / "41069021_300.111.png", np.full((240, 320, 3), 9, np.uint8))
        depth = np.repeat(np.arange(1000, 1240, dtype=np.uint16)[:, None, None], 320, 1)
        write_picture(video / "highres_depth" / "41069021_300.111.png", depth)
        sample = self.open(root, 0, size="192x256", frames=2)
        assert sample.stack.shape == (192, 256, 3)
        assert sample.truth is not None
        assert np.isin((sample.truth.values * 1000).round(), depth).all()

    def test_pictures_without_depth_are_told(self, root: Path) -> None:
        (root / "Validation" / "41069021" / "highres_depth" / "41069021_300.111.png").unlink()
        assert dataset("arkitscenes").check(root).notes == (
            "1 pictures have no depth and are left out, the first is 41069021_300.111.png.",
        )

    def test_prepared_stacks_are_read_back(self, root: Path, tmp_path: Path) -> None:
        made = dataset("arkitscenes", frames=3)
        write_prepared(made, root, tmp_path / "made")
        record = json.loads((tmp_path / "made" / "dataset.json").read_text())
        assert record["stacks"] == {"41069021_300.111": "val", "41069021_301.222": "val"}
        assert len(made.items(tmp_path / "made", "val")[0].open().stack) == 3


@pytest.mark.parametrize("recipe", ["nyu-dered", "nyu-hybrid", "nyu-ddfs"])
def test_depth_can_be_found_in_what_is_rendered(recipe: str) -> None:
    """Frames, focus positions and truth belong together: a slanted, textured plane comes out slanted."""
    rng = np.random.default_rng(0)
    depth = np.tile(np.linspace(0.9, 8, 160, dtype=np.float32), (64, 1))
    scene = Scene("plane", rng.random((64, 160, 3), dtype=np.float32), depth)
    sample = RECIPES[recipe].make(scene, 10, 0)
    assert sample.truth is not None
    result = estimate(sample.stack, method="naive", align="none", unit="metre", fill=True)
    assert result.filled is not None
    assert np.corrcoef(result.filled.values.ravel(), sample.truth.values.ravel())[0, 1] > 0.85

"""``focaldepth refocus``: light field in, focal stack with its truth out."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import focaldepth
from focaldepth.core.axis import Unit
from focaldepth.io.load import load_sample


@pytest.fixture
def views(tmp_path: Path) -> Path:
    """3 x 3 views of a plane of disparity 1 as the 4D Light Field benchmark stores them."""
    folder = tmp_path / "fake"
    folder.mkdir()
    texture = np.random.default_rng(0).integers(20, 230, (24, 30, 3)).astype(np.uint8)
    for i in range(9):
        moved = np.roll(texture, (-(i // 3 - 1), -(i % 3 - 1)), (0, 1))
        Image.fromarray(moved).save(folder / f"input_Cam{i:03d}.png")
    (folder / "gt_disp_lowres.pfm").write_bytes(b"Pf\n30 24\n-1\n" + np.ones(24 * 30, "<f4").tobytes())
    return folder


def test_a_light_field_becomes_a_stack_with_its_truth(cli, views: Path, tmp_path: Path) -> None:
    out = tmp_path / "S"
    done = cli("refocus", views, "-o", out, "--disparities=-1:2:4", "--json")
    assert done.code == 0, done.err
    facts = json.loads(done.out)
    assert [Path(f).name for f in facts["files"]] == [
        "frame_00.png", "frame_01.png", "frame_02.png", "frame_03.png", "focus.csv", "truth.tiff", "all_in_focus.png",
        "stack.json",
    ]  # fmt: skip
    sample = load_sample(out)
    assert sample.stack.axis.unit is Unit.DISPARITY_PX
    assert sample.stack.axis.values.tolist() == [-1, 0, 1, 2]
    assert sample.stack.dtype == np.uint16
    assert (sample.truth.values == 1).all()
    direct = focaldepth.load_stack(views, focus="-1:2:4")
    assert np.array_equal(sample.stack.read_all(), direct.read_all())
    assert "light field   fake: 3 x 3 views of 30 x 24 px" in done.err


def test_estimate_prints_the_error_against_the_truth(cli, views: Path, tmp_path: Path) -> None:
    for source in (views, tmp_path / "S"):
        if source.name == "S":
            assert cli("refocus", views, "-o", source, "--disparities", "-1:2:7", "--bits", "8").code == 0
        options = ("--method", "naive", "--align", "none", "--set", "sigma=2", "--no-report")
        focus = () if source.name == "S" else ("--focus=-1:2:7",)
        done = cli("estimate", source, "-o", tmp_path / f"O{source.name}", *options, *focus)
        assert done.code == 0, done.err
        assert "truth         mean error 0.0" in done.err


def test_settings_and_ways_are_options(cli, views: Path, tmp_path: Path) -> None:
    assert cli("refocus", views, "-o", tmp_path / "a", "--disparities", "0,1", "--refocuser", "ddff", "-q").code == 0
    made = json.loads((tmp_path / "a" / "stack.json").read_text())["made"]
    assert made["refocuser"] == "Published()"
    wrapped = cli("refocus", views, "-o", tmp_path / "b", "--disparities", "0,1", "--set", "border=wrap", "-q")
    assert wrapped.code == 0
    again = cli("refocus", views, "-o", tmp_path / "b", "--disparities", "0,1", "--overwrite", "-q")
    assert again.code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--disparities", "one"), "neither a list of numbers nor a file"),
        (("--disparities", "0,1", "--depths", "1,2"), "exclude each other"),
        (("--disparities", "1,2 m"), "is in metre"),
        (("--depths", "1,2"), "needs disparity_scale_m_px, which is unknown. Give it with --optics"),
        (("--disparities", "0,1", "--set", "kernel=cubic"), "unknown setting 'kernel'"),
        (("--disparities", "0,40"), "shifts the outer views by more than their size"),
        (("--disparities", "0"), "at least 2 frames"),
        ((), "which disparities the scene has"),
        (("--disparities", "0,1", "--grid", "nine"), "is no grid"),
    ],
)
def test_wrong_input_is_one_clear_line(cli, views: Path, tmp_path: Path, options, message: str) -> None:
    done = cli("refocus", views, "-o", tmp_path / "S", *options)
    assert done.code == 2
    assert message in done.err.replace("\n", " ")
    assert not (tmp_path / "S").exists()


def test_a_view_that_breaks_leaves_nothing_behind(cli, views: Path, tmp_path: Path) -> None:
    whole = (views / "input_Cam003.png").read_bytes()
    (views / "input_Cam003.png").write_bytes(whole[: len(whole) // 2])
    done = cli("refocus", views, "-o", tmp_path / "S", "--disparities", "0,1")
    assert done.code == 2
    assert "input_Cam003.png" in done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fake"]
    shutil.rmtree(views)
    assert cli("refocus", views, "-o", tmp_path / "S").code == 2

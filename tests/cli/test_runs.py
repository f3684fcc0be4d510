"""Whole runs through the entry point: what is printed, what is written, what stays the same."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from focaldepth.core.result import DepthResult

Frames = tuple[np.ndarray, ...]
MAPS = {"depth.tiff", "sigma.tiff", "valid.png", "index.tiff", "source_frame.png"}
FILES = MAPS | {"all_in_focus.png", "depth.png", "report.html", "result.json", "transforms.json"}
FOCUS = ("--focus", "3:0.5:8", "--focus-unit", "dioptre")


def test_estimate_with_defaults(cli, write, scene: Frames, tmp_path: Path) -> None:
    """One command: picture, depth, error bar; everything that was read and made is told on stderr (R2, R40, R47)."""
    out = cli("estimate", write(scene), "-o", tmp_path / "out", *FOCUS)
    assert (out.code, out.out) == (0, "")
    assert {p.name for p in (tmp_path / "out").iterdir()} == FILES
    lines = {line[:14].strip(): line[14:] for line in out.err.splitlines() if line[:1].isalpha()}
    assert lines["stack"] == "stack: 8 frames of 128 x 96 px, RGB, 8 bit"
    assert lines["order"] == "focus distance"
    assert lines["focus"].startswith("3 to 0.5 1/m (argument")
    assert lines["memory"].startswith("at most about ")
    assert lines["written"] == str(tmp_path / "out" / "all_in_focus.png")
    assert {"valid", "depth range", "median sigma", "time", "warnings"} <= set(lines)
    assert out.err.index("memory") < out.err.index("depth: ") < out.err.index("written")


def test_json(cli, write, scene: Frames, tmp_path: Path) -> None:
    """One object on stdout, beside the lines on stderr; numbers agree with the files."""
    out = cli("estimate", write(scene), "-o", tmp_path / "out", *FOCUS, "--json", "--quiet")
    assert (out.code, out.err) == (0, "")
    assert out.out.count("\n") == 1
    facts = json.loads(out.out)
    depth = tifffile.imread(tmp_path / "out" / "depth.tiff")
    assert facts["valid_share"] == pytest.approx(np.isfinite(depth).mean())
    assert facts["depth_median"] == pytest.approx(np.nanmedian(depth), rel=1e-5)
    assert facts["unit"] == "dioptre"
    assert facts["input"]["frames"] == 8
    assert facts["input"]["order_rule"] == "focus distance"
    assert {Path(p).name for p in facts["files"]} == FILES


def test_quiet_says_nothing(cli, write, scene: Frames, tmp_path: Path) -> None:
    out = cli("estimate", write(scene), "-o", tmp_path / "out", "--quiet")
    assert (out.code, out.out, out.err) == (0, "", "")


def test_same_as_the_api(cli, write, scene: Frames, tmp_path: Path) -> None:
    """The command and two lines of Python give the same numbers (R48)."""
    from focaldepth.estimate import estimate
    from focaldepth.io.load import load_stack

    folder = write(scene)
    assert cli("estimate", folder, "-o", tmp_path / "out", *FOCUS, "--fill").code == 0
    made = DepthResult.load(tmp_path / "out")
    called = estimate(load_stack(folder, focus="3:0.5:8", focus_unit="dioptre"), fill=True)
    assert np.array_equal(made.map.values, called.map.values, equal_nan=True)
    assert made.map.sigma is not None
    assert called.map.sigma is not None
    assert np.array_equal(made.map.sigma, called.map.sigma, equal_nan=True)
    assert made.filled is not None
    assert called.filled is not None
    assert np.array_equal(made.filled.values, called.filled.values)
    assert np.array_equal(made.all_in_focus, called.all_in_focus)


def test_sources_of_positions_agree(cli, write, scene: Frames, tmp_path: Path) -> None:
    """Command line and sidecar give one result, each with its origin (R5)."""
    folder = write(scene)
    assert cli("estimate", folder, "-o", tmp_path / "a", *FOCUS).code == 0
    rows = (f"img{i + 1}.png,{v!r}" for i, v in enumerate(np.linspace(3, 0.5, 8).tolist()))
    (folder / "focus.csv").write_text("name,dioptre\n" + "\n".join(rows) + "\n")
    out = cli("estimate", folder, "-o", tmp_path / "b")
    assert out.code == 0, out.err
    assert "focus.csv" in out.err
    one, other = (DepthResult.load(tmp_path / n) for n in "ab")
    assert np.array_equal(one.map.values, other.map.values, equal_nan=True)
    assert one.info.focus_origin != other.info.focus_origin


def test_options_reach_the_run(cli, write, scene: Frames, tmp_path: Path) -> None:
    """Settings, optics and formats are in the record and the folder."""
    args = ("--unit", "m", "--no-report", "--formats", "npy,pfm", "--3d", "ply", "--align", "none", "--threads", "1")
    lens = ("--optics", "focal_length=50mm", "--optics", "f_number=2.8", "--optics", "pixel_pitch=4um")
    out = cli("estimate", write(scene), "-o", tmp_path / "out", *FOCUS, *args, *lens)
    assert out.code == 0, out.err
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"depth.npy", "depth.pfm"} <= names
    assert any(n.endswith(".ply") for n in names)
    assert "report.html" not in names
    made = DepthResult.load(tmp_path / "out")
    assert made.map.unit.value == "metre"
    assert made.optics.facts() == {"focal_length_m": 0.05, "f_number": 2.8, "pixel_pitch_m": 4e-6, "model": "thin_lens"}
    assert made.provenance.settings["front_door"]["align"] == "none"
    assert made.provenance.settings["read"]["focus_unit"] == "dioptre"


def test_reverse_gives_the_same_map(cli, write, scene: Frames, tmp_path: Path) -> None:
    folder = write(scene)
    assert cli("estimate", folder, "-o", tmp_path / "a", "--align", "none").code == 0
    assert cli("estimate", folder, "-o", tmp_path / "b", "--align", "none", "--reverse").code == 0
    one, other = (DepthResult.load(tmp_path / n) for n in "ab")
    both = one.map.valid & other.map.valid
    assert both.any()
    assert np.median(np.abs(one.map.values + other.map.values - 7)[both]) < 0.01


def test_overwrite_replaces_a_result(cli, write, scene: Frames, tmp_path: Path) -> None:
    folder = write(scene)
    assert cli("estimate", folder, "-o", tmp_path / "out").code == 0
    assert cli("estimate", folder, "-o", tmp_path / "out").code == 2
    assert cli("estimate", folder, "-o", tmp_path / "out", "--overwrite", "--no-report").code == 0
    assert not (tmp_path / "out" / "report.html").exists()


def test_rerun_equals_the_first_run(cli, write, scene: Frames, tmp_path: Path) -> None:
    """From the record alone (R38); changed input is refused."""
    folder = write(scene)
    args = (*FOCUS, "--fill", "--align", "none", "--optics", "focal_length=50mm")
    assert cli("estimate", folder, "-o", tmp_path / "a", *args).code == 0
    out = cli("rerun", tmp_path / "a", "-o", tmp_path / "b", "--json")
    assert out.code == 0, out.err
    assert json.loads(out.out)["same"]["equal"] is True
    assert "equal the first run bit for bit" in out.err
    one, other = (DepthResult.load(tmp_path / n) for n in "ab")
    first, second = one.provenance.settings, other.provenance.settings
    assert (first["method"], first["read"]) == (second["method"], second["read"])
    assert {**first["front_door"], "method": ""} == {**second["front_door"], "method": ""}
    assert one.provenance.inputs == other.provenance.inputs
    picture = cv2.imread(str(folder / "img1.png"))
    cv2.imwrite(str(folder / "img1.png"), 255 - picture)
    out = cli("rerun", tmp_path / "a", "-o", tmp_path / "c")
    assert out.code == 2
    assert "7 of 8 input files are those of the run" in out.err
    assert cli("rerun", tmp_path / "a", "-o", tmp_path / "c", "--allow-changed").code == 0


def test_rerun_of_moved_input(cli, write, scene: Frames, tmp_path: Path) -> None:
    folder = write(scene)
    assert cli("estimate", folder, "-o", tmp_path / "a").code == 0
    folder.rename(tmp_path / "moved")
    assert cli("rerun", tmp_path / "a", "-o", tmp_path / "b").code == 2
    out = cli("rerun", tmp_path / "a", tmp_path / "moved", "-o", tmp_path / "b")
    assert out.code == 0, out.err
    assert "bit for bit" in out.err


def test_rerun_of_no_result(cli, tmp_path: Path) -> None:
    out = cli("rerun", tmp_path, "-o", tmp_path / "b")
    assert out.code == 2
    assert "is not a focaldepth result" in out.err


def test_demo(cli, tmp_path: Path) -> None:
    """Ends with the paths and the error against the truth."""
    out = cli("demo", "-o", tmp_path / "out", "--json")
    assert out.code == 0, out.err
    for name in ("depth.tiff", "sigma.tiff", "all_in_focus.jpg", "report.html"):
        assert str(tmp_path / "out" / name) in out.err
    assert "mean error" in out.err
    assert "within 1 sigma" in out.err
    truth = json.loads(out.out)["truth"]
    assert truth["dioptre"]["mean"] < 0.15
    assert truth["dioptre"]["valid_share"] > 0.3
    assert truth["dioptre"]["within_1_sigma"] > 0.3


@pytest.mark.parametrize(("suffix", "kind"), [(".tiff", np.uint16), (".png", np.uint16), (".jpg", np.uint8)])
def test_fuse(cli, write, scene: Frames, tmp_path: Path, suffix: str, kind: type) -> None:
    """A picture at the input's bit depth; a folder takes the input's format; an existing one is refused."""
    folder = write([f.astype(kind) * (257 if kind is np.uint16 else 1) for f in scene], suffix)
    picture = tmp_path / f"sharp{suffix}"
    out = cli("fuse", folder, "-o", picture)
    assert (out.code, out.out) == (0, ""), out.err
    made = cv2.imread(str(picture), cv2.IMREAD_UNCHANGED)
    assert (made.shape, made.dtype) == ((96, 128, 3), kind)
    again = cli("fuse", folder, "-o", picture)
    assert again.code == 2
    assert "exists already" in again.err
    assert cli("fuse", folder, "-o", picture, "--overwrite").code == 0
    facts = json.loads(cli("fuse", folder, "-o", tmp_path / "folder", "--json", "--quiet").out)
    assert facts["output"] == str(tmp_path / "folder" / f"all_in_focus{suffix}")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["folder", "stack", picture.name])


@pytest.mark.parametrize(
    ("args", "hint"),
    [(("-o", "x.bmp"), "cannot write .bmp"), (("-o", "x.png", "--fusion", "none"), "Give multiband or colour")],
)
def test_fuse_refuses(cli, write, scene: Frames, args: tuple[str, ...], hint: str) -> None:
    out = cli("fuse", write(scene), *args)
    assert (out.code, out.out) == (2, "")
    assert hint in out.err


def moved(scene: Frames, kind: type) -> list[np.ndarray]:
    """Frames of which each is one pixel farther to the right."""
    frames = [np.roll(f, i, axis=1)[8:-8, 8:-8] for i, f in enumerate(scene)]
    return [np.ascontiguousarray(f).astype(kind) * (257 if kind is np.uint16 else 1) for f in frames]


def test_align(cli, write, scene: Frames, tmp_path: Path) -> None:
    """Frames keep name and depth; the transforms serve another stack (R16)."""
    folder = write(moved(scene, np.uint16), ".tiff")
    out = cli("align", folder, "-o", tmp_path / "out", "--align", "ecc")
    assert (out.code, out.out) == (0, ""), out.err
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names >= {*(f"img{i + 1}.tiff" for i in range(8)), "transforms.json"}
    first = tifffile.imread(tmp_path / "out" / "img1.tiff")
    assert (first.shape, first.dtype) == ((80, 112, 3), np.uint16)
    transforms = tmp_path / "out" / "transforms.json"
    again = cli("align", folder, "-o", tmp_path / "again", "--transforms", transforms, "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out)["moved"] is True
    assert np.array_equal(tifffile.imread(tmp_path / "again" / "img1.tiff"), first)
    assert cli("align", folder, "-o", tmp_path / "out").code == 2
    assert cli("align", folder, "-o", tmp_path / "out", "--overwrite", "--align", "none").code == 0


def test_aligned_frames_keep_their_positions(cli, write, scene: Frames, tmp_path: Path) -> None:
    """The folder is a stack with the same axis."""
    from focaldepth.io.load import load_stack

    folder = write(scene)
    assert cli("align", folder, "-o", tmp_path / "out", *FOCUS).code == 0
    given = load_stack(folder, focus="3:0.5:8", focus_unit="dioptre").axis
    assert load_stack(tmp_path / "out").axis == given


def test_transforms_of_a_run_are_reused(cli, write, scene: Frames, tmp_path: Path) -> None:
    """A second run with the transforms of the first gives the same bytes and does not align again (R16)."""
    folder = write(moved(scene, np.uint8))
    assert cli("estimate", folder, "-o", tmp_path / "a", "--align", "ecc").code == 0
    out = cli("estimate", folder, "-o", tmp_path / "b", "--transforms", tmp_path / "a" / "transforms.json")
    assert out.code == 0, out.err
    assert "align: " not in out.err
    same = [(tmp_path / n / "depth.tiff").read_bytes() for n in "ab"]
    assert same[0] == same[1]


def test_left_out_frame_stays_left_out(cli, write, scene: Frames, tmp_path: Path) -> None:
    """Transforms of a run that left a frame out fit the same stack, and leave it out again (R15, R16)."""
    foreign = np.random.default_rng(0).integers(0, 256, scene[0].shape).astype(np.uint8)
    folder = write([*scene[:2], foreign, *scene[3:]])
    first = cli("align", folder, "-o", tmp_path / "aligned")
    assert first.code == 0, first.err
    assert "img3.png" in first.err
    assert not (tmp_path / "aligned" / "img3.png").exists()
    assert cli("estimate", folder, "-o", tmp_path / "run").code == 0
    for origin in ("aligned", "run"):
        out = cli(
            "align", folder, "-o", tmp_path / f"again-{origin}", "--transforms", tmp_path / origin / "transforms.json"
        )
        assert out.code == 0, out.err
        again = tmp_path / f"again-{origin}"
        assert not (again / "img3.png").exists()
        assert (again / "img4.png").read_bytes() == (tmp_path / "aligned" / "img4.png").read_bytes()


def test_transforms_serve_another_light(cli, write, scene: Frames, tmp_path: Path) -> None:
    """Frames with other names and other light take the same transforms, frame by frame."""
    folder = write(moved(scene, np.uint8))
    assert cli("align", folder, "-o", tmp_path / "a", "--align", "ecc").code == 0
    dark = write([f // 2 for f in moved(scene, np.uint8)], ".tiff", "dark")
    out = cli("align", dark, "-o", tmp_path / "b", "--transforms", tmp_path / "a" / "transforms.json")
    assert out.code == 0, out.err
    files = [json.loads((tmp_path / n / "transforms.json").read_text())["frames"] for n in "ab"]
    assert [f["matrix"] for f in files[0]] == [f["matrix"] for f in files[1]]


def test_transforms_of_another_stack_are_refused(cli, write, scene: Frames, tmp_path: Path) -> None:
    folder = write(scene)
    assert cli("align", folder, "-o", tmp_path / "out", "--align", "none").code == 0
    small = write(scene[:5], name="small")
    out = cli("estimate", small, "-o", tmp_path / "b", "--transforms", tmp_path / "out" / "transforms.json")
    assert out.code == 2
    assert "transforms of 8 frames, the stack has 5" in out.err


def test_stage_travel_in_metres_may_be_negative(cli, write, scene: Frames, tmp_path: Path) -> None:
    """A stage counts from anywhere; only distances from a lens must be above 0."""
    folder, stage = write(scene), ("--focus=-30:40:8", "--focus-unit", "um", "--align", "none")
    assert cli("estimate", folder, "-o", tmp_path / "um", *stage).code == 0
    out = cli("estimate", folder, "-o", tmp_path / "m", *stage, "--unit", "m")
    assert out.code == 0, out.err
    um, m = (DepthResult.load(tmp_path / n).map for n in ("um", "m"))
    assert (m.values[m.valid] < 0).any()
    np.testing.assert_array_equal(um.valid, m.valid)
    np.testing.assert_allclose(m.values, um.values * 1e-6, rtol=1e-5)
    np.testing.assert_allclose(m.sigma, um.sigma * 1e-6, rtol=1e-5)

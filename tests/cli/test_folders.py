"""Result folders: what is read back equals what was computed; what is not ours stays."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from focaldepth.core.result import DepthResult
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import estimate

Frames = tuple[np.ndarray, ...]


@pytest.fixture
def moved(scene: Frames) -> list[np.ndarray]:
    """The scene from a hand that drifts, and one frame of something else."""
    frames = []
    for i, frame in enumerate(scene):
        shift = np.array([[1.0, 0, 0.8 * i - 2.5], [0, 1.0, 1.5 - 0.4 * i]])
        frames.append(cv2.warpAffine(frame, shift, frame.shape[1::-1], borderMode=cv2.BORDER_REFLECT))
    frames[2] = np.random.default_rng(0).integers(0, 256, frames[2].shape).astype(np.uint8)
    return frames


@pytest.mark.parametrize("area", ["mask", "crop"])
@pytest.mark.parametrize("unaligned", ["drop", "keep"])
def test_where_the_frames_lay_is_read_back(moved, tmp_path: Path, area: str, unaligned: str) -> None:
    """Transforms of the frames in the result, crop included, and the whole alignment."""
    made = estimate(FocalStack.from_arrays(np.stack(moved)), align="ecc", area=area, unaligned=unaligned)
    assert made.alignment is not None
    assert made.transforms is not None
    assert not made.alignment.aligned[2]
    assert len(made.transforms) == (7 if unaligned == "drop" else 8)
    assert (made.map.shape == moved[0].shape[:2]) == (area == "mask")
    back = DepthResult.load(made.save(tmp_path / "out", report=False))
    assert back.alignment is not None
    np.testing.assert_array_equal(back.transforms, made.transforms)
    for name in ("transforms", "aligned", "score"):
        np.testing.assert_array_equal(getattr(back.alignment, name), getattr(made.alignment, name))
    for name in ("reference", "reasons", "rule", "evidence", "size", "frame_names"):
        assert getattr(back.alignment, name) == getattr(made.alignment, name), name


def test_overwrite_keeps_files_of_the_user(cli, write, scene: Frames, tmp_path: Path) -> None:
    """Notes and a retouched picture survive, and the run says where they are."""
    folder, out = write(scene), tmp_path / "out"
    args = ("estimate", folder, "-o", out, "--method", "naive", "--align", "none", "--no-report")
    assert cli(*args).code == 0
    (out / "notes.txt").write_text("left eye")
    (out / "depth.png").write_bytes(b"retouched")
    assert cli(*args).code == 2
    told = cli(*args, "--overwrite", "--json")
    assert told.code == 0, told.err
    facts = json.loads(told.out)
    assert facts["kept"] == [str(out / "depth.kept.png"), str(out / "notes.txt")]
    assert not set(facts["kept"]) & set(facts["files"])
    assert "kept" in told.err
    assert (out / "notes.txt").read_text() == "left eye"
    assert (out / "depth.kept.png").read_bytes() == b"retouched"
    assert (out / "depth.png").read_bytes() != b"retouched"
    assert DepthResult.load(out).map.shape == scene[0].shape[:2]


def test_overwrite_of_aligned_frames_keeps_files_of_the_user(cli, write, scene: Frames, tmp_path: Path) -> None:
    """Frames of the run before go, also those that the new run has not."""
    out = tmp_path / "out"
    assert cli("align", write(scene), "-o", out, "--align", "none").code == 0
    (out / "notes.txt").write_text("left eye")
    told = cli("align", write(scene[:5], name="fewer"), "-o", out, "--align", "none", "--overwrite", "--json")
    assert told.code == 0, told.err
    facts = json.loads(told.out)
    assert facts["kept"] == [str(out / "notes.txt")]
    names = {p.name for p in out.iterdir()}
    assert names == {"notes.txt", "transforms.json", *(f"img{i}.png" for i in range(1, 6))}


def test_a_result_json_of_another_program_is_no_result(cli, write, scene: Frames, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "result.json").write_text('{"score": 1}')
    told = cli("estimate", write(scene), "-o", out, "--method", "naive", "--overwrite")
    assert told.code == 2
    assert "is not a focaldepth result" in told.err
    assert (out / "result.json").read_text() == '{"score": 1}'

"""Transforms survive a round trip; wrong files are refused with the file and the remedy."""

from __future__ import annotations

import json

import numpy as np
import pytest

from focaldepth.core.errors import AlignmentError, ReadError
from focaldepth.io.transforms import TransformFile, read_transforms, write_transforms


@pytest.fixture
def some() -> TransformFile:
    rng = np.random.default_rng(3)
    matrices = np.eye(3) + rng.normal(0, 1e-3, (4, 3, 3))
    matrices[2] = np.eye(3)
    return TransformFile(
        matrices,
        (40, 60),
        2,
        ("a", "b", "c", "d"),
        np.array([True, True, True, False]),
        ("", "", "", "too little texture."),
        "ecc, similarity",
        np.array([True, True, True, False]),
        (3, 5),
        np.array([0.9, np.nan, 1.0, -0.5]),
        {"shift_px": 1.25, "ratio": float("inf")},
    )


def test_round_trip_is_exact(some, tmp_path):
    back = read_transforms(write_transforms(tmp_path / "t.json", some), frames=4, size=(40, 60))
    np.testing.assert_array_equal(back.matrices, some.matrices)
    np.testing.assert_array_equal(back.aligned, some.aligned)
    np.testing.assert_array_equal(back.used, some.used)
    np.testing.assert_array_equal(back.score, some.score)
    for name in ("size", "reference", "frame_names", "reasons", "rule", "corner", "evidence"):
        assert getattr(back, name) == getattr(some, name)
    written = json.loads((tmp_path / "t.json").read_text())
    assert written["schema"] == "focaldepth.transforms/1"
    assert "pixel centres at integers" in written["convention"]


def test_what_stands_in_a_file_of_an_earlier_version_is_enough(some, tmp_path):
    path = write_transforms(tmp_path / "t.json", some)
    content = json.loads(path.read_text())
    content = {k: v for k, v in content.items() if k not in ("corner", "evidence", "files")}
    content["frames"] = [{k: v for k, v in f.items() if k not in ("used", "score")} for f in content["frames"]]
    path.write_text(json.dumps(content))
    back = read_transforms(path)
    assert back.used.all()
    assert (back.corner, dict(back.evidence)) == ((0, 0), {})
    assert np.isnan(back.score).all()


def test_wrong_use_is_refused(some, tmp_path):
    path = write_transforms(tmp_path / "t.json", some)
    with pytest.raises(ReadError, match=r"t\.json: has transforms of 4 frames, the stack has 5. Use"):
        read_transforms(path, frames=5)
    with pytest.raises(ReadError, match=r"made for pictures of 60 x 40 px, these have 61 x 40 px"):
        read_transforms(path, size=(40, 61))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(schema="focaldepth.transforms/2"), "schema"),
        (lambda d: d.pop("frames"), "frames: Field required"),
        (lambda d: d.update(frames=[]), "3 x 3"),
        (lambda d: d["frames"][1].update(matrix=[[1, 0], [0, 1]]), "not 3 x 3"),
        (lambda d: d["frames"][1]["matrix"].__setitem__(0, [1, 0, float("nan")]), "transform of b .* not finite"),
        (
            lambda d: d["frames"][1].update(matrix=[[1, 0, 0], [1, 0, 0], [0, 0, 1]]),
            "transform of b cannot be inverted",
        ),
        (lambda d: d["frames"][3].update(matrix=[[0] * 3] * 3), "transform of d cannot be inverted"),
        (lambda d: d.update(reference=9), "reference"),
    ],
)
def test_broken_files_are_refused(some, change, message, tmp_path):
    path = write_transforms(tmp_path / "t.json", some)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ReadError, match=message) as caught:
        read_transforms(path)
    assert "t.json" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_no_json_at_all(content, tmp_path):
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(ReadError, match="not a transforms file"):
        read_transforms(tmp_path / "t.json")
    with pytest.raises(ReadError, match="cannot be read"):
        read_transforms(tmp_path / "none.json")


def test_lengths_must_agree():
    with pytest.raises(AlignmentError, match="2 transforms, but 1 names"):
        TransformFile(np.tile(np.eye(3), (2, 1, 1)), (4, 4), frame_names=("a",))
    with pytest.raises(AlignmentError, match="one 3 x 3 matrix per frame"):
        TransformFile(np.eye(3), (4, 4))


def test_of_finds_the_reference():
    matrices = np.tile(np.eye(3), (3, 1, 1))
    matrices[[0, 2], 0, 2] = 1.5
    found = TransformFile.of(matrices, (4, 4), ("a", "b", "c"), "metadata")
    assert found.reference == 1
    assert found.aligned.all()

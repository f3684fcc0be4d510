"""What is handed in to the DDFF 12-Scene benchmark."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from focaldepth.core.errors import ReadError, SettingError, StackError
from focaldepth.datasets import _ddff
from focaldepth.datasets import _ddff_submission as submission


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "SIZE", (3, 4))


def maps() -> list[tuple[str, np.ndarray, float]]:
    names = [_ddff.place_of_test(i) for i in range(120)]
    return [(f"{scene}_{n:04d}", np.full((3, 4), i / 100, np.float64), 0.25) for i, (scene, n) in enumerate(names)]


def test_the_size_is_that_of_the_test_stacks() -> None:
    assert submission.SIZE == (383, 552)


@pytest.mark.usefixtures("small")
def test_every_map_arrives_under_its_name_counted_from_1(tmp_path: Path) -> None:
    out = submission.write_submission(tmp_path / "out", reversed(maps()))
    assert submission.check_submission(out) == ()
    assert np.load(out / "lockeroom/DISP_0001.npy")[0, 0] == 0
    assert np.load(out / "magistrale/DISP_0020.npy")[0, 0] == np.float32(1.19)
    assert len(list(out.rglob("*.npy"))) == 120
    lines = (out / "runtime.txt").read_text().splitlines()
    assert (lines[0], lines[20], len(lines)) == ("lockeroom/DISP_0001 0.250000", "cafeteria/DISP_0001 0.250000", 120)
    with pytest.raises(SettingError, match="exists already"):
        submission.write_submission(out, maps())


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m[:-1], "magistrale/DISP_0020.npy is missing"),
        (lambda m: [*m, m[0]], "lockeroom_0001: comes twice"),
        (lambda m: [("lockeroom_0000", *m[0][1:]), *m[1:]], "lockeroom_0000: is no test stack"),
        (lambda m: [("locker_0001", *m[0][1:]), *m[1:]], "locker_0001: is no test stack"),
        (lambda m: [(m[0][0], np.zeros((3, 5)), 0.0), *m[1:]], "is 5 x 3 px, expected 4 x 3"),
        (lambda m: [(m[0][0], np.zeros((1, 3, 4)), 0.0), *m[1:]], "has 3 axes"),
        (lambda m: [(m[0][0], np.zeros((3, 4), int), 0.0), *m[1:]], "holds int64, expected floats"),
        (lambda m: [(m[0][0], np.full((3, 4), np.nan), 0.0), *m[1:]], "holds 12 values that are NaN"),
        (lambda m: [(m[0][0], m[0][1], float("nan")), *m[1:]], "is not an image and its seconds"),
    ],
)
def test_what_is_wrong_is_never_written(tmp_path: Path, change, message: str) -> None:
    with pytest.raises(StackError, match=message):
        submission.write_submission(tmp_path / "out", change(maps()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small")
def test_the_checker_names_every_fault_of_a_foreign_folder(tmp_path: Path) -> None:
    out = submission.write_submission(tmp_path / "out", maps())
    (out / "library/DISP_0003.npy").rename(out / "library/DISP_0000.npy")
    (out / "library/DISP_0004.npy").write_bytes(b"x")
    shutil.copy(out / "runtime.txt", out / "notes.txt")
    (out / "runtime.txt").write_text("library/DISP_0001 soon\nkitchen/DISP_0001 1.0\n")
    found = submission.check_submission(out)
    assert found[:2] == (
        "library/DISP_0000.npy does not belong here. Images count from 1.",
        "notes.txt does not belong here.",
    )
    assert found[2] == "library/DISP_0003.npy is missing."
    assert found[3].startswith("library/DISP_0004.npy is no readable .npy")
    assert found[4] == "runtime.txt line 1: 'library/DISP_0001 soon' is not an image and its seconds."
    assert found[5] == "runtime.txt must name lockeroom/DISP_0001 once, and so 118 more."
    assert found[6] == "runtime.txt names kitchen/DISP_0001, which is no test image."
    (out / "runtime.txt").unlink()
    assert submission.check_submission(out)[-1] == "runtime.txt is missing."
    with pytest.raises(ReadError, match="is no folder"):
        submission.check_submission(tmp_path / "nothing")

"""focaldepth data: facts, check, prepare, fake."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from focaldepth.datasets import _ddff_submission
from focaldepth.datasets._dataset import DATASETS, Dataset
from focaldepth.datasets._stack_file import write_arrays


def test_the_list_names_every_data_set(cli) -> None:
    out = cli("data", "info")
    assert (out.code, out.err) == (0, "")
    assert {line.split()[0] for line in out.out.splitlines() if line} >= set(DATASETS.names())
    assert set(json.loads(cli("data", "info", "--json").out)["datasets"]) == set(DATASETS.names())


@pytest.mark.parametrize("name", DATASETS.names())
def test_all_about_one(cli, name: str) -> None:
    spec = DATASETS.get(name).spec
    text = cli("data", "info", name).out
    assert text.startswith(f"{name}: {spec.title}\n{spec.summary}\n")
    assert all(line in text for line in (*spec.layout, *spec.notes))
    facts = json.loads(cli("data", "info", name, "--json").out)["datasets"][name]
    assert facts["address"] == spec.address
    assert facts["notes"] == list(spec.notes)
    assert ("turned into stacks" in text) == facts["prepares"] == (DATASETS.get(name).prepare is not Dataset.prepare)


def test_a_miniature_is_written_checked_and_never_replaced(cli, tmp_path: Path) -> None:
    out = tmp_path / "mini"
    made = cli("data", "fake", "plain", "--root", out, "--json", "-q")
    assert made.code == 0
    assert all(Path(f).is_file() for f in json.loads(made.out)["files"])
    assert cli("data", "fake", "plain", "--root", out).err.count("exists already") == 1
    found = cli("data", "check", "plain", "--root", out, "--json")
    assert found.code == 0
    assert "problems      none" in found.err
    facts = json.loads(found.out)
    assert (facts["counts"], facts["problems"], facts["dataset"]) == ({"": 2}, [], "plain")


def test_problems_are_listed_and_the_exit_code_is_1(cli, tmp_path: Path) -> None:
    cli("data", "fake", "plain", "--root", tmp_path / "mini")
    np.savez(
        tmp_path / "mini" / "bad.npz", frames=np.zeros((3, 12, 16, 3), np.uint8), focus=[1, 2, 3], focus_unit="metre"
    )
    found = cli("data", "check", "plain", "--root", tmp_path / "mini", "--json")
    assert found.code == 1
    assert "bad.npz: carries no truth" in found.err
    assert "bad.npz: carries no truth" in json.loads(found.out)["problems"][0]


class TestSubmission:
    @pytest.fixture
    def stacks(self, tmp_path: Path) -> Path:
        """Three test stacks of 8 x 12 px: frame 2 is sharp on the left, frame 7 on the right."""
        frames = np.full((10, 8, 12, 3), 90, np.uint8)
        frames[2, :, :6:2] = 200
        frames[7, :, 6::2] = 200
        write_arrays(tmp_path / "ddff-dataset-test.h5", {"stack_test": np.broadcast_to(frames, (3, *frames.shape))})
        return tmp_path

    def test_results_are_written_in_the_unit_of_the_benchmark(self, cli, stacks: Path, monkeypatch) -> None:
        for fact, small in (("SIZE", (8, 12)), ("TEST_SCENES", ("lockeroom",)), ("STACKS_PER_TEST_SCENE", 3)):
            monkeypatch.setattr(_ddff_submission, fact, small)
        out = stacks / "out"
        done = cli("data", "submit", "ddff12", "naive", "--root", stacks, "-o", out, "--align", "none", "--json", "-q")
        assert done.code == 0, done.err
        assert len(json.loads(done.out)["files"]) == 4
        depth = np.load(out / "lockeroom/DISP_0003.npy")
        axis = DATASETS.get("ddff12").spec.axis.values
        assert depth[4, 2] == pytest.approx(axis[2], abs=0.015)
        assert depth[4, 9] == pytest.approx(axis[7], abs=0.015)
        assert cli("data", "check", "ddff12", "--submission", out).code == 0
        (out / "lockeroom" / "DISP_0001.npy").unlink()
        found = cli("data", "check", "ddff12", "--submission", out)
        assert (found.code, "lockeroom/DISP_0001.npy is missing." in found.err) == (1, True)

    def test_what_cannot_be_handed_in_is_refused_before_any_run(self, cli, stacks: Path) -> None:
        tried = cli("data", "submit", "ddff12", "naive", "--root", stacks, "-o", stacks / "out", "--align", "none")
        assert tried.code == 2
        assert "is 12 x 8 px, expected 552 x 383" in tried.err
        assert not (stacks / "out").exists()
        (stacks / "there").mkdir()
        tried = cli("data", "submit", "ddff12", "naive", "--root", stacks, "-o", stacks / "there")
        assert (tried.code, "exists already" in tried.err) == (2, True)
        tried = cli("data", "submit", "hci", "naive", "--root", stacks, "-o", stacks / "out")
        assert (tried.code, "all truth is public" in tried.err) == (2, True)
        tried = cli("data", "submit", "ddff12", "naive", "--root", stacks, "-o", stacks / "out", "--set", "windw=3")
        assert (tried.code, "unknown setting" in tried.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "plain", "--root", "{}/nothing"), "nothing: does not exist"),
        (("check", "plane", "--root", "{}"), "unknown dataset 'plane'. Did you mean plain?"),
        (("check", "plain", "--root", "{}", "--set", "focus_unt=mm"), "Did you mean focus_unit?"),
        (("prepare", "plain", "--root", "{}", "-o", "{}/out"), "needs no preparation"),
        (("fake", "plain"), "Missing option '--root'"),
        (("check", "ddff12"), "Give either --root or --submission"),
        (("check", "ddff12", "--submission", "{}/none"), "none: is no folder"),
        (("check", "plain", "--submission", "{}"), "all truth is public"),
        (("info", "nonsense"), "unknown dataset"),
        (("begin",), "No such command 'begin'"),
    ],
)
def test_wrong_usage_is_told_in_one_line(cli, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    out = cli("data", *(a.format(tmp_path) for a in arguments))
    assert out.code == 2
    assert message in out.err
    assert "Traceback" not in out.err
    assert list(tmp_path.iterdir()) == []

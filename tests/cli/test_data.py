"""focaldepth data: facts, check, prepare, fake."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from focaldepth.datasets._dataset import DATASETS, Dataset


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "plain", "--root", "{}/nothing"), "nothing: does not exist"),
        (("check", "plane", "--root", "{}"), "unknown dataset 'plane'. Did you mean plain?"),
        (("check", "plain", "--root", "{}", "--set", "focus_unt=mm"), "Did you mean focus_unit?"),
        (("prepare", "plain", "--root", "{}", "-o", "{}/out"), "needs no preparation"),
        (("fake", "plain"), "Missing option '--root'"),
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

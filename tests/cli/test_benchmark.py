"""``focaldepth benchmark``: files, going on, dry runs, bad input."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from focaldepth.scenes.layers import LayeredScene, render


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two families with two scenes and one."""
    folder = tmp_path_factory.mktemp("data")
    for name, seed in (("near_01", 1), ("near_02", 2), ("far_01", 3)):
        made = render(LayeredScene(height=48, width=64, frames=6, seed=seed))
        axis = made.stack.axis
        truth = made.truth.to(axis.unit).values
        np.savez(
            folder / f"{name}.npz",
            frames=made.stack.read_all(),
            focus=axis.values,
            focus_unit=axis.unit.value,
            depth=truth,
        )
    return folder


METHODS = ("--methods", "naive,classical-fast")


def test_files_and_going_on(cli, root: Path, tmp_path: Path) -> None:
    """Tables, figures, pages agree; a second call runs nothing and finds the same; a torn file is mended."""
    out = tmp_path / "new" / "out"
    said = cli("benchmark", "classical", "--root", root, *METHODS, "-o", out)
    assert said.code == 0, said.err
    assert "near: 2 stacks" in said.err
    assert "fod500, fod-wild" in said.err
    assert said.out.startswith("far ")
    record = json.loads((out / "suite.json").read_text("utf-8"))
    assert (record["schema"], record["suite"], record["complete"]) == ("focaldepth.suite/1", "classical", True)
    assert (record["failures"], record["random_weights"]) == ([], [])
    assert re.search(r"\d+ cores.*Python 3", record["machine"])
    rows = list(csv.DictReader((out / "images.csv").open(encoding="utf-8")))
    assert len(rows) == 6
    near = next(block for block in record["data"] if block["name"] == "near")
    line = next(x for x in near["lines"] if x["label"] == "naive")
    values = [float(r["MAE"]) for r in rows if (r["data"], r["method"]) == ("near", "naive")]
    assert line["marks"]["MAE"]["value"] == pytest.approx(np.mean(values), rel=1e-12)
    assert line["marks"]["s / image"]["value"] > 0
    assert line["marks"]["memory MiB"]["value"] >= 0
    text = (out / "report.md").read_text("utf-8")
    assert record["machine"] in text
    assert f"{np.mean(values):#.4g}" in text
    for figure in re.findall(r"\((figures/.*?\.svg)\)", text):
        assert ElementTree.parse(out / figure).getroot().tag.endswith("svg")
    assert {p.name for p in (out / "figures").iterdir()} == {
        f"{kind}_{name}.svg" for kind in ("time", "bad-pix", "sparsification") for name in ("near", "far")
    }
    page = (out / "report.html").read_text("utf-8")
    assert not re.search(r"(src|href)=|url\(|@import|<script", page), "it asks no server for anything"
    for word in ("Classical methods", "near", "Published tables", "7.3e-3", "DDFF, table 1"):
        assert word in page
    runs = out / "runs.jsonl"
    before = runs.read_bytes()
    again = cli("benchmark", "classical", "--root", root, *METHODS, "-o", out, "--quiet")
    assert (again.code, again.out, again.err) == (0, said.out, "")
    assert runs.read_bytes() == before
    assert cli("benchmark", "classical", "--root", root, *METHODS, "-o", out, "--quiet", "--overwrite").code == 0
    assert runs.read_bytes() != before, "times differ: everything was run again"
    before = runs.read_bytes()
    runs.write_bytes(before[:-9])
    assert cli("benchmark", "classical", "--root", root, *METHODS, "-o", out, "--quiet").code == 0
    assert len(runs.read_bytes().splitlines()) == 6


def test_published_numbers_alone(cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = cli("benchmark", "ablations", "-o", out, "--json")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    lines = {line["label"]: line for block in facts["data"] for line in block["lines"] if line["kind"] == "missing"}
    assert lines["dff-in-the-wild, strides for its down-sampling"]["marks"]["MAE"]["beside"] == 0.0419
    assert lines["ddffnet, skip at 1/2"]["marks"]["MSE"]["beside"] == 1.8e-3
    assert "focaldepth import CHECKPOINT --as dfv" in facts["not_run"]["dfv"]
    assert "Nothing was run" in (out / "report.html").read_text("utf-8")


def test_a_dry_run_is_loud(cli, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--weights", "random", "--methods", "defocusnet.fod500", "--data", "far")
    said = cli("benchmark", "networks", "--root", root, *options, "-o", out)
    assert said.code == 0, said.err
    assert "RANDOM WEIGHTS" in said.err
    assert "RANDOM WEIGHTS, these numbers mean nothing: defocusnet.fod500" in said.out
    for name in ("report.md", "report.html"):
        text = (out / name).read_text("utf-8")
        assert "DRY RUN WITH RANDOM WEIGHTS" in text
        assert text.count("RANDOM WEIGHTS") > 1
    assert json.loads((out / "suite.json").read_text("utf-8"))["random_weights"] == ["defocusnet.fod500"]


def test_arms_have_a_table_each(cli, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--methods", "naive", "--data", "near")
    said = cli("benchmark", "stack-size", "--root", root, *options, "-o", out)
    assert said.code == 0, said.err
    first = said.out.splitlines()
    assert first[0].split()[:3] == ["near,", "MAE", "(1/m)"]
    assert first[0].split()[-3:] == ["N", "=", "10"]
    cells = first[1].split()
    assert cells[-4:] == ["-"] * 4, "six frames: N = 7 to 10 are left out"
    assert "too few for N = 7" in (out / "report.md").read_text("utf-8")
    assert (out / "figures" / "arms_near.svg").exists()


def test_a_failed_run_is_told_and_the_rest_stays(cli, root: Path, tmp_path: Path) -> None:
    """A truncated file: its runs fail, exit code 1, the tables of the others are there."""
    for path in root.glob("near_*.npz"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    damaged = tmp_path / "near_01.npz"
    damaged.write_bytes(damaged.read_bytes()[:3000])
    out = tmp_path / "out"
    said = cli("benchmark", "classical", "--root", tmp_path, "--methods", "naive", "-o", out)
    assert said.code == 1
    assert "1 of 2 runs failed, the first: near_01, naive:" in said.err
    assert said.out.startswith("near ")
    assert len(json.loads((out / "suite.json").read_text("utf-8"))["failures"]) == 1


def test_an_interrupt_keeps_what_is_finished(cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from focaldepth.benchmark import _run_suite

    real, calls = _run_suite.score_sample, []

    def interrupted(*rest):  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*rest)

    out = tmp_path / "out"
    args = ("benchmark", "classical", "--root", root, *METHODS, "-o", out)
    with monkeypatch.context() as patch:
        patch.setattr(_run_suite, "score_sample", interrupted)
        said = cli(*args)
    assert (said.code, said.out) == (130, "")
    assert f"finished runs are kept in {out}, the same command goes on with them" in said.err
    assert json.loads((out / "suite.json").read_text("utf-8"))["complete"] is False
    assert len((out / "runs.jsonl").read_bytes().splitlines()) == 2
    assert cli(*args).code == 0
    assert json.loads((out / "suite.json").read_text("utf-8"))["complete"] is True


def test_list(cli) -> None:
    said = cli("benchmark", "--list")
    assert said.code == 0
    for name in ("classical", "networks", "stack-size", "sampling", "alignment", "cross", "ablations"):
        assert f"\n{name} " in said.out
    assert json.loads(cli("benchmark", "--list", "--json").out)["suites"]["cross"]["data"][0] == "middlebury, mid-wild"


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("clasical", "-o", "OUT"), "Did you mean classical"),
        ((), "Name a suite"),
        (("classical",), "-o OUT"),
        (("classical", "--root", "nowhere", "-o", "OUT"), "nowhere: does not exist"),
        (("classical", "--root", "EMPTY", "-o", "OUT"), "holds no stack with a truth"),
        (("classical", "--root", "ROOT", "--data", "nearr", "-o", "OUT"), "Did you mean near"),
        (("classical", "--root", "ROOT", "--data", "fod500", "-o", "OUT"), "FoD500"),
        (("classical", "--methods", "naiv", "-o", "OUT"), "Did you mean naive"),
        (("alignment", "--root", "ROOT", "-o", "OUT"), "not in one geometry"),
        (("networks", "--weights", "randm", "-o", "OUT"), "is not METHOD=FILE"),
        (("networks", "--weights", "dfvv=random", "-o", "OUT"), "Did you mean"),
        (("networks", "--weights", "dfv=a.safetensors", "-o", "OUT"), "no such file"),
        (("networks", "--weights", "dfv=a", "--weights", "dfv=b", "-o", "OUT"), "is given twice"),
        (("classical", "-o", "ROOT"), "is no folder of a suite"),
    ],
)
def test_bad_input(cli, root: Path, tmp_path: Path, args: tuple[str, ...], hint: str) -> None:
    (tmp_path / "empty").mkdir()
    named = {"ROOT": root, "OUT": tmp_path / "out", "EMPTY": tmp_path / "empty"}
    said = cli("benchmark", *(named.get(a, a) for a in args))
    assert (said.code, said.out) == (2, ""), said
    assert hint in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "out").exists()


def test_the_folder_of_another_suite(cli, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli("benchmark", "cross", "-o", out, "--quiet").code == 0
    said = cli("benchmark", "classical", "--root", root, "-o", out)
    assert said.code == 2
    assert "holds the results of the suite 'cross', not of 'classical'" in said.err

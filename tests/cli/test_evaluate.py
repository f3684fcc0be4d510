"""``focaldepth evaluate``: table, record, images, pictures; bad input; protocols and metrics listed."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from focaldepth.scenes.layers import LayeredScene, render


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five scenes with truth."""
    folder = tmp_path_factory.mktemp("scenes")
    for seed in range(5):
        made = render(LayeredScene(height=48, width=64, frames=5, seed=seed))
        axis = made.stack.axis
        np.savez(
            folder / f"scene{seed}.npz",
            frames=made.stack.read_all(),
            focus=axis.values,
            focus_unit=axis.unit.value,
            depth=made.truth.to(axis.unit).values,
            all_in_focus=made.all_in_focus,
        )
    return folder


def test_table_record_images_and_pictures(cli, data: Path, tmp_path: Path) -> None:
    """One run; the files agree with each other and with what is printed."""
    out = tmp_path / "out"
    said = cli("evaluate", "classical-fast", data, "--align", "none", "-o", out)
    assert said.code == 0, said.err
    assert said.out.splitlines()[0].split()[:2] == ["metric", "mean"]
    assert "errors in     1/m" in said.err
    record = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert record["schema"] == "focaldepth.evaluation/1"
    assert (record["method"], record["protocol"]["name"], record["images"]) == ("classical-fast", "plain", 5)
    rows = list(csv.DictReader((out / "images.csv").open(encoding="utf-8")))
    assert [row["image"] for row in rows] == [f"scene{i}" for i in range(5)]
    mean = np.mean([float(row["MAE"]) for row in rows])
    assert record["table"][0]["mean"] == pytest.approx(mean, rel=1e-12)
    assert f"{mean:.4g}" in said.out.splitlines()[1]
    assert float(rows[2]["SSIM"]) == record["per_image"]["scene2"]["SSIM"]
    assert set(record["curves"]["ause"]) == {"share of pixels kept", "by sigma", "by error"}
    ranked = sorted(rows, key=lambda row: float(row["MAE"]))
    pictures = {p.name for p in out.glob("*.png")}
    best = {f"best_{i}_{row['image']}.png" for i, row in enumerate(ranked[:3], 1)}
    worst = {f"worst_{i}_{row['image']}.png" for i, row in enumerate(ranked[:2:-1], 1)}
    assert pictures == best | worst
    picture = cv2.imread(str(out / f"best_1_{ranked[0]['image']}.png"))
    assert picture.shape[1] > 3 * 240
    assert picture.std() > 20
    assert set(record["files"]) == pictures | {"images.csv"}


def test_json_alone_writes_nothing(cli, data: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    said = cli("evaluate", "naive", data / "scene0.npz", "--align", "none", "--json", "--quiet", "--set", "sigma=5")
    assert (said.code, said.err) == (0, "")
    facts = json.loads(said.out)
    assert facts["files"] == []
    assert facts["method_settings"] == {"sigma": "5"}
    assert next(row for row in facts["table"] if row["metric"] == "coverage.1")["mean"] is None
    assert sorted(tmp_path.rglob("*")) == before


def test_a_protocol_of_a_paper(cli, data: Path) -> None:
    """Table of DFV in its order, shares in per cent; what its frames are is told where it does not fit."""
    said = cli("evaluate", "naive", data, "--align", "none", "--protocol", "fod-dfv", "--json")
    assert said.code == 0, said.err
    table = json.loads(said.out)["table"]
    names = ["MSE", "RMSE", "logRMSE", "AbsRel", "SqRel", "delta 1 %", "delta 2 %", "delta 3 %"]
    assert [row["heading"] for row in table[:8]] == names
    assert 1 < table[5]["mean"] <= 100
    said = cli("evaluate", "naive", data, "--protocol", "zedd", "--align", "none")
    assert said.code == 0, said.err
    said = cli("evaluate", "naive", data, "--protocol", "ddff-dfv-val")
    assert said.code == 2
    assert "disparity" in said.err


def test_what_is_odd_about_stacks_is_told(cli, data: Path, tmp_path: Path) -> None:
    """Stacks whose focus positions are out of order: sorted, one line for all, every sentence in the record."""
    for path in data.glob("*.npz"):
        with np.load(path) as scene:
            content = dict(scene)
        order = [1, 0, 2, 3, 4]
        content |= {"focus": content["focus"][order], "frames": content["frames"][order]}
        np.savez(tmp_path / path.name, **content)
    out = tmp_path / "out"
    said = cli("evaluate", "naive", tmp_path, "--align", "none", "-o", out)
    assert said.code == 0, said.err
    assert said.err.count("have been sorted") == 1, said.err
    assert "and 2 more" in said.err
    warnings = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))["warnings"]
    assert sum("have been sorted" in w for w in warnings) == 5


def test_a_fit_is_named(cli, data: Path) -> None:
    said = cli("evaluate", "naive", data / "scene1.npz", "--align", "none", "--fit", "median")
    assert said.code == 0, said.err
    assert "after median fit" in said.err
    said = cli("evaluate", "naive", data / "scene1.npz", "--align", "none", "--fit", "scale", "--json")
    assert json.loads(said.out)["per_image"]["scene1"]["fit"].startswith("scale fit: ")


def test_overwriting(cli, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    args = ("evaluate", "naive", data / "scene0.npz", "--align", "none", "-o", out, "--quiet")
    assert cli(*args).code == 0
    (out / "notes.txt").write_text("mine")
    said = cli(*args)
    assert said.code == 2
    assert "--overwrite" in said.err
    assert cli(*args, "--overwrite").code == 0
    assert (out / "notes.txt").read_text() == "mine"
    assert sorted(p.name for p in out.iterdir()) == [
        "best_1_scene0.png", "evaluation.json", "images.csv", "notes.txt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("naiv", "DATA"), "Did you mean naive"),
        (("naive", "DATA", "--protocol", "plan"), "Did you mean plain"),
        (("naive", "nowhere"), "nowhere: does not exist"),
        (("naive", "DATA", "--set", "sigm=3"), "sigma"),
        (("naive", "DATA", "--fit", "best"), "'none', 'scale', 'affine', 'median'"),
        (("naive", "DATA", "--align", "eec"), "ecc"),
    ],
)
def test_bad_input(cli, data: Path, args: tuple[str, ...], hint: str) -> None:
    said = cli("evaluate", *(data if a == "DATA" else a for a in args))
    assert (said.code, said.out) == (2, ""), said
    assert hint in said.err


def test_lists(cli) -> None:
    """All protocols and metrics, and everything about one."""
    said = cli("methods", "--protocols")
    assert said.code == 0
    assert "fod-dfv" in said.out
    said = cli("methods", "--protocols", "ddff-dfv-val")
    assert "0, 2, 4, 6, 9 of 10" in said.out
    assert json.loads(cli("methods", "--protocols", "--json").out)["protocols"]["plain"]["dataset"] == "any"
    assert "bumpiness" in cli("methods", "--metrics").out
    said = cli("methods", "--metrics", "bumpiness.calmetrics")
    assert "border = " in said.out
    facts = json.loads(cli("methods", "--metrics", "delta.2", "--json").out)["metrics"]["delta.2"]
    assert facts["better"] == "higher"
    assert "Did you mean plain" in cli("methods", "--protocols", "plian").err


def test_facts_of_the_lens_lead_to_the_unit_of_a_protocol(cli, data: Path) -> None:
    """Disparity needs its scale; the error names the option that gives it."""
    asked = ("evaluate", "naive", data / "scene0.npz", "--protocol", "ddff-fossa", "--align", "none")
    said = cli(*asked)
    assert said.code == 2
    assert "Give it with --optics disparity_scale_m_px=VALUE" in said.err
    said = cli(*asked, "--optics", "disparity_scale=0.1412")
    assert said.code == 0, said.err
    assert "errors in     px" in said.err


@pytest.mark.shared
def test_phone_scenes_in_a_moment(cli) -> None:
    """The five phone scenes; the figure of the time is 15 s with start-up, told by hand on a quiet machine."""
    found = Path(os.environ.get("FOCALDEPTH_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "blender"
    scenes = sorted(found.glob("phone_*.npz"))
    if not scenes:
        pytest.skip("no sample data; set FOCALDEPTH_SHARED")
    said = cli("evaluate", "naive", *scenes, "--json")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    assert facts["images"] == 5
    assert 0.2 < facts["table"][0]["mean"] < 0.6


def test_a_data_set_by_name(cli, tmp_path: Path) -> None:
    """Its test split by its own protocol; another split and protocol on request; mistakes are told."""
    from focaldepth.datasets._dataset import dataset

    root = tmp_path / "fs_6"
    dataset("fod500").fake(root)
    said = cli("evaluate", "naive", "fod500", "--root", root, "--align", "none", "--json")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    assert facts["protocol"]["name"] == dataset("fod500").spec.protocols[0]
    options = ("--split", "train", "--protocol", "fod-dfv", "--align", "none", "--json")
    other = json.loads(cli("evaluate", "naive", "fod500", "--root", root, *options).out)
    assert other["protocol"]["name"] == "fod-dfv"
    assert not set(facts["per_image"]) & set(other["per_image"])
    for args, hint in (
        (("fod500",), "Say with --root where it lies"),
        (("fod50", "--root", root), "Did you mean fod500"),
        (("fod50",), "Did you mean fod500"),
        (("fod500", "--root", root, "--optics", "f_number=2"), "data sets know their lens"),
        (("fod500", "zedd", "--root", root), "belongs to one data set"),
        (("fod500", "--root", root, "--split", "tset"), "Did you mean test"),
        ((root, "--split", "test"), "files have no splits"),
        (("fod500", "--root", tmp_path / "empty"), "not found"),
    ):
        said = cli("evaluate", "naive", *args)
        assert (said.code, said.out) == (2, ""), said
        assert hint in said.err

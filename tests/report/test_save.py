"""Composition of the result folder; the data files themselves are tested with their writer."""

import json

import pytest

from focaldepth.core.errors import UnknownNameError, WriteError
from focaldepth.report.save import save


def listed(folder):
    return set(json.loads((folder / "result.json").read_text())["files"])


def test_record_lists_everything_in_the_folder(make_result, tmp_path):
    out = save(make_result(), tmp_path / "out", formats=["pfm"], mesh=["ply"])
    assert out == tmp_path / "out"
    names = {p.name for p in out.iterdir()}
    assert names == listed(out) | {"result.json"}
    assert {"depth.tiff", "depth.pfm", "depth.png", "model.json", "model.ply", "report.html"} <= names
    assert (out / "report.html").stat().st_size > 10_000


def test_report_can_be_left_out(make_result, tmp_path):
    out = make_result().save(tmp_path / "out", report=False)
    assert not (out / "report.html").exists()
    assert "depth.png" in listed(out)


def test_wrong_3d_format_stops_before_anything_is_written(make_result, tmp_path):
    with pytest.raises(UnknownNameError, match="3D format"):
        save(make_result(), tmp_path / "out", mesh=["obj"])
    assert not any(tmp_path.iterdir())


def test_a_report_that_fails_leaves_no_folder(make_result, tmp_path, monkeypatch):
    def fail(*_):
        raise WriteError("no space left.", where="report.html")

    monkeypatch.setattr("focaldepth.report.save.write_report", fail)
    with pytest.raises(WriteError, match="no space"):
        save(make_result(), tmp_path / "out")
    assert not any(tmp_path.iterdir())

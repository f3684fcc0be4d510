"""Composition of the result folder; the data files themselves are tested with their writer."""

import sys
from contextlib import contextmanager
from types import ModuleType

import pytest

from focaldepth.core.errors import UnknownNameError
from focaldepth.report.save import save


@pytest.fixture
def seen(monkeypatch):
    """Stand-ins for staging and data files; records what they were called with."""
    calls = {}

    @contextmanager
    def staged_folder(out, overwrite=False, *, inputs=()):
        calls["stage"] = (out, overwrite, tuple(inputs))
        work = out.with_name(".staged")
        work.mkdir()
        yield work
        work.rename(out)

    def write_files(result, folder, *, formats=()):
        calls["files"] = (formats, sorted(p.name for p in folder.iterdir()))

    atomic, files = ModuleType("focaldepth.io._atomic"), ModuleType("focaldepth.io.result_folder")
    atomic.staged_folder, files.write_files = staged_folder, write_files
    monkeypatch.setitem(sys.modules, atomic.__name__, atomic)
    monkeypatch.setitem(sys.modules, files.__name__, files)
    return calls


def test_record_is_written_last_and_lists_everything(make_result, tmp_path, seen):
    out = save(make_result(), tmp_path / "out", overwrite=True, formats=["pfm"], mesh=["ply"])
    assert out == tmp_path / "out"
    assert seen["stage"][:2] == (out, True)
    assert seen["files"] == (("pfm",), ["depth.png", "model.json", "model.ply", "report.html"])
    assert (out / "report.html").stat().st_size > 10_000


def test_report_can_be_left_out(make_result, tmp_path, seen):
    make_result().save(tmp_path / "out", report=False)
    assert seen["files"][1] == ["depth.png"]


def test_wrong_3d_format_stops_before_anything_is_written(make_result, tmp_path, seen):
    with pytest.raises(UnknownNameError, match="3D format"):
        save(make_result(), tmp_path / "out", mesh=["obj"])
    assert not seen


def test_real_folder(make_result, tmp_path):
    pytest.importorskip("focaldepth.io.result_folder", reason="the writer of data files is not merged yet")
    out = save(make_result(), tmp_path / "out")
    names = {p.name for p in out.iterdir()}
    assert {"depth.tiff", "depth.png", "report.html", "result.json"} <= names

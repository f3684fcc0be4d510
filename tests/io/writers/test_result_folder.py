"""A result folder: fixed names, honest units, read back as it was."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import MissingExtraError, ReadError, UnitError, UnknownNameError, WriteError
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap, DepthResult
from focaldepth.io import result_folder
from focaldepth.io._atomic import staged_folder
from focaldepth.io._result_record import plain, statistics_of
from focaldepth.io._result_schema import UnitFacts, json_schema
from focaldepth.io.result_folder import bytes_needed, check_formats, load, write_files

ROOT = Path(__file__).parents[3]
BASE = {"depth.tiff", "sigma.tiff", "index.tiff", "valid.png", "all_in_focus.tiff", "transforms.json", "result.json"}
BASE |= {"source_frame.png"}
FILLED = {"filled.tiff", "filled.png", "filled_sigma.tiff"}


def _same(a, b) -> None:
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_names_are_the_fixed_ones(result, tmp_path):
    written = write_files(result, tmp_path, formats=["pfm", "png16", "npy", "gsf", "x3p", "imagej", "pfm"])
    extra = {"depth.pfm", "depth.pfm.json", "depth16.png", "depth16.png.json", "depth.npy", "depth.npy.json"}
    assert {p.name for p in written} == BASE | FILLED | extra | {"depth.gsf", "depth.x3p"}
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in written}


def test_what_is_absent_makes_no_file(result, tmp_path):
    bare = replace(
        result,
        map=DepthMap(result.map.values, result.map.unit, result.map.valid),
        filled=None,
        all_in_focus=None,
        source_frame=None,
        transforms=None,
    )
    names = {p.name for p in write_files(bare, tmp_path)}
    assert names == {"depth.tiff", "index.tiff", "valid.png", "result.json"}
    back = load(tmp_path)
    parts = (back.map.sigma, back.filled, back.all_in_focus, back.source_frame, back.transforms)
    assert parts == (None,) * 5


def test_round_trip(result, tmp_path):
    with staged_folder(tmp_path / "out") as folder:
        write_files(result, folder)
    back = DepthResult.load(tmp_path / "out")
    for name in ("values", "valid", "sigma", "unit"):
        _same(getattr(back.map, name), getattr(result.map, name))
        _same(getattr(back.filled, name), getattr(result.filled, name))
    _same(back.index, result.index)
    _same(back.all_in_focus, result.all_in_focus)
    _same(back.source_frame, result.source_frame)
    _same(back.transforms, result.transforms)
    assert (back.axis, back.optics) == (result.axis, result.optics)
    assert dict(back.optics.origin) == dict(result.optics.origin)
    assert back.provenance == result.provenance
    assert back.info.icc == result.info.icc
    assert back.info.exif is not None
    assert replace(back.info, exif=None, icc=None) == replace(result.info, exif=None, icc=None)


def test_infinity_on_the_axis_survives(result, tmp_path):
    axis = FocusAxis(np.array([0.5, 1, 2, 4, np.inf]), Unit.METRE)
    depth = DepthMap(result.map.values, Unit.METRE, result.map.valid)
    write_files(replace(result, axis=axis, map=depth, filled=None), tmp_path)
    assert load(tmp_path).axis == axis
    assert "Infinity" in json.loads((tmp_path / "result.json").read_text())["axis"]["values"]


def test_record_fits_the_published_schema(result, tmp_path):
    write_files(result, tmp_path)
    record = json.loads((tmp_path / "result.json").read_text(), parse_constant=pytest.fail)
    schema = json.loads((ROOT / "docs" / "result.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(record, schema)
    assert record["schema"] == "focaldepth.result/1"
    assert record["unit"] == {"name": "micrometre", "symbol": "µm", "metric": True}
    assert record["statistics"]["valid_share"] == pytest.approx(result.map.valid.mean())
    assert record["statistics"]["depth_median"] == pytest.approx(np.nanmedian(result.map.values))


def test_published_schema_is_current():
    """Where it differs, write what `json_schema()` returns into docs/result.schema.json."""
    assert json.loads((ROOT / "docs" / "result.schema.json").read_text()) == json.loads(json_schema())


def test_every_file_is_listed_with_its_hash(result, tmp_path):
    def page(folder):
        (folder / "report.html").write_text("<html>")
        return [folder / "report.html"]

    written = write_files(result, tmp_path, beside=[page])
    files = json.loads((tmp_path / "result.json").read_text())["files"]
    assert set(files) == BASE - {"result.json"} | FILLED | {"report.html"}
    assert {path.name for path in written} == {*files, "result.json"}
    assert files["report.html"]["what"] == "report"
    for name, facts in files.items():
        content = (tmp_path / name).read_bytes()
        assert facts["sha256"] == hashlib.sha256(content).hexdigest()
        assert facts["bytes"] == len(content)
        assert facts["what"]


def test_masks_are_readable_by_anyone(result, tmp_path):
    write_files(result, tmp_path)
    valid = cv2.imread(str(tmp_path / "valid.png"), cv2.IMREAD_UNCHANGED)
    filled = cv2.imread(str(tmp_path / "filled.png"), cv2.IMREAD_UNCHANGED)
    _same(valid, np.where(result.map.valid, 255, 0))
    _same(filled, np.where(result.map.valid, 0, 255))


def test_an_index_is_never_metric(result, tmp_path):
    frames = replace(result, axis=FocusAxis.frames(5), filled=None)
    with pytest.raises(UnitError, match="cannot come from frame numbers"):
        write_files(frames, tmp_path)
    assert list(tmp_path.iterdir()) == []
    depth = DepthMap(result.map.values, Unit.INDEX, result.map.valid)
    write_files(replace(frames, map=depth), tmp_path)
    record = json.loads((tmp_path / "result.json").read_text())
    assert record["unit"] == {"name": "index", "symbol": "frame", "metric": False}
    with pytest.raises(ValueError, match="a length"):
        UnitFacts(name=Unit.INDEX, symbol="m", metric=True)


@pytest.mark.parametrize(
    ("dtype", "kind", "name"),
    [("u1", "jpeg", "all_in_focus.jpg"), ("u1", None, "all_in_focus.tiff"), ("u2", "png", "all_in_focus.png")],
)
def test_the_picture_follows_the_input(result, dtype, kind, name, tmp_path):
    shown = replace(result, all_in_focus=result.all_in_focus.astype(dtype))
    write_files(shown, tmp_path, input_kind=kind)
    assert (tmp_path / name).is_file()
    assert load(tmp_path).all_in_focus.dtype == dtype


def test_formats_are_checked_before_the_run(monkeypatch):
    optics = Optics(pixel_size_m=1e-6)
    assert check_formats(["pfm", "imagej", "png", "png16"], Unit.METRE, optics) == ["pfm", "png16"]
    with pytest.raises(UnknownNameError, match=r"unknown format 'pfn'. Known: exr.* pfm"):
        check_formats(["pfn"], Unit.METRE, optics)
    with pytest.raises(UnitError, match="x3p"):
        check_formats(["x3p"], Unit.INDEX, optics)
    monkeypatch.setattr(result_folder, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"focaldepth\[exr\]"):
        check_formats(["exr"], Unit.METRE, optics)
    assert check_formats(["gsf"], Unit.METRE, optics) == ["gsf"]


def test_a_failing_writer_leaves_no_result(result, tmp_path, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(result_folder, "write_plane", full)

    def fail() -> None:
        with staged_folder(tmp_path / "out", needs_bytes=1000) as folder:
            write_files(result, folder)

    with pytest.raises(WriteError, match="disk is full: about 1 kB needed"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_estimate_of_space_is_an_upper_bound(result, tmp_path):
    write_files(result, tmp_path, formats=["pfm"])
    shape, dtype = result.all_in_focus.shape, result.all_in_focus.dtype
    taken = sum(p.stat().st_size for p in tmp_path.iterdir())
    assert taken < bytes_needed(shape, dtype, formats=["pfm"], fill=True)


def _drop(name: str):
    return lambda folder: (folder / name).unlink()


def _text(name: str, text: str):
    return lambda folder: (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_drop("result.json"), "is not a focaldepth result"),
        (_drop("depth.tiff"), "depth.tiff: does not exist"),
        (_drop("valid.png"), "valid.png: does not exist"),
        (_drop("all_in_focus.tiff"), "all_in_focus.tiff: does not exist"),
        (_drop("transforms.json"), "transforms.json: cannot be read"),
        (_text("result.json", "{"), "result.json: is not a focaldepth.result/1 file"),
        (_text("result.json", '{"schema": "focaldepth.result/9"}'), "schema.*Update focaldepth"),
        (_text("index.tiff", "rubbish"), "index.tiff: is not a readable TIFF"),
    ],
)
def test_damaged_results_are_named(result, damage, message, tmp_path):
    write_files(result, tmp_path)
    damage(tmp_path)
    with pytest.raises(ReadError, match=message):
        load(tmp_path)


def test_files_of_another_size_are_refused(result, tmp_path):
    write_files(result, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    small = DepthMap(result.map.values[:5], result.map.unit, result.map.valid[:5])
    write_files(replace(result, map=small, index=result.index[:5], filled=None), other)
    (other / "depth.tiff").replace(tmp_path / "depth.tiff")
    with pytest.raises(ReadError, match=r"depth\.tiff: is \(5, 31\), result\.json says \(23, 31\)"):
        load(tmp_path)


def test_statistics_of_nothing_valid():
    none = DepthMap(np.ones((2, 2), np.float32), Unit.METRE, np.zeros((2, 2), bool))
    assert statistics_of(none).depth_median is None


def test_plain_values():
    value = {"unit": Unit.METRE, "n": np.int64(3), "a": np.eye(2), "inf": float("-inf"), "nan": np.float32("nan")}
    assert plain(value) == {"unit": "metre", "n": 3, "a": [[1, 0], [0, 1]], "inf": "-Infinity", "nan": "NaN"}


_CHILD = """
import os, sys, signal
import numpy as np
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap, DepthResult, Provenance
from focaldepth.io import result_folder
from focaldepth.io._atomic import staged_folder

def die(path, mask):
    os.kill(os.getpid(), signal.SIGKILL)

result_folder.write_mask = die
plane = np.ones((50, 50), np.float32)
depth = DepthMap(plane, Unit.METRE, np.ones((50, 50), bool))
result = DepthResult(depth, FocusAxis(np.array([1.0, 2.0]), Unit.METRE), Optics(), plane, Provenance("x"))
with staged_folder(sys.argv[1]) as folder:
    result_folder.write_files(result, folder)
"""


def test_kill_while_writing_leaves_no_out(tmp_path):
    done = subprocess.run([sys.executable, "-c", _CHILD, str(tmp_path / "out")], check=False)
    assert done.returncode == -9
    assert not (tmp_path / "out").exists()
    assert all(p.name.startswith(".out.partial-") for p in tmp_path.iterdir())


def test_importing_the_folder_loads_no_pydantic():
    code = "import sys, focaldepth.io.result_folder; print('pydantic' in sys.modules, 'cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]

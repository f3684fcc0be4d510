"""Our own forms: what `focaldepth scenes` and `focaldepth simulate` write is read back with its truth."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from focaldepth.core.errors import ReadError, StackError
from focaldepth.core.sample import Sample
from focaldepth.datasets._dataset import dataset
from focaldepth.datasets.plain import stacks_of
from focaldepth.io._truth import write_truth
from focaldepth.io.picture import write_picture
from focaldepth.scenes.world import SceneSettings, make_world
from focaldepth.scenes.write import Job, write_scenes

SETTINGS = SceneSettings(height=32, width=48, frames=3, samples=2)


@pytest.fixture(scope="module", params=["fod500", "hdf5"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes") / request.param
    write_scenes(out, Job(SETTINGS, 3, request.param, shard=2))
    return out


@pytest.fixture(scope="module")
def scene() -> Sample:
    return make_world(SETTINGS, 2).sample()


def test_rendered_scenes_come_back(written: Path, scene: Sample) -> None:
    """Frames, focus, lens, truth and sharp picture; EXR holds depth in half precision."""
    items = stacks_of([written])
    assert [i.name for i in items] == ["000000", "000001", "000002"]
    found = items[2].open()
    assert found.name == "000002"
    assert np.array_equal(found.stack.read_all(), scene.stack.read_all())
    assert found.stack.axis.values == pytest.approx(scene.stack.axis.values)
    assert found.stack.optics.facts() == scene.stack.optics.facts()
    assert found.stack.transfer is scene.stack.transfer
    assert np.array_equal(found.all_in_focus, scene.all_in_focus)
    assert found.truth is not None
    assert scene.truth is not None
    assert np.array_equal(found.truth.valid, scene.truth.valid)
    assert found.truth.values == pytest.approx(scene.truth.values, rel=1e-3, nan_ok=True)
    assert dataset("plain").check(written).problems == ()


def test_scenes_of_the_same_number_are_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_scenes(tmp_path / name, Job(SETTINGS, 1))
    names = [i.name for i in stacks_of([tmp_path])]
    assert names == [f"{tmp_path}/{n}/scenes_000000/000000" for n in ("a", "b")]


def test_absent_frames_and_damaged_records_are_named(tmp_path: Path) -> None:
    write_scenes(tmp_path / "a", Job(SETTINGS, 1))
    folder = tmp_path / "a" / "scenes_000000"
    (item,) = stacks_of([tmp_path])
    (folder / "000000_01All.tif").unlink()
    with pytest.raises(ReadError, match=r"000000_01All.tif: not found. Scene 000000 has 3 frames"):
        item.open()
    (folder / "000000.json").write_text(json.dumps({"focal_length_m": 0.05}))
    with pytest.raises(ReadError, match=r"000000.json: does not say focus_m"):
        item.open()
    (folder / "000000.json").write_text("{")
    with pytest.raises(ReadError, match=r"000000.json: is no record of a scene"):
        item.open()


def test_a_truth_as_tiff_beside_the_frames(tmp_path: Path, scene: Sample) -> None:
    """As `focaldepth simulate` writes it."""
    folder = tmp_path / "simulated"
    folder.mkdir()
    for i, frame in enumerate(scene.stack.frames()):
        write_picture(folder / f"f{i}.png", frame)
    assert scene.truth is not None
    write_truth(folder, scene.truth, reference=1)
    (item,) = stacks_of([tmp_path])
    found = item.open()
    assert (item.name, found.reference) == ("simulated", 1)
    assert found.truth is not None
    assert np.array_equal(found.truth.values, scene.truth.values, equal_nan=True)


def test_a_damaged_hdf5_is_told_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"nothing")
    (item,) = stacks_of([tmp_path])
    with pytest.raises((ReadError, StackError), match=r"a.h5"):
        item.open()


def test_published_checksums_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are not there are no fault of those that are."""
    made = dataset("plain")
    made.fake(tmp_path)
    digest = hashlib.sha256((tmp_path / "stack.npz").read_bytes()).hexdigest()
    sums = (("stack.npz", "sha256", digest.upper()), ("other.npz", "md5", "0"))
    monkeypatch.setattr(type(made), "spec", replace(made.spec, checksums=sums))
    assert made.check(tmp_path).problems == ()
    monkeypatch.setattr(type(made), "spec", replace(made.spec, checksums=(("stack.npz", "md5", "00"),)))
    (problem,) = made.check(tmp_path).problems
    assert "stack.npz: its md5 is" in problem
    assert "published is 00. Get the file again." in problem

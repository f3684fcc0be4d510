"""What holds for every registered data set, on the miniature that it writes itself."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from focaldepth.benchmark._protocol import PROTOCOLS
from focaldepth.core.errors import FocalDepthError, ReadError, SettingError, UnknownNameError
from focaldepth.core.sample import Sample
from focaldepth.core.settings import facts
from focaldepth.datasets._dataset import DATASETS, Dataset, dataset, write_fake, write_prepared

TINY = {"ddff12-raw": {"patch": 16, "stride": 8, "refocuser": "phase"}}
"""Settings without which a miniature is too small to be prepared."""


@dataclass(frozen=True)
class Case:
    name: str
    made: Dataset
    root: Path
    samples: dict[str, Sample]


@pytest.fixture(params=DATASETS.names(), scope="module")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    made = dataset(request.param, **TINY.get(request.param, {}))
    root = write_fake(made, tmp_path_factory.mktemp("data") / request.param)
    return Case(request.param, made, root, {item.name: item.open() for item in made.items(root)})


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_it_tells_what_it_is(case: Case) -> None:
    spec = case.made.spec
    assert spec.title
    assert spec.address
    assert spec.licence
    assert spec.summary
    assert spec.focus
    assert spec.frames
    assert spec.layout
    assert spec.citation is None or (spec.citation.key and spec.citation.text)
    assert bool(spec.split_rule) == bool(spec.splits)
    assert set(spec.protocols) <= set(PROTOCOLS.names())
    assert all(fact.help for fact in facts(case.made))


def test_its_miniature_passes_its_own_check(case: Case) -> None:
    found = case.made.check(case.root)
    assert found.problems == ()
    assert sum(found.counts.values()) == len(case.samples) > 0
    assert set(found.counts) <= {*case.made.spec.splits, ""}


def test_names_are_unique_and_samples_bear_them(case: Case) -> None:
    items = case.made.items(case.root)
    assert len({item.name for item in items}) == len(items)
    for item in items:
        sample = case.samples[item.name]
        assert (sample.name, sample.split) == (item.name, item.split)


def test_stacks_have_an_axis_and_read_as_frames_of_it(case: Case) -> None:
    spec = case.made.spec
    for sample in case.samples.values():
        stack = sample.stack
        assert len(stack) == len(stack.axis) >= 2
        assert spec.axis is None or stack.axis.unit is spec.axis.unit
        assert np.all(np.diff(stack.axis.values) > 0) or np.all(np.diff(stack.axis.values) < 0)
        frame = stack.source.read(len(stack) - 1)
        assert frame.shape == stack.shape
        assert frame.shape[2] in (1, 3)
        assert frame.dtype == stack.dtype
        assert frame.max() <= stack.source.white
        assert np.array_equal(stack.reversed().source.read(0), frame)


def test_the_truth_has_its_unit_and_is_nan_where_unknown(case: Case) -> None:
    unit = case.made.spec.unit
    for sample in case.samples.values():
        truth = sample.truth
        if truth is None:
            continue
        assert unit is None or truth.unit is unit
        assert truth.shape == sample.stack.shape[:2]
        assert np.array_equal(np.isnan(truth.values), ~truth.valid)
        assert truth.valid.any()


def test_an_item_opens_in_another_process(case: Case) -> None:
    item = case.made.items(case.root)[0]
    there = pickle.loads(pickle.dumps(item)).open()
    assert there.stack.axis == case.samples[item.name].stack.axis


def test_a_split_is_part_of_all(case: Case) -> None:
    everything = case.made.items(case.root)
    for split in case.made.spec.splits:
        part = [item.name for item in everything if item.split == split]
        if part:
            assert [item.name for item in case.made.items(case.root, split)] == part
    with pytest.raises(UnknownNameError, match="split"):
        case.made.items(case.root, "nonsense")


def test_absent_files_are_told_with_place_and_address(case: Case, tmp_path: Path) -> None:
    with pytest.raises(FocalDepthError) as caught:
        case.made.items(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_code == 2
    with pytest.raises(ReadError):
        case.made.check(tmp_path / "nothing")


def test_a_miniature_is_the_same_for_the_same_seed(case: Case, tmp_path: Path) -> None:
    again = write_fake(case.made, tmp_path / "again")
    assert list(files(again)) == list(files(case.root))
    with pytest.raises(SettingError, match="exists already"):
        write_fake(case.made, again)


def test_preparing_leaves_whole_folders_or_none(case: Case, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    if type(case.made).prepare is Dataset.prepare:
        with pytest.raises(SettingError, match="needs no preparation"):
            write_prepared(case.made, case.root, out)
        assert list(tmp_path.iterdir()) == []
        return
    write_prepared(case.made, case.root, out)
    assert [p.name for p in tmp_path.iterdir()] == ["prepared"]
    assert files(out)


def test_unknown_names_suggest() -> None:
    with pytest.raises(UnknownNameError, match="plain"):
        dataset("plane")
    with pytest.raises(UnknownNameError, match="focus_unit"):
        dataset("plain", focus_unt="mm")

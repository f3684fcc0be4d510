"""Several data sets trained on together: every stack once, each by its own convention, resumed, refused, told."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.axis import Unit
from focaldepth.core.errors import Cancelled, FocalDepthError, ReadError, SettingError, UnknownNameError
from focaldepth.core.progress import Run
from focaldepth.core.sample import Sample
from focaldepth.datasets._dataset import dataset
from focaldepth.datasets.fod500 import AXIS
from focaldepth.networks._weights import load_weights
from focaldepth.training._batch import collate
from focaldepth.training._loader import Feeder, batches
from focaldepth.training._order import Order
from focaldepth.training._recipe import Recipe, load_recipe
from focaldepth.training._roots import Roots
from focaldepth.training._source import source, stack_counts
from focaldepth.training._stacks import Items, Mixed
from focaldepth.training._validate import Judge

from . import small
from .test_feed import fed, sample
from .test_loop import Stop, curve, run, same

BOTH = "dfv-ddff12-fod500"


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    with small.registered():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Miniatures: two stacks of ten frames in disparities, four of five in metres, in folders of their names."""
    root = tmp_path_factory.mktemp("data")
    for name in ("ddff12-dfv", "fod500"):
        dataset(name).fake(root / name)
    return root


def recipe(folder: Path, **changes: Any) -> Recipe:
    """Three steps of two stacks of 16 px make an epoch."""
    path = folder / "both.yaml"
    path.write_text(
        "title: both\nsource: tests 2026\nnetwork: small\ndata: ddff12-dfv\nalso: [fod500]\nloss: aifdepthnet\n"
        "batch: 2\nlearning_rate: 1e-2\nvalidate_epochs: 1\nvalidation_split: val\nin_focus_range: true\n"
        "convention:\n  unit: disparity_px\naugment:\n  crop: 16\n  frames: 5\n  flip_rows: 0.5\n"
        "fod500:\n  validation_split: test\n  convention.unit: metre\n  convention.focus_factor: 0.2\n"
        "  convention.depth_factor: 5\n"
    )
    return load_recipe(path, {key.replace("__", "."): str(value) for key, value in changes.items()})


def feeder(folder: Path, data: Path) -> Feeder:
    stage = recipe(folder, flip_rows=0).first
    found = source(stage, data)
    return Feeder(found, stage, Order(len(found), stage.settings.batch, stage.settings.seed))


def never() -> Sample:
    raise AssertionError("nothing is opened")


@given(sizes=st.lists(st.integers(1, 7), min_size=2, max_size=4), batch=st.integers(1, 3), epoch=st.integers(0, 3))
def test_every_stack_of_every_data_set_comes_once_an_epoch(sizes: list[int], batch: int, epoch: int) -> None:
    names = tuple("abcd"[: len(sizes)])
    parts = [Items(tuple(f"{k}" for k in range(n)), (never,) * n) for n in sizes]
    mixed = Mixed(names, tuple(parts))
    wanted = {f"{name}, {k}" for name, n in zip(names, sizes, strict=True) for k in range(n)}
    assert {mixed.name(i) for i in range(len(mixed))} == wanted
    assert all(mixed.name(i).startswith(names[mixed.part(i)]) for i in range(len(mixed)))
    order = Order(len(mixed), batch, 0)
    shown = Counter(
        mixed.name(order.stack(epoch * order.steps + s, p)[1]) for s in range(order.steps) for p in range(batch)
    )
    if len(mixed) >= batch:
        assert set(shown.values()) == {1}
        assert len(wanted) - len(shown) == len(mixed) % batch


def test_each_data_set_is_seen_by_its_own_convention() -> None:
    """By hand: FoD500 times 0.2, which counts from the nearest to the farthest focus; disparities as they are."""
    ddff, fod = load_recipe(BOTH).first.parts.values()
    metres = fed(fod)
    assert metres.focus.tolist() == pytest.approx([0.02, 0.06, 0.3])
    assert metres.truth[0, :4].tolist() == pytest.approx([0.06, 0.12, 0.3, 0.0])
    assert metres.valid[0, :4].tolist() == [True, True, True, False]
    given = sample((0.28, 0.15, 0.02), (0.005, 0.015, 0.1, 0.3))
    assert given.truth is not None
    axis = replace(given.stack.axis, unit=Unit.DISPARITY_PX)
    disparity = replace(given, stack=replace(given.stack, axis=axis), truth=replace(given.truth, unit=axis.unit))
    told = fed(ddff, disparity)
    assert told.focus.tolist() == pytest.approx([0.28, 0.15, 0.02])
    assert told.truth[0, 2] == pytest.approx(0.1)
    assert told.valid[0, :4].tolist() == [False, False, True, False]


def test_the_loader_tells_the_data_sets_apart(tmp_path: Path, data: Path) -> None:
    made = pickle.loads(pickle.dumps(feeder(tmp_path, data)))  # as for the processes that make batches
    assert stack_counts(made.source, made.stage) == {"ddff12-dfv": 2, "fod500": 4}
    seen = Counter()
    for step in range(made.order.steps):
        for place in range(2):
            example = made.example(step, place)
            part = made.source.part(made.order.stack(step, place)[1])
            if part == 1:
                np.testing.assert_allclose(example.focus, 0.2 * AXIS.values, rtol=1e-6)
            else:
                assert len(example.focus) == 5
                steps = (0.28 - example.focus) / (0.26 / 9)
                np.testing.assert_allclose(steps, np.rint(steps), atol=1e-4)
            assert example.focus.min() <= example.truth[example.valid].min()
            assert example.truth[example.valid].max() <= example.focus.max()
            seen[part] += 1
    assert seen == {0: 2, 1: 4}


def test_processes_share_out_the_batches_of_one(tmp_path: Path, data: Path) -> None:
    made = feeder(tmp_path, data)
    whole = [parts[0] for parts in batches(made, 0, 3, workers=0)]
    shares = [[parts[0] for parts in batches(made, 0, 3, workers=0, rank=rank, world=2)] for rank in (0, 1)]
    for one, left, right in zip(whole, *shares, strict=True):
        for name, tensor in one.tensors().items():
            if name != "sharp":  # a batch with FoD500 has none
                assert torch.equal(tensor, torch.cat([left.tensors()[name], right.tensors()[name]])), name


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path, data: Path) -> None:
    made = recipe(tmp_path, validate_epochs=9)
    whole = run(made, tmp_path / "whole", root=data, max_steps=6)
    with pytest.raises(Cancelled):
        run(made, tmp_path / "parts", Run(Stop(3), threads=1), root=data, max_steps=6)
    run(made, tmp_path / "parts", root={"ddff12-dfv": data / "ddff12-dfv", "": data}, max_steps=6, resume=True)
    assert len([line for line in curve(tmp_path / "whole") if "loss" in line]) == 6
    assert same(tmp_path / "whole", tmp_path / "parts")
    card = load_weights(whole.weights)[1]
    assert card.trained_on == "ddff12-dfv, fod500"
    assert card.convention.unit is Unit.DISPARITY_PX
    assert card.seen["focus"] == pytest.approx([0.02, 0.3])  # 1.5 m times 0.2
    assert card.seen["frames"] == [5, 5]
    assert "focal_length_m" not in card.seen  # that of DDFF 12-Scene is not told
    assert card.source["validated_on"] == "ddff12-dfv"


def test_other_data_are_refused_when_a_run_goes_on(tmp_path: Path) -> None:
    for name in ("ddff12-dfv", "fod500"):
        dataset(name).fake(tmp_path / "data")
    places = {"root": tmp_path / "data"}
    made = recipe(tmp_path, validation_split="")
    run(made, tmp_path / "out", max_steps=1, **places)
    with pytest.raises(SettingError, match=r"begun with another also \(fod500, now .*fod500\."):
        run(recipe(tmp_path, validation_split="", also=""), tmp_path / "out", resume=True, **places)
    changed = recipe(tmp_path, validation_split="", fod500__focus_factor=1)
    with pytest.raises(SettingError, match=r"another fod500.convention.focus_factor \(0.2, now 1\)"):
        run(changed, tmp_path / "out", resume=True, **places)
    for file in (tmp_path / "data" / "fs_6").glob("000004*"):
        file.unlink()
    with pytest.raises(SettingError, match=r"out: fod500 has 3 stacks, the training was begun with 4\."):
        run(made, tmp_path / "out", resume=True, **places)


def test_another_data_set_may_compare_the_weights(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stacks are judged in its own unit; the result keeps the convention of the first."""
    judged, before = [], Judge.value

    def value(judge: Judge, net: Any, weights: Path, *given: Any) -> float:
        judged.append((load_weights(weights)[1].convention, len(judge.source)))
        return before(judge, net, weights, *given)

    monkeypatch.setattr(Judge, "value", value)
    made = recipe(tmp_path, validate_on="fod500")
    found = run(made, tmp_path / "out", root=data, max_steps=1)
    assert found.best is not None
    assert 0 < found.best < 1.5
    (convention, count), *_ = judged
    assert (convention.unit, convention.depth_factor, count) == (Unit.METRE, 5.0, 1)
    card = load_weights(found.weights)[1]
    assert (card.convention.unit, card.source["validated_on"]) == (Unit.DISPARITY_PX, "fod500")


@pytest.mark.parametrize(
    ("data_name", "other"),
    [("ddff12-dfv", "dfv-ddff12"), ("scenes", "dfv-ddff12"), ("fod500", "dfv-fod500")],
)
def test_data_in_its_place_is_one_data_set(data_name: str, other: str) -> None:
    """As the recipe of that data set alone; of FoD500, whose stacks have five frames, all are five."""
    one = load_recipe(BOTH, data=data_name).first
    alone = load_recipe(other, {"augment.frames": "5"}, data=data_name).first
    assert list(one.parts) == [data_name]
    assert replace(one.settings, title="") == replace(alone.settings, title="")
    assert (one.convention, one.augment) == (alone.convention, alone.augment)
    assert load_recipe(BOTH, {"also": ""}).first.texts.keys() == load_recipe("dfv-ddff12").first.texts.keys() | {"also"}


def test_keys_of_a_further_data_set() -> None:
    changes = {"crop": "64", "fod500.wrapped": "yes", "fod500.augment.gamma": "2", "fod500.in-focus-range": "no"}
    made = load_recipe(BOTH, changes)
    ddff, fod = made.first.parts.values()
    assert (ddff.augment.crop, fod.augment.crop) == (64, 64)
    assert (ddff.augment.gamma, fod.augment.gamma) == (1, 2)
    assert (ddff.settings.in_focus_range, fod.settings.in_focus_range) == (True, False)
    assert (ddff.settings.low, fod.settings.low) == (0.01, -np.inf)
    assert Recipe.from_dict(json.loads(json.dumps(made.as_dict()))) == made
    told = {key: value for _, key, value in made.everything()}
    assert (told["also"], told["fod500.data_options.wrapped"], told["fod500.convention.unit"]) == (
        "fod500",
        "yes",
        "metre",
    )
    assert "fod500.learning_rate" not in told


def test_two_series_of_scenes_under_names_of_ones_own() -> None:
    changes = {"also": "desk", "desk.data": "scenes", "desk.scale": "desk", "count": "3", "desk.count": "2"}
    stage = load_recipe("dfv-fod500", {**changes, "data_options.frames": "3"}, data="scenes").first
    with pytest.raises(SettingError, match=r"scenes 3, desk 5.*augment.frames=3"):
        source(stage, None)
    stage = load_recipe("dfv-fod500", {**changes, "augment.frames": "3"}, data="scenes").first
    found = source(stage, None)
    assert isinstance(found, Mixed)
    assert [found.part(i) for i in range(len(found))] == [0, 0, 0, 1, 1]
    near, far = (found.sources[k].stack(0).axis.to(Unit.METRE).values.max() for k in (1, 0))
    assert near != far
    assert found.name(4) == "desk, scene 000001"


def test_a_stage_may_leave_a_data_set_out(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(
        "network: dfv\ndata: ddff12-dfv\nalso: fod500\nstages: [a, b]\n"
        "fod500:\n  low: 0.1\nb:\n  also: ''\n  low: 0.2\n"
    )
    first, second = load_recipe(path).stages
    assert (list(first.parts), list(second.parts)) == (["ddff12-dfv", "fod500"], ["ddff12-dfv"])
    assert [list(stage.parts) for stage in load_recipe(path, data="fod500").stages] == [["fod500"], ["fod500"]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fod500.lov": "1"}, "fod500: unknown setting 'lov'. Did you mean low"),
        ({"fod50.low": "1"}, "Did you mean fod500"),
        ({"fod500.low": "many"}, "recipe, fod500: low is 'many'. Give a number"),
        ({"fod500.learning_rate": "1"}, "fod500: learning_rate is one for all data sets"),
        ({"fod500.convention.white": "2"}, "convention.white is one for all"),
        ({"also": "fod50"}, "Did you mean fod500"),
        ({"also": "ddff12-dfv"}, "ddff12-dfv is named twice"),
        ({"also": "fod500 fod500"}, "fod500 is named twice"),
        ({"also": "options", "options.data": "fod500"}, "options is named twice, or the name of something else"),
        ({"validate_on": "fod5"}, "validate_on: unknown data set 'fod5'. Did you mean fod500"),
        ({"fod500.fewest": "3"}, "draw another number of frames"),
    ],
)
def test_a_wrong_key_of_a_data_set_is_explained(changes: dict[str, str], message: str) -> None:
    with pytest.raises(FocalDepthError, match=message):
        load_recipe(BOTH, changes)


def test_folders_are_found_by_name_or_together(tmp_path: Path, data: Path) -> None:
    stage = recipe(tmp_path).first
    made = dataset("fod500")
    together = tmp_path / "together"
    for name in ("ddff12-dfv", "fod500"):
        dataset(name).fake(together)
    (together / "FoD-500").mkdir()  # of its name, but empty
    for root in (data, together, {"ddff12-dfv": data / "ddff12-dfv", "fod500": together}):
        assert len(source(stage, root)) == 6
    with pytest.raises(ReadError, match=r"ddff12-dfv is a data set on disk.*--root ddff12-dfv=DIR.*github.com/fuy34"):
        source(stage, {"fod500": data})
    with pytest.raises(ReadError, match=r"dfv_trainVal.h5.*not found.*is got from.*--root ddff12-dfv=DIR"):
        source(stage, data / "fod500")
    with pytest.raises(UnknownNameError, match=r"--root: unknown data set of the recipe 'fod50'. Did you mean fod500"):
        run(recipe(tmp_path), tmp_path / "out", root={"fod50": data})
    assert not (tmp_path / "out").exists()
    assert len(Roots.of(data / "fod500").items("fod500", made, "train", several=False)) == 4


def test_truth_without_confidence_counts_in_full() -> None:
    stage = load_recipe("dfv-fod500", data="fod500").first
    plain = fed(stage)
    weighted = replace(plain, confidence=np.full(plain.truth.shape, 0.25, np.float32))
    both = collate([plain, weighted], stage.convention).confidence
    assert both is not None
    assert both.unique(dim=0).flatten(1).tolist() == [[0.25] * plain.truth.size, [1.0] * plain.truth.size]
    assert collate([plain, plain], stage.convention).confidence is None

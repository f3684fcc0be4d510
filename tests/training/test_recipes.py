"""Recipes: typed, complete, changed by keys; each of them trains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from focaldepth.core.errors import FocalDepthError, ReadError, SettingError, UnknownNameError
from focaldepth.networks._spec import FocusForm, FrameOrder
from focaldepth.training._initial import fresh
from focaldepth.training._keys import SCENES
from focaldepth.training._loader import Feeder, batches
from focaldepth.training._optimiser import chosen, make_optimiser, set_training
from focaldepth.training._order import Order
from focaldepth.training._processes import Processes
from focaldepth.training._recipe import FOLDER, Recipe, load_recipe, names
from focaldepth.training._source import source
from focaldepth.training._step import gradients

ALONE = Processes(0, 1, torch.device("cpu"))
TINY = {"height": "64", "width": "64", "samples": "2", "count": "4", "data_options.frames": "2"}
WIDTH = {"dfv": {"level": "1"}, "fv": {"level": "1"}, "defocusnet": {"filters": "2"}}
FIXED = ("ddffnet", "pspnet-dff")


def tiny(name: str) -> Recipe:
    """A recipe on scenes, as small as its network bears."""
    network = load_recipe(name, data=SCENES).first.settings.network
    large = network in ("dfv", "fv", "pspnet-dff")
    changes = {**TINY, **WIDTH.get(network, {}), "batch": "2" if large else "1", "crop": "64" if large else "32"}
    changes["accumulate"] = "1"
    if network in FIXED:
        changes["options.frames"] = "2"
    if load_recipe(name, data=SCENES).first.augment.frames:
        changes["augment.frames"] = "2"
    return load_recipe(name, changes, data=SCENES)


@pytest.mark.parametrize("name", names())
def test_every_recipe_trains_two_steps(name: str) -> None:
    recipe = tiny(name)
    first = recipe.first
    net = fresh(first.settings.network, first.options, 0)
    net.every_scale = any(stage.loss.every_scale for stage in recipe.stages)
    for number, stage in enumerate(recipe.stages):
        found = source(stage, None)
        trained = set(chosen(net, stage.settings.train, stage.name))
        before = {key: p.detach().clone() for key, p in net.named_parameters() if p.numel() < 10_000}
        optimiser = make_optimiser([p for key, p in net.named_parameters() if key in trained], stage.settings)
        set_training(net)
        feeder = Feeder(found, stage, Order(len(found), stage.settings.batch, 0, number))
        for parts in batches(feeder, 0, 2, workers=0):
            said = gradients(net, stage, parts, ALONE)
            assert said.loss == said.loss < float("inf")
            assert said.gradient > 0
            optimiser.step()
        moved = {key for key, p in net.named_parameters() if key in before and not torch.equal(p, before[key])}
        assert moved
        assert moved <= trained


@pytest.mark.parametrize("name", names())
def test_every_recipe_says_what_it_reproduces(name: str) -> None:
    recipe = load_recipe(name, data=SCENES)
    for stage in recipe.stages:
        assert stage.settings.title
        assert "20" in stage.settings.source  # the year
    assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


def test_values_of_the_papers() -> None:
    ddff = load_recipe("ddffnet-ddff12", data=SCENES).first.settings
    assert (ddff.optimiser, ddff.learning_rate, ddff.momentum) == ("sgd", 1e-3, 0.9)
    assert (ddff.schedule, ddff.decay, ddff.decay_epochs) == ("step", 0.9, 4)
    assert (ddff.batch, ddff.weight_decay, ddff.clip) == (2, 5e-4, 5)
    dfv = load_recipe("dfv-fod500", data="fod500").first
    held = dfv.settings
    assert (held.learning_rate, held.epochs, held.batch, held.clip) == (1e-4, 700, 20, 0.5)
    assert (dfv.convention.focus_factor, dfv.convention.depth_factor, dfv.augment.crop) == (0.2, 5.0, 224)
    wild = load_recipe("dff-in-the-wild-fod500", data="fod500").first
    assert (wild.settings.beta2, wild.settings.learning_rate, wild.settings.batch) == (0.99, 1e-3, 4)
    assert (wild.augment.contrast, wild.augment.gamma, wild.settings.high) == (0.6, 2.0, 2.0)
    align, depth = load_recipe("dff-in-the-wild-e2e").stages
    assert (align.settings.epochs, align.settings.train) == (100, "optical_flow_aggregation")
    assert (depth.settings.epochs, depth.settings.train) == (1500, "DFF_net")
    defocus = load_recipe("defocusnet-fod500", data="fod500").stages[1]
    assert (defocus.settings.epochs, defocus.settings.batch, defocus.convention.depth_factor) == (2001, 4, 3.0)
    assert defocus.convention.focus is FocusForm.OVER_LAST


def test_scenes_bring_their_own_unit_and_order() -> None:
    scenes = load_recipe("aifdepthnet-ft-fs", data=SCENES).first
    assert (scenes.convention.unit.value, scenes.convention.order) == ("dioptre", FrameOrder.FAR_FIRST)
    assert scenes.settings.low == -float("inf")


@pytest.mark.parametrize("spelling", ["dfv-fod500", "dfv-fod500.yaml", "recipes/dfv-fod500.yaml", "recipes/dfv-fod500"])
def test_a_recipe_is_found_by_name_and_by_path(spelling: str) -> None:
    assert load_recipe(spelling, data=SCENES).name == "dfv-fod500"


def test_a_recipe_is_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"network": "dfv", "batch": 3, "sync_norm": True, "options": {"level": 2}}))
    recipe = load_recipe(path)
    assert (recipe.name, recipe.first.settings.batch, recipe.first.settings.sync_norm) == ("mine", 3, True)
    assert recipe.first.options.level == 2  # type: ignore[attr-defined]


def test_keys_reach_settings_groups_and_stages() -> None:
    changes = {"learning-rate": "1", "level": "2", "augment.crop": "64", "gamma": "1.5"}
    stage = load_recipe("dfv-fod500", changes, data=SCENES).first
    assert (stage.settings.learning_rate, stage.options.level) == (1.0, 2)  # type: ignore[attr-defined]
    assert (stage.augment.crop, stage.augment.gamma) == (64, 1.5)
    align, depth = load_recipe("dff-in-the-wild-e2e", {"epochs": "7", "depth.epochs": "9", "align.q": "1"}).stages
    assert (align.settings.epochs, depth.settings.epochs, align.loss.q) == (7, 9, 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rat": "1"}, "Did you mean learning_rate"),
        ({"lr": "1"}, r"Did you mean learning_rate\?"),
        ({"augment.crp": "1"}, "Did you mean crop"),
        ({"frames": "3"}, "Write augment.frames or data_options.frames"),
        ({"batch": "many"}, "whole number"),
        ({"batch": "0"}, ">= 1"),
        ({"batch": "5", "accumulate": "2"}, "divides"),
        ({"low": "2", "high": "1"}, "low < high"),
        ({"loss": "dvf"}, "Did you mean dfv"),
        ({"network": "dfw"}, "Did you mean dfv"),
        ({"options.level": "9"}, "Allowed"),
        ({"convention.unit": "mile"}, "unit"),
    ],
)
def test_a_wrong_key_or_value_is_explained(changes: dict[str, str], message: str) -> None:
    with pytest.raises(FocalDepthError, match=message):
        load_recipe("dfv-fod500", changes, data=SCENES)


def test_unknown_recipes_and_data_suggest_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="dfv-fod500"):
        load_recipe("dfv-fod50")
    with pytest.raises(ReadError, match="no such recipe"):
        load_recipe(tmp_path / "none.yaml")
    with pytest.raises(UnknownNameError, match="fod500"):
        load_recipe("dfv-fod500", data="fod50")
    with pytest.raises(UnknownNameError, match="scenes"):
        load_recipe("dfv-fod500", data="scens")


@pytest.mark.parametrize("text", ["stages: align\n", "nothing:\n  a: 1\n", "network: {a: 1}\n", "- 1\n", "batch 3\n"])
def test_a_file_that_is_no_recipe_is_told_apart(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises((ReadError, UnknownNameError)):
        load_recipe(path)


def test_stages_train_one_network(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text("network: dfv\nstages: [a, b]\nb:\n  options.level: 1\n")
    with pytest.raises(SettingError, match="another network than a"):
        load_recipe(path)


def test_recipes_are_packaged() -> None:
    assert len(list(FOLDER.glob("*.yaml"))) == len(names()) >= 16

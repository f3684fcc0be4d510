"""The loop: it learns, it goes on where it was stopped, it is the same however it is shared out, it fails clearly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from focaldepth import estimate
from focaldepth.core.errors import (
    Cancelled,
    FocalDepthError,
    MemoryLimitError,
    ReadError,
    SettingError,
    TrainingError,
    WeightsError,
)
from focaldepth.core.progress import Run, Silent
from focaldepth.networks._net import build
from focaldepth.networks._spec import NETWORKS
from focaldepth.networks._weights import load_weights
from focaldepth.training import _folder, _loop, _step
from focaldepth.training._folder import locked
from focaldepth.training._initial import _vgg, fresh, initialise
from focaldepth.training._loop import Trained, TrainOptions, train
from focaldepth.training._recipe import Recipe, load_recipe
from focaldepth.training._source import source

from . import small

SCENES = {"height": "48", "width": "48", "samples": "4", "data_options.frames": "3", "count": "6", "validation": "2"}


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    with small.registered():
        yield


def recipe(folder: Path, **changes: Any) -> Recipe:
    """Two stacks of 32 px a step."""
    path = folder / "small.yaml"
    path.write_text(
        "title: small\nsource: tests 2026\nnetwork: small\ndata: scenes\nloss: aifdepthnet\nbatch: 2\n"
        "learning_rate: 1e-2\nvalidate_epochs: 1\naugment:\n  crop: 32\n  flip_rows: 0.5\n"
    )
    return load_recipe(path, {**SCENES, **{key: str(value) for key, value in changes.items()}})


def run(made: Recipe, out: Path, run_: Run = Run(threads=1), **wishes: Any) -> Trained:
    return train(made, out, TrainOptions(**{"events": False, "device": "cpu", **wishes}), run_)


def curve(out: Path) -> list[dict[str, Any]]:
    """The log without times."""
    lines = [json.loads(line) for line in (out / _folder.LOG).read_text().splitlines()]
    return [{k: v for k, v in line.items() if not k.endswith("_s")} for line in lines]


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_weights(out / _folder.WEIGHTS)[0].state_dict()


def same(one: Path, other: Path) -> bool:
    """The same loss curve and the same weights, bit for bit."""
    left, right = weights(one), weights(other)
    return curve(one) == curve(other) and all(torch.equal(left[key], right[key]) for key in left)


def test_a_run_writes_curve_checkpoint_and_weights_that_estimate_runs(tmp_path: Path) -> None:
    made = recipe(tmp_path)
    found = run(made, tmp_path / "out", max_steps=4)
    assert found.finished
    assert (found.steps, found.weights.name) == (4, "weights.safetensors")
    assert [line["step"] for line in curve(tmp_path / "out") if "loss" in line] == [1, 2, 3, 4]
    card = load_weights(found.weights)[1]
    assert (card.network, card.tag, card.trained_on) == ("small", "small", "scenes")
    assert card.metrics == {"rmse": pytest.approx(found.best)}
    assert card.convention == made.first.convention
    assert card.seen["frames"] == [3, 3]
    assert 0 < card.seen["focus"][0] < card.seen["focus"][1]
    given = source(made.first, None).open(0)
    result = estimate(given.stack, method="small", weights=str(found.weights), align="none")
    assert result.map.unit is given.stack.axis.unit
    assert not list((tmp_path / "out").glob(".cand*"))


class Stop(Silent):
    """Stops after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def advance(self, steps: int = 1) -> None:
        self.left -= steps

    def cancelled(self) -> bool:
        return self.left < 0


EVERYTHING = {"ema": 0.9, "clip": 1, "schedule": "cosine", "epochs": 3, "warmup_steps": 2, "options.dropped": 0.5}


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(tmp_path: Path, optimiser: str) -> None:
    made = recipe(
        tmp_path, optimiser=optimiser, validation_split="" if optimiser == "sgd" else "validation", **EVERYTHING
    )
    run(made, tmp_path / "whole")
    with pytest.raises(Cancelled):
        run(made, tmp_path / "parts", Run(Stop(3), threads=1))
    assert not (tmp_path / "parts" / _folder.WEIGHTS).exists()
    run(made, tmp_path / "parts", resume=True)
    assert same(tmp_path / "whole", tmp_path / "parts")


COMMAND = [
    "train", "defocusnet-fod500", "--data", "scenes", "--set", "filters=2", "--set", "crop=32", "--set", "batch=2",
    *(part for key, value in SCENES.items() for part in ("--set", f"{key}={value}")),
    "--set", "checkpoint_steps=3", "--max-steps", "6", "--device", "cpu", "--no-tensorboard", "-q",
]  # fmt: skip
ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "OMP_NUM_THREADS": "1"}


def start(*arguments: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "focaldepth", *arguments]
    return subprocess.Popen(line, env=ENV, stderr=subprocess.PIPE, text=True)


def test_after_kill_9_a_run_with_workers_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    out = tmp_path / "killed"
    process = start(*COMMAND, "--workers", "1", "--set", "validation_split=", "-o", str(out))
    until = time.monotonic() + 120
    while not (out / _folder.CHECKPOINT).exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stderr is not None
    process.stderr.close()
    assert (out / _folder.CHECKPOINT).exists()
    values = {"filters": "2", "crop": "32", "batch": "2", "checkpoint_steps": "3", "validation_split": "", **SCENES}
    made = load_recipe("defocusnet-fod500", values, data="scenes")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run(made, out, resume=True, max_steps=6)
        run(made, tmp_path / "whole", max_steps=6)
    finally:
        torch.set_num_threads(threads)
    assert same(out, tmp_path / "whole")


def test_it_learns_four_stacks_by_heart(tmp_path: Path) -> None:
    """Error of depth below a fifth of the focus range, less than a third of the error at first."""
    values = {"filters": "8", "count": "4", "endless": "false", "batch": "4", "crop": "0", "learning_rate": "3e-3",
              "clip": "1", "warmup_steps": "10", "validation_split": ""}  # fmt: skip
    changes = {**SCENES, **values, "height": "32", "width": "32", "data_options.frames": "2", "scale": "desk"}
    made = load_recipe("defocusnet-fod500", changes, data="scenes")
    run(replace(made, stages=made.stages[1:]), tmp_path / "out", max_steps=80)
    errors = [line["terms"]["depth"] ** 0.5 for line in curve(tmp_path / "out")]
    assert np.mean(errors[-5:]) < 0.2
    assert np.mean(errors[-5:]) < errors[0] / 3


def test_only_the_weights_of_a_stage_move_and_frozen_statistics_stay(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    recipe(tmp_path)
    text = (tmp_path / "small.yaml").read_text()
    path.write_text(text + "stages: [one, two]\none:\n  train: second last\ntwo:\n  train: first.0\n  epochs: 1\n")
    made = load_recipe(path, SCENES)
    first = fresh("small", made.first.options, made.first.settings.seed).state_dict()
    run(replace(made, stages=made.stages[:1]), tmp_path / "one", max_steps=2)
    found = run(made, tmp_path / "both", max_steps=2)
    assert found.steps == 4
    one, both = weights(tmp_path / "one"), weights(tmp_path / "both")
    for key in first:
        assert torch.equal(first[key], one[key]) == key.startswith("first."), key
        assert torch.equal(one[key], both[key]) == (not key.startswith("first.0")), key
    assert [(line["stage"], line["step"]) for line in curve(tmp_path / "both") if "loss" in line] == [
        ("one", 1), ("one", 2), ("two", 1), ("two", 2),
    ]  # fmt: skip


def test_the_best_weights_are_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr("focaldepth.training._validate.Judge.value", lambda *given: next(values))
    made = recipe(tmp_path, validation_split="validation", epochs=3)
    found = run(made, tmp_path / "out")
    assert found.best == 1.0
    card = load_weights(found.weights)[1]
    assert card.metrics == {"rmse": 1.0}
    assert load_weights(tmp_path / "out" / _folder.BEST)[1].source["steps"] == 6
    best = load_weights(tmp_path / "out" / _folder.BEST)[0].state_dict()
    assert all(torch.equal(best[key], tensor) for key, tensor in weights(tmp_path / "out").items())


def test_validation_by_the_loss_needs_no_depth(tmp_path: Path) -> None:
    made = recipe(tmp_path, validation_split="validation", metric="loss")
    found = run(made, tmp_path / "out", max_steps=3)
    told = [line["validation"]["loss"] for line in curve(tmp_path / "out") if "validation" in line]
    assert found.best == min(told)


def test_the_average_lags_behind_the_weights(tmp_path: Path) -> None:
    run(recipe(tmp_path, validation_split=""), tmp_path / "plain", max_steps=4)
    run(recipe(tmp_path, validation_split="", ema=0.5), tmp_path / "mean", max_steps=4)
    assert curve(tmp_path / "plain") == curve(tmp_path / "mean")
    plain, mean = weights(tmp_path / "plain"), weights(tmp_path / "mean")
    assert not torch.equal(plain["last.weight"], mean["last.weight"])
    assert torch.equal(plain["first.1.running_mean"], mean["first.1.running_mean"])


def test_parts_of_a_batch_make_the_same_step(tmp_path: Path) -> None:
    """Without batch norm, whose statistics are those of a part."""
    values = {"filters": "2", "crop": "32", "batch": "4", **SCENES}
    for parts in ("1", "2"):
        made = load_recipe("defocusnet-fod500", {**values, "accumulate": parts}, data="scenes")
        run(replace(made, stages=made.stages[:1]), tmp_path / parts, max_steps=2)
    one, two = (curve(tmp_path / parts)[:2] for parts in ("1", "2"))
    for left, right in zip(one, two, strict=True):
        assert left["loss"] == pytest.approx(right["loss"], rel=1e-5)
        assert left["gradient"] == pytest.approx(right["gradient"], rel=1e-4)


def test_two_processes_make_the_step_of_one(tmp_path: Path) -> None:
    port = str(20_000 + os.getpid() % 20_000)
    processes = []
    for rank in ("0", "1"):
        env = {**ENV, "WORLD_SIZE": "2", "RANK": rank, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1",
               "MASTER_PORT": port}  # fmt: skip
        line = [sys.executable, "-m", "focaldepth", *COMMAND, "--workers", "0", "--max-steps", "2",
                "--set", "validate_items=2", "-o", str(tmp_path / "two")]  # fmt: skip
        processes.append(subprocess.Popen(line, env=env, stderr=subprocess.PIPE, text=True))
    for process in processes:
        assert process.communicate(timeout=200)[1] == ""
        assert process.returncode == 0
    values = {"filters": "2", "crop": "32", "batch": "2", "checkpoint_steps": "3", "validate_items": "2", **SCENES}
    run(load_recipe("defocusnet-fod500", values, data="scenes"), tmp_path / "one", max_steps=2)
    one, two = curve(tmp_path / "one"), curve(tmp_path / "two")
    assert [sorted(line) for line in one] == [sorted(line) for line in two]
    for left, right in zip(one, two, strict=True):
        for key in {"loss", "gradient"} & {*left}:
            assert left[key] == pytest.approx(right[key], rel=1e-3)
    left, right = weights(tmp_path / "one"), weights(tmp_path / "two")
    for key in left:
        torch.testing.assert_close(left[key], right[key], rtol=1e-2, atol=2e-4)


def test_time_that_is_over_leaves_a_checkpoint_and_weights(tmp_path: Path) -> None:
    made = recipe(tmp_path)
    found = run(made, tmp_path / "out", max_s=0.0)
    assert (found.finished, found.steps) == (False, 1)
    assert found.weights.exists()
    again = run(made, tmp_path / "out", resume=True, max_steps=2)
    assert (again.finished, again.steps) == (True, 2)


def test_a_loss_that_is_no_number_stops_and_keeps_its_batch(tmp_path: Path) -> None:
    made = recipe(tmp_path, learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"step \d+ is .*learning_rate") as raised:
        run(made, tmp_path / "out", max_steps=20)
    assert raised.value.exit_code == 1
    from safetensors.torch import load_file

    held = load_file(tmp_path / "out" / _folder.FAILED)
    assert held["0.frames"].shape == (2, 3, 3, 32, 32)
    assert {"0.truth", "0.valid", "0.focus"} <= set(held)


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    made = recipe(tmp_path)
    with locked(tmp_path / "out"), pytest.raises(SettingError, match=rf"another training.*process {os.getpid()}"):
        run(made, tmp_path / "out", max_steps=1)
    run(made, tmp_path / "out", max_steps=1)
    with pytest.raises(SettingError, match="--resume"):
        run(made, tmp_path / "out", max_steps=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").touch()
    with pytest.raises(SettingError, match="not empty"):
        run(made, tmp_path / "mine", max_steps=1)


def test_a_run_goes_on_with_its_own_recipe_only(tmp_path: Path) -> None:
    run(recipe(tmp_path), tmp_path / "out", max_steps=1)
    with pytest.raises(SettingError, match="begun with another learning_rate"):
        run(recipe(tmp_path, learning_rate=1), tmp_path / "out", resume=True)
    with pytest.raises(ReadError, match="no training"):
        run(recipe(tmp_path), tmp_path / "nothing", resume=True)
    assert run(recipe(tmp_path, epochs=50), tmp_path / "out", resume=True, max_steps=2).steps == 2
    (tmp_path / "out" / _folder.CHECKPOINT).write_bytes(b"PK damaged")
    with pytest.raises(ReadError, match="damaged"):
        run(recipe(tmp_path), tmp_path / "out", resume=True)


def test_missing_data_say_what_to_do(tmp_path: Path) -> None:
    made = load_recipe("defocusnet-fod500", {"filters": "2"})
    with pytest.raises(ReadError, match=r"--root.*--data scenes"):
        run(made, tmp_path / "a")
    with pytest.raises(ReadError, match="not found"):
        run(made, tmp_path / "b", root=tmp_path / "nowhere")


def test_full_memory_names_the_settings_to_lower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(_step, "value", full)
    with pytest.raises(MemoryLimitError, match=r"2 stacks of 3 frames.*accumulate=2.*batch=1.*bfloat16"):
        run(recipe(tmp_path), tmp_path / "out", max_steps=1)


def test_a_batch_too_small_for_batch_norm_is_explained(tmp_path: Path) -> None:
    made = load_recipe("dfv-fod500", {**SCENES, "level": "3", "batch": "1", "crop": "0", "height": "64", "width": "64"},
                       data="scenes")  # fmt: skip
    with pytest.raises(SettingError, match="--set batch=2"):
        run(made, tmp_path / "out", max_steps=1)


def test_weights_to_begin_with(tmp_path: Path) -> None:
    made = recipe(tmp_path)
    found = run(made, tmp_path / "first", max_steps=1)
    run(recipe(tmp_path, learning_rate=0), tmp_path / "second", max_steps=1, init=found.weights)
    left, right = weights(tmp_path / "first"), weights(tmp_path / "second")
    assert torch.equal(left["last.weight"], right["last.weight"])


@pytest.mark.parametrize("what", ["other", "damaged", "missing"])
def test_wrong_weights_to_begin_with_are_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "weights.pth"
    if what == "other":
        torch.save({"some.weight": torch.zeros(3)}, path)
    elif what == "damaged":
        path.write_bytes(b"nothing")
    with pytest.raises((WeightsError, ReadError)):
        run(recipe(tmp_path), tmp_path / "out", init=path, max_steps=1)


def test_imagenet_weights_begin_the_trunk(tmp_path: Path) -> None:
    made = load_recipe("dfv-fod500", {"level": "1"}, data="scenes").first
    net = fresh("dfv", made.options, 0)
    trunk = "feature_extraction.encoder."
    pictures = {key.removeprefix(trunk): torch.full_like(t, 2) for key, t in net.state_dict().items() if trunk in key}
    torch.save(pictures, tmp_path / "resnet18.pth")
    before = net.state_dict()["decoder3.classify.2.0.weight"].clone()
    assert "the trunk" in initialise(net, "dfv", tmp_path / "resnet18.pth")
    after = net.state_dict()
    assert bool((after[trunk + "layer4.1.conv2.weight"] == 2).all())
    assert torch.equal(after["decoder3.classify.2.0.weight"], before)
    torch.save({**pictures, "layer4.1.conv2.weight": torch.zeros(1)}, tmp_path / "resnet50.pth")
    with pytest.raises(WeightsError, match="ResNet-18"):
        initialise(net, "dfv", tmp_path / "resnet50.pth")


@pytest.mark.parametrize("norm", [False, True])
def test_vgg_weights_take_the_names_of_ddffnet(norm: bool) -> None:
    """In the usual files convolutions, norms, activations and poolings are numbered through."""
    with torch.device("meta"):
        own = build("ddffnet", NETWORKS.get("ddffnet").default).state_dict()
    layers, held = 0, {}
    for channels in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if channels:
            held[f"features.{layers}.weight"] = channels
            for kind in ("weight", "bias", "running_mean", "running_var") if norm else ():
                held[f"features.{layers + 1}.{kind}"] = channels
            layers += 2 + norm
        else:
            layers += 1
    named = _vgg({key: torch.zeros(channels) for key, channels in held.items()})
    assert len(named) == len(held) == (65 if norm else 13)
    assert {key: len(tensor) for key, tensor in named.items()} == {key: own[key].shape[0] for key in named}


def test_event_files_hold_curves_and_pictures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(recipe(tmp_path), tmp_path / "out", max_steps=3, events=True)
    held = EventAccumulator(str(tmp_path / "out" / _folder.EVENTS)).Reload()
    assert "train/loss" in held.Tags()["scalars"]
    assert [event.step for event in held.Scalars("train/loss")] == [1, 2, 3]
    assert [event.step for event in held.Images("3 depth")] == [1, 3]
    assert set(held.Tags()["images"]) == {"1 frame", "2 truth", "3 depth", "4 error"}


def test_bfloat16_trains_with_losses_in_float32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[torch.nn.Module] = []
    monkeypatch.setattr(_loop, "keep_wide", kept.append)
    run(recipe(tmp_path), tmp_path / "wide", max_steps=2)
    assert len(kept) == 1, "3D convolutions on the processor"
    run(recipe(tmp_path, precision="bfloat16"), tmp_path / "narrow", max_steps=2)
    wide, narrow = (curve(tmp_path / name)[0]["loss"] for name in ("wide", "narrow"))
    assert wide != narrow
    assert wide == pytest.approx(narrow, rel=0.05)


def test_an_error_of_a_stack_names_it(tmp_path: Path) -> None:
    with pytest.raises(FocalDepthError, match=r"scene 0000.*smaller than the crop"):
        run(recipe(tmp_path, crop=64), tmp_path / "out", max_steps=1)

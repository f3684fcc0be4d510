"""``focaldepth train``: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from focaldepth.cli._guard import run
from focaldepth.cli.train import command, seconds
from focaldepth.training import _loop
from focaldepth.training._keys import ELSEWHERE
from focaldepth.training._recipe import load_recipe, names

from . import small
from .test_loop import SCENES, recipe

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Call:
    """Call the command in this process."""

    def called(*args: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(["train", *map(str, args)])
        said = capfd.readouterr()
        return code, said.out, said.err

    return called


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[list[str]]:
    """A recipe of one's own on tiny scenes, and where it writes."""
    recipe_file = tmp_path / "small.yaml"
    with small.registered():
        recipe(tmp_path)
        sets = [part for key, value in SCENES.items() for part in ("--set", f"{key}={value}")]
        yield [str(recipe_file), "-o", str(tmp_path / "out"), "--workers", "0", "--device", "cpu", *sets]


def test_recipes_are_listed(call: Call) -> None:
    code, out, _ = call("--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:] if line] == names()


def test_all_settings_are_shown(call: Call) -> None:
    code, out, _ = call("dff-in-the-wild-e2e", "--data", "scenes", "--show", "--set", "align.epochs=9")
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["align", "epochs", "9"] in rows
    assert ["depth", "epochs", "1500"] in rows
    assert ["depth", "options.detector", "srd"] in rows


def test_a_training_tells_what_it_does_and_where_its_weights_are(call: Call, mine: list[str], tmp_path: Path) -> None:
    code, out, err = call(*mine, "--max-steps", "2", "--json")
    assert code == 0, err
    said = json.loads(out)
    assert (said["finished"], said["steps"]) == (True, 2)
    assert Path(said["weights"]).exists()
    assert "rmse" in err
    assert "2 steps" in err
    code, _, err = call(*mine, "--max-steps", "3", "--resume")
    assert code == 0, err
    assert "goes on after step 2" in err


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["--set", "learning_rat=1"], 2, "Did you mean learning_rate"),
        (["--set", "learning_rate=1e30"], 1, "lower learning_rate or clip=1"),
        (["--max-time", "soon"], 2, "90s, 30m"),
        (["--data", "fod5000"], 2, "fod500"),
        (["--init", "nothing.pth"], 2, "no such file"),
        (["--device", "tpu"], 2, "Here are: auto, cpu"),
        (["--set", "metric=rsme"], 2, "rmse"),
        (["--set", "train=frist"], 2, "first"),
    ],
)
def test_bad_input_is_one_line(call: Call, mine: list[str], more: list[str], code: int, words: str) -> None:
    found, _, err = call(*mine, "--max-steps", "20", *more)
    assert found == code
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "ddff12-dfv is a data set on disk"),
        (["--root", "a", "--root", "b"], "--root NAME=DIR"),
        (["--root", "fod500=a", "--root", "fod500=b"], "--root fod500 is given twice: a and b"),
        (["--root", "fod500="], "names no folder"),
        (["--root", "fod50=a"], "Did you mean fod500?"),
        (["--root", "nowhere"], "If ddff12-dfv lies elsewhere: --root ddff12-dfv=DIR"),
        (["--root", "ddff12-dfv=nowhere"], "is got from https://github.com/fuy34/DFV"),
        (["--set", "fod500.clip=1"], "clip is one for all data sets"),
    ],
)
def test_where_several_data_sets_lie_is_asked_for(call: Call, tmp_path: Path, more: list[str], words: str) -> None:
    small = ["--set", "level=1", "--device", "cpu", "--no-tensorboard"]
    code, _, err = call("dfv-ddff12-fod500", "-o", tmp_path / "out", *small, *more)
    assert code == 2
    assert words in err
    assert "Traceback" not in err


def test_an_interrupt_leaves_a_checkpoint(call: Call, mine: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    tell = _loop._Training._tell

    def interrupted(self: Any, *given: Any) -> None:
        tell(self, *given)
        if self.place.step == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_loop._Training, "_tell", interrupted)
        code, _, err = call(*mine, "--max-steps", "3")
    assert code == 130
    assert "interrupted; --resume goes on" in err
    code, _, err = call(*mine, "--max-steps", "3", "--resume")
    assert code == 0, err
    assert "goes on after step 2" in err


def test_a_recipe_and_a_folder_are_needed(call: Call) -> None:
    assert call()[0] == 2
    code, _, err = call("dfv-fod500", "--data", "scenes")
    assert code == 2
    assert "-o" in err


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5d", 129600), ("7", 7)])
def test_lengths_of_time(text: str, value: float) -> None:
    assert seconds(text) == value


def test_what_other_programs_call_a_setting_is_one_of_ours() -> None:
    """Every hint names a setting with a value that it takes, or an option of the command."""
    options = {name for option in command.params for name in option.opts}
    for meant in ELSEWHERE.values():
        if meant.startswith("--"):
            assert meant in options
        else:
            key, _, setting = meant.partition("=")
            assert key in {found for _, found, _ in load_recipe("dfv-fod500").everything()}
            if setting:
                load_recipe("dfv-fod500", {key: setting})

"""Weights are found by name in the weights folders, by path anywhere, and nowhere silently."""

from pathlib import Path

import pytest
import torch

from focaldepth.core.errors import FocalDepthError, ReadError, UnknownNameError, WeightsError
from focaldepth.networks._catalogue import VARIABLE, available, find_weights, folders
from focaldepth.networks._net import build
from focaldepth.networks._weights import save_weights

from .toy import registered


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sets of weights of the toy, a damaged card and a card without weights."""
    monkeypatch.setenv(VARIABLE, f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    with registered():
        for place, tag in (("a", "one"), ("b", "two")):
            save_weights(build("toy"), "toy", tmp_path / place / f"toy.{tag}.safetensors", tag=tag)
        (tmp_path / "a/broken.safetensors").write_bytes(b"")
        (tmp_path / "a/broken.json").write_text("{")
        (tmp_path / "a/alone.json").write_text("{}")
        yield tmp_path


def test_all_folders_are_listed(folder: Path) -> None:
    assert folders() == [folder / "a", folder / "b"]
    assert sorted(card.name for card in available().values()) == ["toy.one", "toy.two"]


def test_a_name_and_a_path_mean_the_same(folder: Path) -> None:
    path = folder / "b/toy.two.safetensors"
    assert find_weights("toy.two", "toy") == path
    assert find_weights(str(path), "toy") == path


def test_without_weights_the_message_says_which_there_are(folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"toy needs weights\. There are: toy\.one, toy\.two\. Give one with --we"):
        find_weights("", "toy")


def test_without_any_it_says_how_to_get_them(folder: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        find_weights("", "dfv")
    assert f"{folder / 'a'} holds none of dfv" in caught.value.hint
    assert "Import a checkpoint of fuy34/DFV: focaldepth import CHECKPOINT --as dfv" in caught.value.hint
    assert "--weights random" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("toy.tow", UnknownNameError, "unknown weights 'toy.tow'. Did you mean toy.two"),
        ("nothing", WeightsError, "there are no weights 'nothing'"),
        ("nowhere.safetensors", ReadError, "there is no such file"),
    ],
)
def test_what_is_not_there(folder: Path, text: str, kind: type[FocalDepthError], message: str) -> None:
    with pytest.raises(kind, match=message):
        find_weights(text, "toy")


def test_a_checkpoint_is_imported_first(folder: Path) -> None:
    torch.save({"conv.weight": torch.zeros(1)}, folder / "theirs.tar")
    with pytest.raises(WeightsError, match=r"Import it: focaldepth import .*theirs\.tar --as toy"):
        find_weights(str(folder / "theirs.tar"), "toy")


def test_two_sets_of_one_name_are_not_guessed_between(folder: Path) -> None:
    save_weights(build("toy"), "toy", folder / "b/other.safetensors", tag="one")
    with pytest.raises(WeightsError, match=r"toy\.one is the name of .* and .*Give the path of one"):
        find_weights("toy.one", "toy")


@pytest.mark.parametrize(
    ("system", "variable", "rest"),
    [
        ("linux", "XDG_DATA_HOME", "focaldepth/weights"),
        ("win32", "LOCALAPPDATA", "focaldepth/weights"),
        ("darwin", "HOME", "Library/Application Support/focaldepth/weights"),
    ],
)
def test_the_folder_is_where_each_system_keeps_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, variable: str, rest: str
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setenv(variable, str(tmp_path))
    assert folders() == [tmp_path / rest]

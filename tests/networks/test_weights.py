"""Weights come in whole and strictly, in every wrapping people use, and never as code."""

import json
import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from focaldepth.core.errors import ReadError, WeightsError, WriteError
from focaldepth.networks._card import card_path, read_card
from focaldepth.networks._net import build
from focaldepth.networks._spec import Convention, Padding
from focaldepth.networks._weights import from_checkpoint, import_checkpoint, load_weights, save_weights, with_weights
from focaldepth.networks.defocusnet import DefocusNetOptions
from focaldepth.networks.dfv import DfvOptions

LEVEL_1 = DfvOptions(level=1)
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    """Of a network; large tensors are one number, so that files of it are small."""
    torch.manual_seed(1)
    found = build("dfv", LEVEL_1).state_dict()
    return {k: v if v.numel() < 10**5 else v.flatten()[0].clone().expand(v.shape) for k, v in found.items()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "official.tar"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, state: State) -> Path:
    path = tmp_path_factory.mktemp("saved") / "own.safetensors"
    save_weights(with_weights("dfv", LEVEL_1, state), "dfv", path, tag="test", trained_on="nothing")
    return path


@pytest.fixture
def own(tmp_path: Path, saved: Path) -> Path:
    """A safetensors file with its card."""
    for file in (saved, card_path(saved)):
        shutil.copy(file, tmp_path)
    return tmp_path / saved.name


WRAPPINGS: dict[str, Callable[[State], Any]] = {
    "bare": lambda s: s,
    "parallel": lambda s: {f"module.{k}": v for k, v in s.items()},
    "nested": lambda s: {"epoch": 3, "state_dict": s, "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4}]}},
    "nested twice": lambda s: {"model": {"state_dict": {f"module.{k}": v for k, v in s.items()}}},
    "compiled": lambda s: {"model": {f"_orig_mod.module.{k}": v for k, v in s.items()}},
    "numpy score": lambda s: {"best": np.float64(0.25), "state_dict": s},
    "half": lambda s: {k: v.half() if v.is_floating_point() else v for k, v in s.items()},
    "uncounted batches": lambda s: {k: v for k, v in s.items() if not k.endswith("num_batches_tracked")},
    "old key": lambda s: {**s, "disp_reg.weight": torch.zeros(3)},
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_every_wrapping_gives_the_same_network(wrap: Callable[[State], Any], state: State, file: Path) -> None:
    torch.save(wrap(state), file)
    net, _ = from_checkpoint(file, "dfv")
    assert net.options == LEVEL_1
    assert not net.training
    for key, value in net.state_dict().items():
        assert value.dtype == state[key].dtype
        torch.testing.assert_close(value, state[key], rtol=1e-3, atol=1e-4)


def test_the_old_container_is_read(state: State, file: Path) -> None:
    torch.save({"state_dict": state}, file, _use_new_zipfile_serialization=False)
    assert from_checkpoint(file, "dfv")[0].options == LEVEL_1


def test_numpy_numbers_of_old_numpy_are_read(state: State, file: Path) -> None:
    """numpy 1 names its scalars by another module; official files were written with it."""
    torch.save({"best": np.float64(0.25), "state_dict": state}, file, _use_new_zipfile_serialization=False)
    file.write_bytes(file.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert from_checkpoint(file, "dfv")[1].stated["best"] == 0.25


def test_dropped_keys_are_told(state: State, file: Path, tmp_path: Path) -> None:
    torch.save({**state, "disp_reg.weight": torch.zeros(3)}, file)
    card = import_checkpoint(file, "dfv", tmp_path / "own.safetensors")
    assert card.source["dropped"] == ["disp_reg.weight"]
    assert card.source["file"] == "official.tar"


def test_what_is_saved_comes_back_with_its_facts(own: Path, state: State) -> None:
    net, card = load_weights(own)
    assert card.name == "dfv.test"
    assert card.trained_on == "nothing"
    assert card.options == {"level": 1, "differential": True}
    assert card.parameters == 15_963_225
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())


def test_a_convention_survives_the_card(tmp_path: Path) -> None:
    convention = Convention("metre", white=255, mean=(1, 2, 3), colour="bgr", padding="black", focus_factor=0.2)  # type: ignore[arg-type]
    save_weights(build("dfv", LEVEL_1), "dfv", tmp_path / "a.safetensors", convention=convention)
    found = read_card(tmp_path / "a.safetensors").convention
    assert found == convention
    assert found.padding is Padding.BLACK


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return subprocess.check_output, (["touch", "/nonexistent/evil"],)


def without(state: State, part: str) -> State:
    return {k: v for k, v in state.items() if part not in k}


DAMAGES: dict[str, tuple[Callable[[State], Any], str]] = {
    "code": (lambda s: {"state_dict": s, "extra": Evil()}, "holds code beside weights.*state dict alone"),
    "no state dict": (lambda s: {"epoch": 3}, "holds no state dict.*state_dict"),
    "a list": (lambda s: [1, 2], "holds no state dict"),
    "another network": (lambda s: {"conv.weight": torch.zeros(3)}, "is no checkpoint of dfv: it has no feature_ex"),
    "missing key": (lambda s: without(s, "proj3.cbr_unit.0"), "lacks feature_extraction.proj3.*is complete"),
    "missing keys": (lambda s: without(s, "upconv"), "lacks .* and 12 more of "),
    "surplus key": (lambda s: {**s, "more.weight": torch.zeros(3)}, "has unknown more.weight"),
    "a gap": (lambda s: {**s, "decoder5.classify.2.0.weight": torch.zeros(3)}, "decoders are decoder3, decoder5"),
    "other shape": (
        lambda s: {**s, "feature_extraction.encoder.bn1.bias": torch.zeros(65)},
        "has other shapes of feature_extraction.encoder.bn1.bias",
    ),
    "NaN": (
        lambda s: {**s, "feature_extraction.encoder.bn1.bias": torch.full((64,), torch.nan)},
        "bn1.bias holds 64 numbers that are not finite",
    ),
    "negative variance": (
        lambda s: {**s, "feature_extraction.encoder.bn1.running_var": torch.full((64,), -1.0)},
        "running_var is negative.*before it was trained",
    ),
}


@pytest.mark.parametrize(("make", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_wrong_checkpoint_is_refused(make: Callable[[State], Any], message: str, state: State, file: Path) -> None:
    torch.save(make(state), file)
    with pytest.raises(WeightsError, match=message) as caught:
        from_checkpoint(file, "dfv")
    assert caught.value.where == str(file)
    assert caught.value.hint


def test_weights_of_another_network_are_named(state: State, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(state, file)
    other = type("Spec", (), {"signature": ("nothing",), "translate": None, "ignored": ()})
    real = type(_registry()).get
    monkeypatch.setattr(type(_registry()), "get", lambda self, name: other if name == "ddffnet" else real(self, name))
    monkeypatch.setattr(type(_registry()), "names", lambda self: ["ddffnet", "dfv"])
    monkeypatch.setattr(type(_registry()), "resolve", lambda self, name: name)
    with pytest.raises(WeightsError, match=r"no checkpoint of ddffnet.*These are weights of dfv: give that with --as"):
        from_checkpoint(file, "ddffnet")


def test_weights_that_hold_more_than_the_network_name_the_larger_one(file: Path) -> None:
    torch.save(build("defocusnet", DefocusNetOptions(filters=1)).state_dict(), file)
    with pytest.raises(WeightsError, match=r"has unknown conv_down2.*These are weights of defocusnet: give that with"):
        from_checkpoint(file, "defocusnet-coc")


def _registry() -> Any:
    from focaldepth.networks._spec import NETWORKS

    return NETWORKS


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
@pytest.mark.parametrize("new", [True, False], ids=["zip", "old"])
def test_a_cut_file_is_refused(share: float, new: bool, state: State, file: Path) -> None:
    small = {k: v for k, v in state.items() if v.numel() < 10**4}
    torch.save({"state_dict": small}, file, _use_new_zipfile_serialization=new)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ReadError, match="is no checkpoint, or is cut off"):
        from_checkpoint(file, "dfv")


def test_what_is_no_checkpoint_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="there is no such file"):
        from_checkpoint(file, "dfv")
    for content in (b"not a checkpoint", pickle.dumps({"a": 1})):
        file.write_bytes(content)
        with pytest.raises((ReadError, WeightsError)):
            from_checkpoint(file, "dfv")
    (tmp_path / "a.npz").write_bytes(b"PK not an archive")
    with pytest.raises(ReadError, match="cut off"):
        from_checkpoint(tmp_path / "a.npz", "dfv")


def test_objects_in_a_numpy_archive_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", weights=np.array([{"a": 1}], object))
    with pytest.raises(ReadError, match="is no checkpoint"):
        from_checkpoint(tmp_path / "a.npz", "dfv")


def test_weights_are_never_overwritten(own: Path, state: State, file: Path) -> None:
    torch.save(state, file)
    before = own.read_bytes()
    with pytest.raises(WriteError, match=r"exists already\. Give another name"):
        import_checkpoint(file, "dfv", own)
    assert own.read_bytes() == before
    with pytest.raises(WriteError, match=r"is no \.safetensors file"):
        import_checkpoint(file, "dfv", own.with_suffix(".bin"))


def edit(own: Path, **changes: Any) -> None:
    path = card_path(own)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_card_must_be_there_and_whole(own: Path) -> None:
    card = card_path(own)
    for text in ("{", "[]", '{"format": 1}'):
        card.write_text(text)
        with pytest.raises((ReadError, WeightsError), match=r"[Ii]mport the"):
            load_weights(own)
    card.unlink()
    with pytest.raises(ReadError, match="have no card"):
        load_weights(own)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"format": 99}, "no card of format 1"), ({"convention": {"unit": "metre"}}, "convention is incomplete"),
     ({"options": {"level": 9}}, "options do not fit dfv"), ({"options": {"depth": 1}}, "options do not fit dfv"),
     ({"options": {"level": 2, "differential": True}}, "lacks decoder"),
     ({"seen": {"focus": [4, 1]}}, "no card of format 1"), ({"seen": {"colour": [0, 1]}}, "no card of format 1"),
     ({"seen": {"frames": ["many"]}}, "no card of format 1"),
     ({"sha256": "0"}, "not the file that its card describes")],
)  # fmt: skip
def test_a_card_that_does_not_fit_is_refused(own: Path, changes: dict[str, Any], message: str) -> None:
    edit(own, **changes)
    with pytest.raises(WeightsError, match=message):
        load_weights(own)


@pytest.mark.parametrize("change", [{"unit": "furlong"}, {"white": 0.0}, {"std": [1, 0, 1]}, {"mean": [1, 2]}])
def test_a_convention_that_cannot_be_is_refused(own: Path, change: dict[str, Any]) -> None:
    edit(own, convention={**json.loads(card_path(own).read_text())["convention"], **change})
    with pytest.raises(WeightsError, match="convention"):
        load_weights(own)


def test_a_changed_file_is_refused(own: Path) -> None:
    content = bytearray(own.read_bytes())
    content[-1] ^= 1
    own.write_bytes(content)
    with pytest.raises(WeightsError, match="not the file that its card describes"):
        load_weights(own)
    own.unlink()
    with pytest.raises(ReadError, match="no such file"):
        load_weights(own)

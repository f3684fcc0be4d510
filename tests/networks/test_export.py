"""export: the ONNX file takes any N, H and W where the network does, and says what the network says."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor

from focaldepth.core.axis import Unit
from focaldepth.networks import _export
from focaldepth.networks._export import Whole
from focaldepth.networks._loaded import choose, load
from focaldepth.networks._method import method_class
from focaldepth.networks._net import NetOutput, Scale
from focaldepth.networks._spec import NETWORKS, Colour, Convention, FocusForm, Options
from focaldepth.networks._weights import save_weights
from focaldepth.networks.ddffnet import DdffNetOptions
from focaldepth.networks.defocusnet import DefocusNetOptions
from focaldepth.networks.dff_in_the_wild_e2e import EndToEndOptions

from .conftest import Outcome
from .toy import Toy, ToyOptions, registered

Cli = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def toy() -> Iterator[None]:
    load.cache_clear()
    with registered():
        yield
    load.cache_clear()


def run(path: Path, n: int, height: int, width: int) -> tuple[list[np.ndarray], Tensor, Tensor]:
    """What ONNX Runtime makes of noise, and what went in."""
    frames = torch.rand(1, n, 3, height, width, generator=torch.Generator().manual_seed(n))
    focus = torch.linspace(0.2, 2, n).square()[None]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"frames": frames.numpy(), "focus": focus.numpy()}), frames, focus


def test_a_file_for_every_size(cli: Cli, tmp_path: Path) -> None:
    path, weights = tmp_path / "toy.onnx", tmp_path / "own.safetensors"
    save_weights(Toy(ToyOptions()), "toy", weights, trained_on="rocks")
    found = cli("export", "toy", "-o", path, "--weights", weights, "--height", 32, "--width", 48, "--json")
    assert found.code == 0, found.err
    assert found.json["dynamic"] == ["N", "H", "W"]
    assert (found.json["fixed"], found.json["inputs"]) == ({}, ["frames", "focus"])
    assert found.json["outputs"] == ["depth", "probability", "spread"]
    assert found.json["difference"] < 1e-4
    assert "varies        N, H, W" in found.err
    for shape in ((5, 32, 48), (2, 16, 64), (9, 72, 40)):
        (depth, probability, spread), frames, focus = run(path, *shape)
        out = Toy(ToyOptions())(frames, focus)
        for one, two in ((depth, out.depth), (probability, out.probability), (spread, out.spread)):
            np.testing.assert_allclose(one, two.detach().numpy(), atol=1e-4)
    (entry,) = onnx.load(path).metadata_props
    assert entry.key == "focaldepth"
    assert json.loads(entry.value)["trained_on"] == "rocks"


REAL: dict[str, tuple[Options, tuple[int, int, int], tuple[str, ...]]] = {
    "defocusnet": (DefocusNetOptions(filters=2), (2, 16, 32), ("N", "H", "W")),
    "dff-in-the-wild-e2e": (EndToEndOptions(), (2, 32, 64), ("N", "H", "W")),
    "ddffnet": (DdffNetOptions(frames=2), (2, 32, 32), ("H", "W")),
}
"""Network -> options, size, what varies in its file. The others take longer to write: see `benchmarks/`."""


@pytest.mark.parametrize("name", REAL)
def test_the_networks_themselves_are_written_with_sizes_that_vary(
    name: str,
) -> None:
    """What ONNX would have to be proven for, PyTorch's exporter proves; the rest is done by the tests of the toy."""
    options, shape, dynamic = REAL[name]
    choice = replace(choose(method_class(name)(weights="random", device="cpu", form="reference")), options=options)
    shape = _export.traceable(shape, dynamic, options.limits.stride)
    program = _export.captured(Whole(load(choice).net, choice.convention).eval(), names_of(name), shape, dynamic)
    given = _export.example(names_of(name), (shape[0] + ("N" in dynamic), shape[1] + 32, shape[2] + 64))
    with torch.inference_mode():
        wanted = Whole(load(choice).net, choice.convention)(**given)
        for one, two in zip(program.module()(**given), wanted, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-3)


def names_of(name: str) -> tuple[str, ...]:
    return "frames", "focus", *NETWORKS.get(name).inputs


@torch.inference_mode()
@pytest.mark.parametrize("focus", [FocusForm.OVER_LAST, FocusForm.UNIT_RANGE])
def test_the_convention_is_in_the_file(focus: FocusForm) -> None:
    """RGB in 0..1 and positions in the unit go in, whatever the network was trained on."""
    told = Convention(
        Unit.METRE, black=-1, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7), colour=Colour.BGR, focus=focus, depth_factor=3
    )
    net = Toy(ToyOptions())
    frames, positions = torch.rand(1, 4, 3, 16, 24), torch.linspace(0.2, 2, 4).square()[None]
    depth = Whole(net, told)(frames, positions)[0]
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (told.mean, told.std))
    trained = ((frames * 2 - 1).flip(2) - mean) / std
    low, high = positions.amin(), positions.amax()
    if focus is FocusForm.UNIT_RANGE:
        wanted = low + (high - low) * net(trained, (positions - low) / (high - low)).depth
    else:
        wanted = 3 * net(trained, positions / positions[:, -1:]).depth
    torch.testing.assert_close(depth, wanted, atol=1e-4, rtol=0)


def test_a_fixed_number_of_frames_stays_fixed(cli: Cli, tmp_path: Path) -> None:
    with registered(default=ToyOptions(frames=4)):
        found = cli("export", "toy", "-o", tmp_path / "toy.onnx", "--weights", "random", "--json", "-q")
    assert found.json["dynamic"] == ["H", "W"]
    assert found.json["fixed"] == {"N": 4}
    with pytest.raises(Exception, match="frames"):
        run(tmp_path / "toy.onnx", 5, 32, 32)


def test_a_size_that_the_network_computes_with_stays_fixed(cli: Cli, tmp_path: Path, monkeypatch) -> None:
    def compute(self: Toy, frames: Tensor, focus: Tensor, frame_valid: Tensor | None) -> NetOutput:
        # A loop over rows, as poolings whose number depends on the height have it.
        rows = [frames.mean((1, 2))[:, i : i + 1] * (i + 1) for i in range(int(frames.shape[3]))]
        return NetOutput((Scale(torch.cat(rows, 1)[:, None] + focus.sum()),))

    monkeypatch.setattr(Toy, "compute", compute)
    found = cli("export", "toy", "-o", tmp_path / "toy.onnx", "--weights", "random", "--height", 16, "--json", "-q")
    assert found.code == 0, found.err
    assert found.json["dynamic"] == ["N"]
    assert found.json["fixed"] == {"H": 16, "W": 224}


def test_what_onnx_runtime_computes_otherwise_is_not_written(cli: Cli, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(_export, "_write", lambda whole, file, *args: file.write_bytes(b"wrong") and ("depth",))
    monkeypatch.setattr(_export, "_difference", lambda *args: 0.5)
    found = cli("export", "toy", "-o", tmp_path / "toy.onnx", "--weights", "random")
    assert found.code == 1
    assert "toy.onnx: cannot be written as ONNX: ONNX Runtime differs from PyTorch by 0.5" in found.err
    assert not list(tmp_path.iterdir())


def test_what_has_no_counterpart_in_onnx_is_said(cli: Cli, tmp_path: Path, monkeypatch) -> None:
    def compute(self: Toy, frames: Tensor, focus: Tensor, frame_valid: Tensor | None) -> NetOutput:
        return NetOutput((Scale(torch.linalg.eigvals(frames.mean((1, 2))[..., :8, :8]).real[:, None] + focus.sum()),))

    monkeypatch.setattr(Toy, "compute", compute)
    monkeypatch.setattr(_export, "_ATTEMPTS", ((),))
    found = cli("export", "toy", "-o", tmp_path / "toy.onnx", "--weights", "random")
    assert found.code == 1
    assert "cannot be written as ONNX" in found.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("toy", "-o", "a.pt", "--weights", "random"), ("a.pt: is no .onnx file", "Give a name that ends so")),
        (("tyo", "-o", "a.onnx"), ("unknown network 'tyo'", "Did you mean toy")),
        (("toy", "-o", "a.onnx"), ("toy needs weights",)),
        (("toy", "-o", "a.onnx", "--weights", "random", "--height", "30"), ("multiples of 8",)),
        (("psp-lf", "-o", "a.onnx", "--weights", "random", "--frames", "5"), ("5 frames, the network takes 11",)),
    ],
)
def test_bad_input(cli: Cli, tmp_path: Path, monkeypatch, args: tuple[str, ...], words: tuple[str, ...]) -> None:
    monkeypatch.setenv("FOCALDEPTH_WEIGHTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = cli("export", *args)
    assert (found.code, found.out) == (2, "")
    assert all(word in found.err for word in words), found.err
    assert not list(tmp_path.glob("*.onnx"))


def test_an_existing_file_is_replaced_only_on_request(cli: Cli, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(_export, "_write", lambda whole, file, *args: file.write_bytes(b"new") and ("depth",))
    monkeypatch.setattr(_export, "_difference", lambda *args: 0.0)
    path = tmp_path / "toy.onnx"
    path.write_bytes(b"precious")
    found = cli("export", "toy", "-o", path, "--weights", "random")
    assert found.code == 2
    assert "exists" in found.err
    assert path.read_bytes() == b"precious"
    assert cli("export", "toy", "-o", path, "--weights", "random", "--overwrite", "-q").code == 0
    assert path.read_bytes() == b"new"

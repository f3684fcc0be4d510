"""import, weights, estimate with a network: what goes in, what comes out, and one clear line for whatever is wrong."""

import json
import pickle
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from focaldepth.core.result import DepthResult
from focaldepth.networks._catalogue import VARIABLE
from focaldepth.networks._loaded import load
from focaldepth.scenes.layers import LayeredScene, render

from .conftest import Outcome
from .toy import Toy, ToyOptions, registered

Cli = Callable[..., Outcome]
SCENE = render(LayeredScene(seed=3, frames=5, height=60, width=84))
DIOPTRES = ",".join(f"{v:g}" for v in SCENE.stack.blur_axis.values)


@pytest.fixture(autouse=True)
def weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "weights"))
    load.cache_clear()
    with registered(official="somebody/toy"):
        yield tmp_path / "weights"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    state = {f"module.{k}": v for k, v in Toy(ToyOptions()).state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "Best Model.tar")
    return tmp_path / "Best Model.tar"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return written(tmp_path / "pictures", list(SCENE.stack.read_all()))


def written(folder: Path, frames: list[np.ndarray]) -> Path:
    folder.mkdir()
    for i, frame in enumerate(frames):
        assert cv2.imwrite(str(folder / f"{i}.png"), frame[..., ::-1])
    return folder


def estimate(cli: Cli, pictures: Path, *options: object) -> Outcome:
    more = () if "--focus" in options else ("--focus", DIOPTRES, "--focus-unit", "dioptre")
    out = pictures.parent / "out"
    return cli("estimate", pictures, "-o", out, "--method", "toy", "--align", "none", *more, *options)


def refused(found: Outcome, *words: str, code: int = 2) -> None:
    """One line that says what, where and what to do."""
    line = found.err.strip().splitlines()[-1]
    assert (found.code, found.out) == (code, "")
    assert line.startswith("focaldepth: ")
    assert "Traceback" not in found.err
    for word in words:
        assert word in line


def test_import_into_the_weights_folder_and_run(
    cli: Cli, checkpoint: Path, pictures: Path, weights_folder: Path
) -> None:
    out = cli("import", checkpoint, "--as", "toy", "--trained-on", "nothing", "--licence", "none")
    assert (out.code, out.out) == (0, "")
    assert "--method toy --weights toy.best-model" in out.err
    file = weights_folder / "toy.best-model.safetensors"
    card = json.loads(file.with_suffix(".json").read_text())
    assert (card["tag"], card["trained_on"], card["licence"]) == ("best-model", "nothing", "none")
    assert card["source"]["file"] == "Best Model.tar"
    assert file.stat().st_mode & 0o777 == file.with_suffix(".json").stat().st_mode & 0o777
    for named in ("toy.best-model", file):
        found = estimate(cli, pictures, "--weights", named, "--overwrite", "--json")
        assert found.code == 0, found.err
    result = DepthResult.load(pictures.parent / "out")
    assert result.provenance.weights["name"] == "toy.best-model"
    assert result.provenance.weights["sha256"] == card["sha256"]
    assert "RANDOM" not in found.err
    assert np.isfinite(result.map.values).mean() > 0.9


def test_a_run_can_be_repeated(cli: Cli, checkpoint: Path, pictures: Path) -> None:
    cli("import", checkpoint, "--as", "toy")
    estimate(cli, pictures, "--weights", "toy.best-model", "--set", "fusion=colour", "-q")
    again = cli("rerun", pictures.parent / "out", "-o", pictures.parent / "again", "--json", "-q")
    assert again.code == 0, again.err
    assert again.json["same"]["equal"]


def test_import_of_what_keys_cannot_tell(cli: Cli, checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "own.safetensors"
    found = cli(
        "import", checkpoint, "--as", "toy", "-o", out, "--tag", "x", "--set", "frames=4", "--convention", "unit=metre",
        "--convention", "mean=0.5,0.5,0.5", "--json", "-q",
    )  # fmt: skip
    assert found.json["options"] == {"frames": 4, "tiles": True, "weighs": True}
    assert found.json["weights"] == str(out)
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["convention"]["unit"] == "metre"
    assert card["convention"]["mean"] == [0.5] * 3


def test_weights_are_listed_and_shown(cli: Cli, checkpoint: Path, weights_folder: Path) -> None:
    empty = cli("weights")
    assert empty.code == 0
    assert f"{weights_folder} (does not exist yet)\n  no weights yet" in empty.out
    cli("import", checkpoint, "--as", "toy", "--trained-on", "rocks")
    assert "toy.best-model  27 numbers, dioptre, trained on rocks" in cli("weights").out
    one = cli("weights", "toy.best-model").out
    assert "sha256" in one
    assert "focus_factor" in one
    found = cli("weights", "--json").json
    assert [w["name"] for w in found["weights"]] == ["toy.best-model"]
    assert found["weights"][0]["convention"]["unit"] == "dioptre"
    refused(cli("weights", "toy.worst"), "unknown weights 'toy.worst'", "toy.best-model")
    assert "weights       toy.best-model" in cli("methods", "toy").out


def test_what_weights_were_trained_on_is_stated_and_compared(cli: Cli, checkpoint: Path, pictures: Path) -> None:
    cli("import", checkpoint, "--as", "toy", "--tag", "far", "--seen", "focus=70:90", "--seen", "frames=5")
    assert "focus           70, 90" in cli("weights", "toy.far").out
    found = estimate(cli, pictures, "--weights", "toy.far")
    assert "toy.far was trained on focus positions from 70 to 90 dioptre, this stack has" in found.err
    assert "frames, here it sees" not in found.err


def test_random_weights_run_with_a_loud_warning(cli: Cli, pictures: Path) -> None:
    found = estimate(cli, pictures, "--weights", "random")
    assert found.code == 0, found.err
    assert "RANDOM WEIGHTS: toy was never trained. The depth of this run means nothing." in found.err
    page = (pictures.parent / "out/report.html").read_text("utf-8")
    assert "RANDOM WEIGHTS" in page


def test_without_weights(cli: Cli, checkpoint: Path, pictures: Path) -> None:
    refused(estimate(cli, pictures), "toy needs weights", "somebody/toy", "focaldepth import", "--weights random")
    cli("import", checkpoint, "--as", "toy")
    refused(estimate(cli, pictures), "toy needs weights", "There are: toy.best-model")


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return subprocess.check_output, (["touch", "/nonexistent/evil"],)


def save(what: Any) -> Callable[[Path], None]:
    return lambda path: torch.save(what, path)


GOOD = Toy(ToyOptions()).state_dict()
BAD: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "of another network": (
        save(
            {"feature_extraction.encoder.conv1.weight": torch.zeros(1), "decoder3.classify.2.0.weight": torch.zeros(1)}
        ),
        ("is no checkpoint of toy: it has no conv.weight", "These are weights of dfv or fv: give that with --as."),
    ),
    "extra keys": (save({**GOOD, "more": torch.zeros(2)}), ("has unknown more of 1 tensors of toy",)),
    "missing keys": (save({"other.weight": torch.zeros(2)}), ("it has no conv.weight", "Give another file")),
    "other shape": (save({"conv.weight": torch.zeros(2)}), ("has other shapes of conv.weight",)),
    "NaN": (save({"conv.weight": torch.full((1, 3, 3, 3), torch.nan)}), ("holds 27 numbers that are not finite",)),
    "truncated": (
        lambda path: (torch.save(GOOD, path), path.write_bytes(path.read_bytes()[:-900]))[0],
        ("is no checkpoint, or is cut off", "copy it again"),
    ),
    "code": (save({**GOOD, "x": Evil()}), ("holds code beside weights, which is never run here", "torch.save")),
    "a bare pickle": (lambda path: path.write_bytes(pickle.dumps(Evil())) and None, ("is no checkpoint",)),
    "a picture": (lambda path: path.write_bytes(b"\x89PNG\r\n") and None, ("is no checkpoint",)),
    "a web page": (lambda path: path.write_bytes(b"<!DOCTYPE html><p>404") and None, ("is a web page",)),
    "a pointer": (
        lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid") and None,
        ("stands for a file of Git LFS", "git lfs pull"),
    ),
    "an archive": (
        lambda path: zipfile.ZipFile(path, "w").writestr("best.tar", b"x"),
        ("is an archive with best.tar", "Unpack it"),
    ),
    "nothing": (lambda path: None, ("there is no such file",)),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_checkpoint_is_refused(cli: Cli, tmp_path: Path, name: str) -> None:
    make, words = BAD[name]
    make(tmp_path / "bad.pth")
    found = cli("import", tmp_path / "bad.pth", "--as", "toy", "-o", tmp_path / "own.safetensors")
    refused(found, "bad.pth", *words)
    assert not list(tmp_path.glob("own*"))
    assert not list(tmp_path.glob(".own*"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--as", "tyo"), ("unknown network 'tyo'", "Did you mean toy")),
        (("--as", "toy", "--set", "frame=3"), ("unknown setting 'frame'", "Did you mean frames")),
        (("--as", "toy", "--set", "frames=-1"), ("frames is -1", "Allowed: >= 0")),
        (("--as", "toy", "--convention", "untit=metre"), ("unknown field 'untit'", "Did you mean unit")),
        (("--as", "toy", "--convention", "mean=1,x,2"), ("mean is '1,x,2'", "Give numbers")),
        (("--as", "toy", "--convention", "colour=pink"), ("the convention is damaged", "pink")),
        (("--as", "toy", "--seen", "focus=9:1"), ("focus=9:1 is no range", "Write FACT=LOW:HIGH")),
        (("--as", "toy", "--seen", "colour=red"), ("colour=red is no range", "focus, frames, focal_length_m")),
        (("--as", "toy", "-o", "own.bin"), ("own.bin: is no .safetensors file",)),
    ],
)
def test_a_bad_import_is_refused(cli: Cli, checkpoint: Path, options: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused(cli("import", checkpoint, *options), *words, code=1 if "own.bin" in options else 2)


def test_weights_are_replaced_only_on_request(cli: Cli, checkpoint: Path) -> None:
    assert cli("import", checkpoint, "--as", "toy").code == 0
    refused(cli("import", checkpoint, "--as", "toy"), "exists already", "--overwrite", code=1)
    assert cli("import", checkpoint, "--as", "toy", "--overwrite").code == 0


def test_weights_of_another_network(cli: Cli, checkpoint: Path, pictures: Path, weights_folder: Path) -> None:
    cli("import", checkpoint, "--as", "toy")
    found = cli("estimate", pictures, "-o", "x", "--method", "dfv", "--weights", "toy.best-model")
    refused(found, "are weights of toy", "Give --method toy")


def test_damaged_weights(cli: Cli, checkpoint: Path, pictures: Path, weights_folder: Path) -> None:
    cli("import", checkpoint, "--as", "toy")
    file = weights_folder / "toy.best-model.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    refused(estimate(cli, pictures, "--weights", "toy.best-model"), "is not the file that its card describes")
    file.with_suffix(".json").unlink()
    refused(estimate(cli, pictures, "--weights", file), "the weights have no card", "Keep both files together")


def test_one_and_two_frames(cli: Cli, tmp_path: Path) -> None:
    one = written(tmp_path / "one", list(SCENE.stack.read_all()[:1]))
    refused(estimate(cli, one, "--weights", "random", "--focus", "1"), "at least 2 frames, found 1")
    frames = written(tmp_path / "two", list(SCENE.stack.read_all()[:2]))
    with registered(default=ToyOptions(frames=9)):
        refused(
            estimate(cli, frames, "--weights", "random", "--focus", "1,2", "--focus-unit", "dioptre"),
            "toy takes 5 or more frames, this stack has 2",
        )


def test_pictures_smaller_than_a_step(cli: Cli, tmp_path: Path) -> None:
    tiny = written(tmp_path / "tiny", list(SCENE.stack.read_all()[:, :5, :40]))
    refused(estimate(cli, tiny, "--weights", "random"), "40 x 5 px are less than one step of toy, which is 8 px")


def test_a_memory_limit_that_is_too_small(cli: Cli, pictures: Path) -> None:
    found = estimate(cli, pictures, "--weights", "random", "--max-memory", "1MiB")
    refused(found, "the run needs about", "the limit is 1 MiB", "--max-memory")


def test_the_memory_estimate_is_told(cli: Cli, pictures: Path) -> None:
    found = estimate(cli, pictures, "--weights", "random", "--max-memory", "600MiB")
    assert found.code == 0, found.err
    assert "memory        at most about" in found.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--device", "toaster"), ("'toaster' cannot be used here", "auto, cpu")),
        (("--set", "precision=half"), ("precision is 'half'", "float32, bfloat16")),
        (("--set", "weigths=x"), ("unknown setting 'weigths'", "Did you mean weights")),
        (("--method", "naive", "--set", "sigma=3"), ("naive is no network, it has no weights",)),
        (("--method", "classical-fast", "--weights", "", "--device", "cpu"), ("it has no device",)),
        (("--method", "dflf"), ("dflf takes 11 views of a light field",)),
    ],
)
def test_bad_options(cli: Cli, pictures: Path, options: tuple[str, ...], words: tuple[str, ...]) -> None:
    if "dflf" in options:
        stack = written(pictures.parent / "many", [*SCENE.stack.read_all()] * 2)
        refused(estimate(cli, stack, "--weights", "random", *options, "--focus", "1:11:10"), *words)
    else:
        refused(estimate(cli, pictures, "--weights", "random", *options), *words)


def test_a_missing_torch_names_the_command(cli: Cli, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "focaldepth.networks._runner", "torch")
    refused(estimate(cli, pictures, "--weights", "random"), "method toy needs the extra 'networks'", "pip install")
    hide(monkeypatch, "focaldepth.networks._weights", "safetensors")
    refused(cli("import", "x.pth", "--as", "toy"), "import needs the extra 'networks'", "pip install")


def hide(monkeypatch: pytest.MonkeyPatch, module: str, package: str) -> None:
    """Importing the module fails as it does where the package is not installed."""
    import builtins

    real = builtins.__import__

    def fail(name: str, *args: Any, **more: Any) -> Any:
        if name == module:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", fail)


def test_listing_methods_needs_no_torch() -> None:
    import os
    import sys

    import focaldepth

    code = "import sys; from focaldepth.cli._guard import run; run(['methods', 'dfv']); print('torch' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(Path(focaldepth.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.endswith("False\n")
    assert "Differential focus volume" in done.stdout

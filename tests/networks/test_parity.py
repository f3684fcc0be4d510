"""Every network computes what the authors' code computes, with weights that came in through the import path.

Cases come from the folders that FOCALDEPTH_PARITY names (separated by ':'; each holds keys.json and case*.npz, or
such folders), else from the folder ``parity`` of FOCALDEPTH_SHARED. A copy of the smallest cases, cut down by `cut.py`,
stands beside this file.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from focaldepth.networks._fast import Fast
from focaldepth.networks._net import FocusNet
from focaldepth.networks._weights import import_checkpoint, load_weights

from .official import Official, claimed
from .procedural import checksum, make_weights

SMALL = Path(__file__).parent / "data"
SEEDS = {"weights_seed", "input_seed"}
TOLERANCE = 1e-4
"""Largest difference of an array whose numbers stay below 1, and relative to its largest number beyond that."""


def roots() -> list[Path]:
    named = os.environ.get("FOCALDEPTH_PARITY")
    if named is not None:
        return [Path(part) for part in named.split(":") if part]
    parity = Path(os.environ.get("FOCALDEPTH_SHARED", Path(__file__).parents[3] / "shared")) / "parity"
    return [parity] if parity.exists() else []


def folders(root: Path) -> list[Path]:
    """The case folders of a root; a root that has none stands for itself, and its test fails."""
    if (root / "keys.json").exists():
        return [root]
    return sorted(path.parent for path in root.glob("*/keys.json")) or [root]


def cases() -> Iterator[Any]:
    """Whole folders, and of the small copy what they do not hold."""
    whole = [path for root in roots() for path in folders(root)]
    for path in folders(SMALL):
        if path.name not in {one.name for one in whole}:
            yield pytest.param(path, id=f"small-{path.name}")
    for path in whole:
        yield pytest.param(path, id=path.name)
    if not roots():
        reason = "no cases of the official code: set FOCALDEPTH_PARITY or FOCALDEPTH_SHARED"
        yield pytest.param(SMALL, id="all", marks=pytest.mark.skip(reason=reason))


@pytest.fixture
def imported(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, FocusNet, Official]:
    """The network of a folder: weights made from its keys, saved as the authors save them, imported, loaded."""
    info = json.loads((request.param / "keys.json").read_text("utf-8"))
    meta = info["meta"]
    weights = make_weights(info["keys"], meta["weights_seed"])
    assert checksum(weights) == meta["checksum"]
    official, name = claimed(meta["net"], meta["constructor"])
    tensors = {key: torch.from_numpy(value) for key, value in weights.items()}
    torch.save(official.wrap(tensors, meta["constructor"]), tmp_path / "official.tar")
    import_checkpoint(tmp_path / "official.tar", name, tmp_path / "own.safetensors")
    net, _ = load_weights(tmp_path / "own.safetensors")
    return request.param, net, official


@pytest.mark.parametrize("imported", list(cases()), indirect=True)
def test_parity(imported: tuple[Path, FocusNet, Official]) -> None:
    """The reference, then the fast form, which takes its weights over."""
    folder, net, official = imported
    assert_parity(folder, net, official)
    assert_parity(folder, Fast(net), official)


def assert_parity(folder: Path, net: FocusNet, official: Official) -> None:
    files = sorted(folder.glob("case*.npz"))
    assert files
    every = json.loads((folder / "keys.json").read_text("utf-8"))["meta"].get("every", 1)
    for file in files:
        with np.load(file) as arrays:
            case = {key: arrays[key] for key in arrays.files}
        given = {key: torch.from_numpy(case[key]) for key in official.inputs if key in case}
        with torch.inference_mode():
            found = official.run(net, given)
        for key in sorted(set(case) - set(given) - SEEDS):
            assert key in found, f"{file.name}: {key} is not compared"
            kept = thinned(found[key].numpy(), given[official.inputs[0]].shape[-2:], every)
            compare(kept, case[key], official.tolerance.get(key), f"{file.name}: {key}")


def thinned(array: NDArray[Any], size: tuple[int, ...], every: int) -> NDArray[Any]:
    """What the small copy keeps of an array of the pictures' size."""
    return array[..., ::every, ::every] if array.shape[-2:] == tuple(size) else array


def compare(found: NDArray[Any], wanted: NDArray[Any], tolerance: float | None, what: str) -> None:
    assert found.shape == wanted.shape, what
    allowed = tolerance or TOLERANCE * max(1.0, float(np.abs(wanted).max()))
    worst = float(np.abs(found - wanted).max())
    assert worst <= allowed, f"{what} differs by {worst:.2g}, allowed {allowed:.2g}"


@pytest.mark.parametrize("path", folders(SMALL), ids=lambda path: path.name)
def test_the_small_copy_is_one_of_the_cases(path: Path) -> None:
    """So where the whole folder is compared, the copy needs not be."""
    whole = [one for root in roots() for one in folders(root) if one.name == path.name]
    if not whole:
        pytest.skip("no cases of the official code")
    small, large = (json.loads((one / "keys.json").read_text("utf-8")) for one in (path, whole[0]))
    assert small["meta"]["checksum"] == large["meta"]["checksum"]
    with np.load(path / "case0.npz") as kept:
        assert any(holds(file, kept, small["meta"]["every"]) for file in whole[0].glob("case*.npz"))


def holds(file: Path, kept: Any, every: int) -> bool:
    """Whether a case is the one that was cut down to `kept`."""
    with np.load(file) as case:
        names = set(kept.files) - SEEDS
        return names <= set(case.files) and all(
            np.array_equal(case[key], kept[key]) or np.array_equal(case[key][..., ::every, ::every], kept[key])
            for key in names
        )


def test_the_small_copy_is_small() -> None:
    assert sum(path.stat().st_size for path in SMALL.rglob("*") if path.is_file()) <= 2e6

"""Reading checkpoints as people save them: bare or nested state dicts, prefixes of wrappers; never running code."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from focaldepth.core.errors import ReadError, WeightsError

_NESTS = ("state_dict", "model_state_dict", "model", "network", "net")
"""Names under which training scripts put the state dict."""
_PREFIXES = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and training frameworks put before every key."""
_NUMPY: list[Any] = [
    (np._core.multiarray.scalar, "numpy.core.multiarray.scalar"),  # type: ignore[attr-defined]
    (np._core.multiarray.scalar, "numpy._core.multiarray.scalar"),  # type: ignore[attr-defined]
    np.dtype, type(np.dtype(np.float64)), type(np.dtype(np.float32)), type(np.dtype(np.int64)),
]  # fmt: skip
"""Official scripts store numpy scalars (best score) beside the weights; these make numbers and nothing else."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        tensors: key -> tensor, wrappers taken off.
        stated: everything else of the outermost dictionary.
        path: the file.
        dropped: keys that were left out, because the network does not have them and never used them.
    """

    tensors: Mapping[str, Tensor]
    stated: Mapping[str, Any]
    path: Path
    dropped: tuple[str, ...] = ()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Key -> shape."""
        return {key: tuple(value.shape) for key, value in self.tensors.items()}


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a PyTorch file (.pth, .pt, .tar, old or new container) or a numpy archive of arrays (.npz).

    Raises:
        ReadError: there is no such file, or it is cut off.
        WeightsError: it holds code, or no state dict.
    """
    if not path.is_file():
        raise ReadError("there is no such file.", where=path, hint="Give the path of a checkpoint.")
    loaded = _read_npz(path) if path.suffix == ".npz" else _read_torch(path)
    tensors, stated = _unwrapped(loaded, path)
    return Checkpoint(_without_prefix(tensors), stated, path)


def _read_torch(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_NUMPY):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported global" in str(error) or "Unsupported class" in str(error) or "GLOBAL" in str(error):
            raise WeightsError(
                "holds code beside weights, which is never run here.",
                where=path,
                hint="Save the state dict alone: torch.save(net.state_dict(), file).",
            ) from error
        raise _damaged(path) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError, AttributeError, IndexError, TypeError) as error:
        raise _damaged(path) from error


def _read_npz(path: Path) -> dict[str, Tensor]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in arrays.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, TypeError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ReadError:
    """Say what a file is that people take for a checkpoint; else that it is damaged."""
    with path.open("rb") as file:
        start = file.read(64).lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        return ReadError("stands for a file of Git LFS.", where=path, hint="Fetch the file itself: git lfs pull.")
    if start.startswith((b"<!doctype", b"<html")):
        return ReadError("is a web page.", where=path, hint="Download the file itself, not the page about it.")
    if path.suffix != ".npz" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if names and not any(name.endswith("data.pkl") for name in names):
            return ReadError(
                f"is an archive with {names[0]}.", where=path, hint="Unpack it and give the checkpoint that is in it."
            )
    return ReadError(
        "is no checkpoint, or is cut off.", where=path, hint="Compare its size with the original and copy it again."
    )


def _unwrapped(loaded: Any, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Go down to the dictionary of tensors; returns it and what the outermost one says beside it."""
    inner, stated = loaded, {}
    while isinstance(inner, Mapping):
        tensors = {str(k): v for k, v in inner.items() if isinstance(v, Tensor)}
        nest = next((n for n in _NESTS if isinstance(inner.get(n), Mapping)), None)
        if inner is loaded:
            stated = {str(k): v for k, v in inner.items() if k != nest and not isinstance(v, Tensor)}
        if nest is None:
            if tensors:
                return tensors, stated
            break
        inner = inner[nest]
    raise WeightsError(
        "holds no state dict.", where=path, hint=f"Expected tensors by name, or a dictionary with {', '.join(_NESTS)}."
    )


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    while True:
        prefix = next((p for p in _PREFIXES if all(key.startswith(p) for key in tensors)), None)
        if prefix is None:
            return tensors
        tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}

"""HDF5 files that hold many stacks as arrays (n, N, H, W, C), and their truths as (n, H, W).

A file is opened for each reading and closed again: handles of HDF5 survive neither a fork nor a pickle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import ReadError
from focaldepth.core.registry import extra_for
from focaldepth.io.readers._planes import check_file, check_size, reading

_SHOWN = 12


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading.

    Raises:
        ReadError: it is missing, truncated or no HDF5.
        MissingExtraError: no h5py.
    """
    with extra_for("an HDF5 data set"):
        import h5py
    check_file(path)
    with reading(path, "HDF5"), h5py.File(path, "r") as file:
        yield file


def listing(file: Any) -> str:
    """Say what a file holds: name, shape and type of its arrays."""
    import h5py

    found: list[str] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found.append(f"{name} {tuple(item.shape)} {item.dtype}")

    file.visititems(visit)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (", ".join(found[:_SHOWN]) or "nothing") + more


def key_of(file: Any, names: Sequence[str]) -> str:
    """Return the first of some names that the file has; empty if none."""
    return next((name for name in names if name in file), "")


def no_key(file: Any, path: Path, names: Sequence[str]) -> ReadError:
    """Return the error of a missing array, which lists what is there."""
    return ReadError(f"has no {' or '.join(names)}.", where=path, hint=f"It holds: {listing(file)}.")


def count_stacks(file: Any, path: Path, name: str) -> int:
    """Return how many stacks an array holds.

    Raises:
        ReadError: it is no (n, N, H, W, 3) array of numbers from 0 to full scale.
    """
    data = file[name]
    if len(getattr(data, "shape", ())) != 5 or data.shape[4] != 3 or data.dtype.kind not in "uif":
        raise ReadError(
            f"{name} is no array of stacks (n, N, H, W, 3).", where=path, hint=f"It holds: {listing(file)}."
        )
    check_size(data.shape[2:4], path)
    return int(data.shape[0])


def as_pixels(frames: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Return values of 0 ... 255 of any type as uint8 or float32, with the value of full scale.

    >>> as_pixels(np.array([[0.0, 200.0]]))[1], as_pixels(np.array([[0.0, 0.5]]))[1]
    (255.0, 1.0)
    """
    if frames.dtype == np.uint8:
        return np.ascontiguousarray(frames), 255.0
    white = 1.0 if frames.dtype.kind == "f" and frames.max(initial=0) <= 1 else 255.0
    return np.ascontiguousarray(frames, np.float32), white


@dataclass(frozen=True)
class StackArray:
    """Where the stacks of one split lie.

    Attributes:
        path: the file.
        stacks: array (n, N, H, W, 3).
        truth: array of maps; empty = none.
        sharp: array (n, H, W, 3) of all-in-focus pictures in the values of the frames; empty = none.
        bgr: channels are turned round on reading.
    """

    path: Path
    stacks: str
    truth: str = ""
    sharp: str = ""
    bgr: bool = False

    def frames(self, i: int) -> tuple[NDArray[Any], float]:
        """Return the frames of stack i, (N, H, W, 3) uint8 or float32, and the value of full scale."""
        return as_pixels(self._rgb(self.stacks, i))

    def sharp_picture(self, i: int, white: float) -> NDArray[Any] | None:
        """Return the all-in-focus picture of stack i in the values of its frames; None where there is none."""
        if not self.sharp:
            return None
        picture, full = as_pixels(self._rgb(self.sharp, i))
        return picture if full == white else picture.astype(np.float32) * np.float32(white / full)

    def _rgb(self, name: str, i: int) -> NDArray[Any]:
        with opened(self.path) as file:
            values = np.asarray(file[name][i])
        return values[..., ::-1] if self.bgr else values

    def plane(self, i: int) -> NDArray[np.float32] | None:
        """Return map i of an array (n, H, W), (n, 1, H, W) or (n, H, W, 1) of any number type as (H, W) float32.

        None where there are no truths.

        Raises:
            ReadError: the array holds no maps.
        """
        if not self.truth:
            return None
        with opened(self.path) as file:
            data = file[self.truth]
            values: NDArray[Any] = np.asarray(data[i] if data.dtype.kind in "uif" else 0)
            if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
                values = values[0] if values.shape[0] == 1 else values[..., 0]
            if values.ndim != 2:
                hint = f"It holds: {listing(file)}."
                raise ReadError(f"{self.truth} holds no maps (n, H, W).", where=self.path, hint=hint)
        return values.astype(np.float32)


def write_arrays(path: Path, arrays: Mapping[str, Any], attributes: Mapping[str, Any] | None = None) -> None:
    """Write arrays and attributes of the file into a new HDF5 file."""
    with extra_for("an HDF5 data set"):
        import h5py
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values)
        file.attrs.update(attributes or {})

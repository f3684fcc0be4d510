"""Stacks in HDF5: a dataset chosen by name or shape, focus positions from its neighbours or attributes."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import MissingExtraError, ReadError
from focaldepth.core.stack import white_of
from focaldepth.io._reader import Container, ReadOptions
from focaldepth.io.readers._focus import focus_axis, text_of
from focaldepth.io.readers._layout import Choice, Layout, guess_axes, resolve
from focaldepth.io.readers._planes import (
    PlaneSource,
    check_chunk,
    check_file,
    check_size,
    frame_dtype,
    reading,
    white_level,
)
from focaldepth.io.readers._tree import focus_beside, pick_array


@dataclass(frozen=True)
class Hdf5:
    """HDF5 files; `dataset` may name one item of a set of stacks, as in "stack_train[3]"."""

    title: str = "HDF5"
    suffixes: tuple[str, ...] = (".h5", ".hdf5", ".hdf", ".he5")
    extra: str = "hdf5"

    def accepts(self, path: Path) -> bool:
        """Every HDF5 file: `open` lists the datasets of one without a stack."""
        return path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Container:
        """Find the dataset; pixels stay in the file."""
        try:
            import h5py
        except ImportError as error:
            raise MissingExtraError(self.title, self.extra, where=path) from error
        check_file(path)
        with reading(path, "HDF5"):
            file = h5py.File(path, "r")
        try:
            with reading(path, "HDF5"):
                container = _container(file, path, options)
        except BaseException:
            file.close()
            raise
        return container


def _container(file: Any, path: Path, options: ReadOptions) -> Container:
    arrays = _datasets(file)
    choice = Choice.parse(options.dataset, path)
    name = pick_array(arrays, choice, path)
    data = arrays[name]
    dtype = frame_dtype(data.dtype, path)
    if data.external:
        raise ReadError(f"dataset {name!r} lies in other files.", where=path, hint="Store the pixels in the file.")
    if data.chunks:
        check_chunk(data.chunks, data.dtype.itemsize, path)
    axes = options.axes or text_of(data.attrs.get("axes")) or guess_axes(data.shape, path)
    layout = resolve(axes, data.shape, options, choice, path)
    check_size(layout.frame_shape, path)
    source = PlaneSource(path, layout.frame_shape, dtype, white_of(dtype), layout.count, _loader(data, layout, path))
    white, white_warning = white_level(source)
    source = replace(source, white=white)
    weakref.finalize(source, file.close)
    found = focus_beside(name, arrays, _attributes(file, data), layout)
    ordered, axis, origin, notes, taken = focus_axis(found, source, path, "HDF5", options.focus_unit)
    order = getattr(ordered, "chosen", range(layout.count))
    return Container(
        ordered,
        axis,
        origin,
        frame_names=tuple(f"{path.name} {name} frame {i + 1}" for i in order),
        warnings=tuple(w for w in (*layout.warnings, white_warning, *notes) if w),
        extra={"format": "HDF5", "dataset": name, "axes": layout.axes},
        unit_taken=taken,
    )


def _datasets(file: Any) -> dict[str, Any]:
    """Return every dataset by its full name; links into other files are not followed."""
    import h5py

    found: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            found[name] = item

    file.visititems(visit)
    return found


def _attributes(file: Any, data: Any) -> list[Mapping[str, Any]]:
    """Return the attributes of a dataset, its group and the file."""
    return [dict(data.attrs), dict(data.parent.attrs), dict(file.attrs)]


def _loader(data: Any, layout: Layout, path: Path) -> Any:
    lock = Lock()

    def load(i: int) -> NDArray[Any]:
        with lock:
            block = np.asarray(data[layout.index(i)])
        return layout.arrange(block)

    return load


READER = Hdf5()

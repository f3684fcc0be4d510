"""NumPy .npy arrays (N, H, W) or (N, H, W, C), memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from focaldepth.core.errors import ReadError
from focaldepth.core.stack import white_of
from focaldepth.io._reader import Container, ReadOptions
from focaldepth.io.readers._layout import Choice, guess_axes, resolve
from focaldepth.io.readers._planes import PlaneSource, check_file, check_size, frame_dtype, reading, white_level


@dataclass(frozen=True)
class Npy:
    """One array in a file."""

    title: str = "NumPy array"
    suffixes: tuple[str, ...] = (".npy",)
    extra: str = ""

    def accepts(self, path: Path) -> bool:
        """True for three to five axes; also for a file that cannot be read, so that `open` says why."""
        try:
            return 3 <= _mapped(path).ndim <= 5
        except ReadError:
            return True

    def open(self, path: Path, options: ReadOptions) -> Container:
        """Map the file; pixels are read when asked for."""
        check_file(path)
        array = _mapped(path)
        dtype = frame_dtype(array.dtype, path)
        axes = options.axes or guess_axes(array.shape, path)
        layout = resolve(axes, array.shape, options, Choice.parse(options.dataset, path), path)
        check_size(layout.frame_shape, path)
        source = PlaneSource(
            path,
            layout.frame_shape,
            dtype,
            white_of(dtype),
            layout.count,
            lambda i: layout.arrange(array[layout.index(i)]),
        )
        white, warning = white_level(source)
        return Container(
            replace(source, white=white),
            frame_names=tuple(f"{path.name} frame {i + 1}" for i in range(len(source))),
            warnings=(*layout.warnings, *filter(None, [warning])),
            extra={"format": "npy", "axes": layout.axes},
        )


def _mapped(path: Path) -> np.ndarray:
    with reading(path, "array"):
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            if "Python objects" not in str(error):
                raise
            raise ReadError("it holds Python objects.", where=path, hint="Only plain numbers are read.") from error
    if not isinstance(array, np.ndarray):
        raise ReadError("it is a zip of arrays, not one array.", where=path, hint="Rename it to .npz.")
    return array


READER = Npy()

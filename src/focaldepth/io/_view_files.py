"""Views of a light field that lie in one picture file each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from focaldepth.core.errors import ReadError, StackError
from focaldepth.core.light_field import LightField
from focaldepth.core.optics import Optics
from focaldepth.core.stack import Frame
from focaldepth.io._inputs import Formats
from focaldepth.io._order import natural_order
from focaldepth.io._reader import MAX_PIXELS, PictureReader

_NUMBER = re.compile(r"\d+")
_SHOWN = 5
_HINT_GRID = "Give the rows and columns of views (--grid 9x9); files count row by row, in the order of their names."


def picture_views(
    files: Sequence[Path],
    grid: tuple[int, int],
    name: str,
    *,
    centre: tuple[int, int] | None = None,
    optics: Optics | None = None,
    max_pixels: int = MAX_PIXELS,
) -> LightField:
    """Make a light field of picture files, row by row.

    Raises:
        StackError: another number of files than the grid has places, or views of different sizes or depths.
        ReadError: a file that is no readable picture; names it.
    """
    rows, columns = grid
    if len(files) != rows * columns:
        raise StackError(f"{len(files)} views do not fill a grid of {rows} x {columns}.", where=name, hint=_HINT_GRID)
    formats = Formats.all()
    readers = [_reader(f, formats) for f in files]
    facts = [reader.facts(f) for reader, f in zip(readers, files, strict=True)]
    first = facts[0]
    for file, one in zip(files, facts, strict=True):
        if (one.shape, one.dtype) != (first.shape, first.dtype):
            h, w, c = one.shape
            raise StackError(
                f"is {w} x {h} px with {c} channels, {one.dtype}; the first view is {first.shape[1]} x "
                f"{first.shape[0]} px with {first.shape[2]}, {first.dtype}.",
                where=file,
                hint="All views of a light field need one size and one bit depth.",
            )

    def view(u: int, v: int) -> Frame:
        i = u * columns + v
        return readers[i].read(files[i], max_pixels)

    return LightField(
        grid=grid,
        shape=first.shape,
        view=view,
        centre=centre or (rows // 2, columns // 2),
        optics=optics or Optics(),
        name=name,
        dtype=first.dtype,
        white=first.white,
        transfer=first.transfer,
        files=tuple(str(f) for f in files),
    )


def _reader(file: Path, formats: Formats) -> PictureReader:
    found = formats.picture(file)
    if found is None:
        raise ReadError("is no picture of a known format.", where=file, hint="Give PNG, TIFF, JPEG or WebP views.")
    return found


def pictures_in(folder: Path) -> list[Path]:
    """Return the picture files of a folder in natural order."""
    formats = Formats.all()
    found = [p for p in sorted(folder.iterdir()) if p.is_file() and p.name[0] != "." and formats.picture(p)]
    ordered, _ = natural_order(found)
    return [p for p in ordered if isinstance(p, Path)]


def grid_of_names(files: Sequence[Path], where: object) -> tuple[list[Path], tuple[int, int]]:
    """Find row and column of every view in its name ("out_03_12.png"), and the files row by row.

    Raises:
        StackError: names without two numbers that fill a grid; says which views are missing.
    """
    numbers = [[int(n) for n in _NUMBER.findall(f.stem)] for f in files]
    width = min((len(n) for n in numbers), default=0)
    columns = [[n[k] for n in numbers] for k in range(width)]
    varying = [k for k, column in enumerate(columns) if len(set(column)) > 1][:2]
    if len(varying) < 2:
        raise StackError("the names do not tell row and column of the views.", where=where, hint=_HINT_GRID)
    places = {(n[varying[0]], n[varying[1]]): f for n, f in zip(numbers, files, strict=True)}
    rows, cols = (sorted({p[k] for p in places}) for k in (0, 1))
    missing = [(r, c) for r in rows for c in cols if (r, c) not in places]
    if missing or len(places) != len(files):
        listed = ", ".join(f"row {r} column {c}" for r, c in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        what = f"views are missing: {listed}{more}." if missing else "two views have the same row and column."
        raise StackError(what, where=where, hint=_HINT_GRID)
    return [places[r, c] for r in rows for c in cols], (len(rows), len(cols))

"""Stacks in zarr: OME-Zarr (level 0, axes and scale from its metadata) or a plain array, in a folder or a zip."""

from __future__ import annotations

import weakref
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from focaldepth.core.errors import MissingExtraError, ReadError
from focaldepth.core.stack import white_of
from focaldepth.io._reader import Container, ReadOptions
from focaldepth.io.readers._focus import Placed, focus_axis, text_of
from focaldepth.io.readers._layout import Choice, Layout, guess_axes, resolve
from focaldepth.io.readers._planes import (
    MAX_CHUNK_BYTES,
    PlaneSource,
    check_chunk,
    check_file,
    check_size,
    frame_dtype,
    reading,
    white_level,
)
from focaldepth.io.readers._scale import Scale, length_m, z_axis
from focaldepth.io.readers._tree import focus_beside, pick_array

_MARKS = ("zarr.json", ".zgroup", ".zarray")
_MAX_ARRAYS = 1000
_MAX_COUNTED = 20_000


@dataclass(frozen=True)
class Image:
    """What OME-Zarr says about an image.

    Attributes:
        axes: letters.
        scale: factor per axis at level 0.
        units: per axis; None = not said.
        channels: names.
    """

    axes: str
    scale: tuple[float, ...]
    units: tuple[str | None, ...]
    channels: tuple[str, ...] = ()

    def lengths(self) -> Scale:
        """Return step and pixel size; an axis without a unit of length has none."""
        size = {a: length_m(s, u) for a, s, u in zip(self.axes, self.scale, self.units, strict=True)}
        return Scale("OME-Zarr", size.get("Z"), size.get("X"), size.get("Y"), step_name="scale")


@dataclass(frozen=True)
class Zarr:
    """zarr folders and zips, format 2 and 3."""

    title: str = "zarr, OME-Zarr"
    suffixes: tuple[str, ...] = (".zarr", ".zarr.zip")
    extra: str = "zarr"

    def accepts(self, path: Path) -> bool:
        """True for a folder or zip with zarr metadata at its top."""
        if path.is_dir():
            return any((path / mark).is_file() for mark in _MARKS)
        if not path.name.lower().endswith(".zip") or not zipfile.is_zipfile(path):
            return False
        try:
            with reading(path, "zip"), zipfile.ZipFile(path) as archive:
                return any(mark in archive.namelist() for mark in _MARKS)
        except ReadError:
            return False

    def open(self, path: Path, options: ReadOptions) -> Container:
        """Read the metadata; pixels stay in the store."""
        try:
            import zarr
        except ImportError as error:
            raise MissingExtraError(self.title, self.extra, where=path) from error
        check_file(path)
        with reading(path, "zarr"):
            if path.is_dir():
                store: Any = zarr.storage.LocalStore(path, read_only=True)
            else:
                _check_zip(path)
                store = zarr.storage.ZipStore(path, read_only=True, mode="r")
            node = zarr.open(store, mode="r")
            container = _container(node, path, options)
        weakref.finalize(container.source, store.close)
        return container


def _check_zip(path: Path) -> None:
    """Refuse a zip with a chunk that unpacks to more than any chunk should."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.file_size > MAX_CHUNK_BYTES:
                raise ReadError(
                    f"{info.filename} unpacks to {info.file_size / 1e9:.0f} GB.",
                    where=path,
                    hint="Unpack the zip yourself and give the folder.",
                )


def _container(node: Any, path: Path, options: ReadOptions) -> Container:
    choice = Choice.parse(options.dataset, path)
    arrays = _arrays(node)
    images = _images(node, arrays, path)
    name, image = _pick(arrays, images, choice, path)
    data = arrays[name]
    dtype = frame_dtype(data.dtype, path)
    absent = _check_storage(data, path)
    axes = options.axes or (image.axes if image else "") or text_of(data.attrs.get("axes"))
    axes = axes or _dimension_letters(data) or guess_axes(data.shape, path)
    layout = resolve(
        axes, data.shape, options, choice, path, colour="S" if image else "SC", names=image.channels if image else ()
    )
    check_size(layout.frame_shape, path)
    source = PlaneSource(
        path,
        layout.frame_shape,
        dtype,
        white_of(dtype),
        layout.count,
        lambda i: layout.arrange(np.asarray(data[layout.index(i)])),
    )
    white, white_warning = white_level(source)
    source = replace(source, white=white)
    attributes = [dict(data.attrs), dict(node.attrs)]
    beside = focus_beside(name, arrays, attributes, layout)
    placed = focus_axis(beside, source, path, "zarr", options.focus_unit)
    ordered, axis, origin, notes, taken = placed if placed.axis is not None else _from_scale(placed, layout, image)
    optics, square = (image.lengths() if image else Scale()).optics(axis if image else None)
    order = getattr(ordered, "chosen", range(layout.count))
    return Container(
        ordered,
        axis,
        origin,
        optics,
        frame_names=tuple(" ".join(filter(None, (path.name, name, f"plane {i + 1}"))) for i in order),
        warnings=tuple(w for w in (*layout.warnings, absent, white_warning, *notes, *square) if w),
        extra={"format": "OME-Zarr" if image else "zarr", "dataset": name, "axes": layout.axes},
        unit_taken=taken,
    )


def _check_storage(data: Any, path: Path) -> str:
    """Refuse blocks that are too large or unpickled; return a warning where blocks are absent."""
    check_chunk(data.chunks, data.dtype.itemsize, path)
    codecs = [getattr(c, "codec_id", "") for c in (*(data.filters or ()), *(data.compressors or ()))]
    if "pickle" in codecs:
        raise ReadError("its blocks are Python pickles.", where=path, hint="Write it with another codec.")
    if data.nchunks > _MAX_COUNTED:
        return ""
    absent = data.nchunks - data.nchunks_initialized
    return f"{absent} of {data.nchunks} blocks are absent and read as {data.fill_value}." if absent else ""


def _from_scale(placed: Placed, layout: Layout, image: Image | None) -> Placed:
    """Return the positions that the scale of OME-Zarr gives, where none stand beside the array."""
    if image is None or layout.frame is None or layout.axes[layout.frame] != "Z":
        return placed
    axis, origin, more = z_axis(layout.count, image.lengths())
    return Placed(placed.source, axis, origin, (*placed.warnings, *more))


def _arrays(node: Any) -> dict[str, Any]:
    """Return every array of a store by its full name."""
    import zarr

    if isinstance(node, zarr.Array):
        return {"": node}
    found: dict[str, Any] = {}
    for name, item in node.members(max_depth=8):
        if isinstance(item, zarr.Array):
            found[name] = item
        if len(found) >= _MAX_ARRAYS:
            break
    return found


def _images(node: Any, arrays: Mapping[str, Any], path: Path) -> dict[str, Image]:
    """Return the OME-Zarr images of a store: name of the array of level 0 -> what is said about it."""
    import zarr

    groups = {"": node} if isinstance(node, zarr.Group) else {}
    for name in {n.rpartition("/")[0] for n in arrays} - {""}:
        groups[name] = node[name]
    found = {}
    for name, group in sorted(groups.items()):
        attrs: dict[str, Any] = dict(group.attrs)
        attrs = attrs["ome"] if isinstance(attrs.get("ome"), dict) else attrs
        for scales in attrs.get("multiscales", ()) or ():
            level = scales["datasets"][0]
            key = f"{name}/{level['path']}".strip("/")
            if key in arrays:
                found[key] = _image(scales, level, attrs.get("omero") or {}, len(arrays[key].shape), path)
    return found


def _image(
    scales: Mapping[str, Any], level: Mapping[str, Any], omero: Mapping[str, Any], ndim: int, path: Path
) -> Image:
    axes = scales.get("axes") or "tczyx"[-ndim:]
    entries = [a if isinstance(a, dict) else {"name": a} for a in axes]
    if len(entries) != ndim:
        raise ReadError(
            f"OME-Zarr names {len(entries)} axes, the array has {ndim}.", where=path, hint="Export it again."
        )
    total = np.ones(ndim)
    for transforms in (level.get("coordinateTransformations"), scales.get("coordinateTransformations")):
        for transform in transforms or ():
            if transform.get("type") == "scale":
                total = total * np.asarray(_numbers(transform.get("scale"), ndim))
    names = tuple(str(c.get("label", "")) for c in omero.get("channels") or ())
    return Image(
        "".join(str(e["name"])[:1].upper() for e in entries),
        tuple(float(s) for s in total),
        tuple(e.get("unit") for e in entries),
        names,
    )


def _numbers(values: Any, count: int) -> Sequence[float]:
    return values if isinstance(values, list) and len(values) == count else [float("nan")] * count


def _pick(
    arrays: Mapping[str, Any], images: Mapping[str, Image], choice: Choice, path: Path
) -> tuple[str, Image | None]:
    """Return the array to read; one OME-Zarr image is taken at its level 0, several need a choice."""
    if choice.name:
        asked = choice.name.strip("/")
        of_group = [n for n in images if n.rpartition("/")[0] == asked]
        name = of_group[0] if of_group else pick_array(arrays, choice, path)
        return name, images.get(name)
    images = {n: i for n, i in images.items() if "/labels/" not in f"/{n}"}
    if len(images) > 1:
        listed = ", ".join(f"{n.rpartition('/')[0]!r} {arrays[n].shape}" for n in images)
        raise ReadError(f"{len(images)} images: {listed}.", where=path, hint="Choose one with --dataset NAME.")
    name = next(iter(images)) if images else pick_array(arrays, choice, path)
    return name, images.get(name)


def _dimension_letters(data: Any) -> str:
    """Return axes from the dimension names of zarr format 3; empty where they are not single words we know."""
    names = getattr(data.metadata, "dimension_names", None) or ()
    letters = "".join(str(n)[:1].upper() for n in names)
    return letters if len(letters) == len(data.shape) and {"Y", "X"} <= set(letters) else ""


READER = Zarr()

"""Stacks in TIFF: multi-page, OME-TIFF (one file or a set), ImageJ hyperstacks, LSM; read plane by plane."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis
from focaldepth.core.errors import ReadError
from focaldepth.core.stack import Transfer, white_of
from focaldepth.io._reader import Container, ReadOptions
from focaldepth.io.readers._layout import Choice, Layout, resolve
from focaldepth.io.readers._ome import OmeImage, read_ome, set_files
from focaldepth.io.readers._planes import PlaneSource, check_file, check_size, frame_dtype, reading, white_level
from focaldepth.io.readers._scale import Scale, length_m, z_axis
from focaldepth.io.readers._tiff_pages import (
    Planes,
    chain_broken,
    description_lost,
    developer,
    page_planes,
    plain_pages,
    sequence_planes,
    series_planes,
    structured,
)

_KINDS = {"ome": "OME-TIFF", "imagej": "ImageJ TIFF", "lsm": "LSM", "mmstack": "Micro-Manager TIFF"}


@dataclass(frozen=True)
class TiffStack:
    """TIFF files of more than one frame."""

    title: str = "multi-page TIFF, OME-TIFF, ImageJ TIFF"
    suffixes: tuple[str, ...] = (".tif", ".tiff", ".btf", ".tf8", ".lsm")
    extra: str = ""

    def accepts(self, path: Path) -> bool:
        """True for more than one plane of frame size; thumbnails and reduced copies do not count."""
        from tifffile import TiffFile

        try:
            with reading(path, "TIFF"), TiffFile(path) as tif:
                if any(page_planes(s)[1] > 1 for s in structured(tif)) or _master(tif, path):
                    return True
                if _images_stated(tif) > 1 or chain_broken(tif):
                    return True
                pages = [p for _, p in plain_pages(tif)]
                return len([p for p in pages if p.shape == pages[0].shape]) > 1
        except ReadError:
            return False

    def open(self, path: Path, options: ReadOptions) -> Container:
        """Read headers and metadata; pixels stay in the file."""
        from tifffile import TiffFile

        check_file(path)
        with reading(path, "TIFF"):
            tif = TiffFile(path)
        try:
            with reading(path, "TIFF"):
                master = _master(tif, path)
                if master is None:
                    container = _container(tif, path, options)
        except BaseException:
            tif.close()
            raise
        if master is not None:
            tif.close()
            found = self.open(master, options)
            return replace(found, warnings=(*found.warnings, f"{path.name} is part of a set: read from {master.name}."))
        weakref.finalize(container.source, tif.close)
        return container


def _master(tif: Any, path: Path) -> Path | None:
    """Return the file that describes the set, where this one only holds pixels of it."""
    xml = tif.ome_metadata if tif.is_ome else None
    if not xml or "BinaryOnly" not in xml:
        return None
    name = next(iter(set_files(xml)), "")
    if not name or name.lower().endswith(".ome") or Path(name).name == path.name:
        raise ReadError(
            f"it is part of a set whose description is in {name or 'another file'}.",
            where=path,
            hint="Export the set as OME-TIFF files that carry the description themselves.",
        )
    return path.parent / name


def _images_stated(tif: Any) -> int:
    """Return how many pictures ImageJ says the file holds; 0 where it does not."""
    metadata = tif.imagej_metadata if tif.is_imagej else None
    count = (metadata or {}).get("images", 0)
    return count if isinstance(count, int) else 0


def _container(tif: Any, path: Path, options: ReadOptions) -> Container:
    choice = Choice.parse(options.dataset, path)
    if not len(tif.pages):
        raise ReadError("the file holds no page.", where=path, hint="It is truncated or damaged: copy it again.")
    if not getattr(tif, "is_ndpi", False) and chain_broken(tif):
        raise ReadError(
            f"the file ends after page {len(tif.pages)}, but announces more.",
            where=path,
            hint="It is truncated or damaged: copy it again.",
        )
    if description_lost(tif):
        raise ReadError(
            "the description of its pages lies behind the end of the file.",
            where=path,
            hint="It is truncated or damaged: copy it again.",
        )
    planes, image, warnings = _planes(tif, path, choice)
    layout = resolve(
        planes.axes,
        planes.shape,
        options,
        choice,
        path,
        colour="S",
        names=image.channels if image else _channel_names(tif, planes),
    )
    if any(a in layout.axes[: planes.lead] for a in "YX"):
        raise ReadError(f"axes {layout.axes!r} do not fit the pages.", where=path, hint="Rows and columns come last.")
    source, white_warning = _source(planes, layout, image, path, tif.ome_metadata if tif.is_ome else None)
    scale, axis, origin, notes = _facts(tif, planes, image, layout)
    optics, square = scale.optics(axis)
    kind = _KINDS.get(planes.kind, "TIFF")
    colour = source.shape[2] == 3 and source.dtype == np.uint8 and kind == "TIFF"
    return Container(
        source,
        axis,
        origin,
        optics,
        Transfer.SRGB if colour else Transfer.UNKNOWN,
        tuple(f"{path.name} plane {i + 1}" for i in range(len(source))),
        icc=planes.page.iccprofile,
        warnings=tuple(w for w in (*warnings, *layout.warnings, *notes, *square, white_warning) if w),
        extra={
            "format": kind,
            "axes": layout.axes,
            "channels": list(image.channels) if image else [],
            "set": _set_of(tif, path),
        },
    )


def _set_of(tif: Any, path: Path) -> list[str]:
    """Return the names of the files that hold this stack, as its OME description states them."""
    stated = set_files(tif.ome_metadata) if tif.is_ome and tif.ome_metadata else []
    return [Path(name).name for name in stated] or [path.name]


def _planes(tif: Any, path: Path, choice: Choice) -> tuple[Planes, OmeImage | None, tuple[str, ...]]:
    """Choose the image of the file, with what OME says about it."""
    series = structured(tif)
    if not series:
        stated, pages = _images_stated(tif), len(tif.pages)
        if stated > pages:
            raise ReadError(
                f"ImageJ wrote {stated} pictures, {pages} can be found.",
                where=path,
                hint="The file is truncated or damaged: copy it again.",
            )
        unread = tif.is_ome or tif.is_imagej
        note = ("The OME or ImageJ metadata does not describe the pages: taken in file order.",) if unread else ()
        return sequence_planes(tif, path), None, note
    number = _pick_series(series, choice, path)
    image = None
    if tif.is_ome and tif.ome_metadata:
        images = read_ome(tif.ome_metadata, path)
        named = [i for i in images if i.name == series[number].name]
        image = images[number] if len(images) == len(series) else named[0] if len(named) == 1 else None
    return series_planes(series[number], path), image, ()


def _pick_series(series: list[Any], choice: Choice, path: Path) -> int:
    names = [s.name or "" for s in series]
    if choice.name:
        if choice.name in names:
            return names.index(choice.name)
        if choice.name.isdecimal() and int(choice.name) < len(series):
            return int(choice.name)
    stacks = [i for i, s in enumerate(series) if page_planes(s)[1] > 1]
    if choice.name or len(stacks) > 1:
        listed = ", ".join(f"{i} {names[i]!r} ({series[i].axes} {series[i].shape})" for i in range(len(series)))
        what = f"no image {choice.name!r}" if choice.name else f"{len(stacks)} stacks (positions)"
        raise ReadError(f"{what}: the file holds {listed}.", where=path, hint="Choose one with --dataset NUMBER.")
    return stacks[0] if stacks else 0


def _channel_names(tif: Any, planes: Planes) -> tuple[str, ...]:
    """Return names of channels where a dialect other than OME states them."""
    if planes.kind == "lsm":
        return tuple((tif.lsm_metadata or {}).get("ChannelColors", {}).get("ColorNames", ()))
    return ()


def _source(
    planes: Planes, layout: Layout, image: OmeImage | None, path: Path, xml: str | None
) -> tuple[PlaneSource, str]:
    height, width, channels = layout.frame_shape
    check_size((height, width), path)
    check_size((height, max(1, planes.page.size // height)), path)
    numbers = [planes.number(layout.index(i)) for i in range(layout.count)]
    planes.used(numbers, path, xml)
    develop = developer(planes.page, planes.kind, path)

    def load(i: int) -> NDArray[Any]:
        return develop(layout.arrange(planes.load(numbers[i])[layout.index(i)[planes.lead :]]))

    dtype = frame_dtype(planes.page.dtype, path)
    with reading(path, "colour coding"):
        sample = develop(np.zeros((2, 3, channels), dtype))
    shape = (height, width, sample.shape[2]) if sample.shape[0] == 2 else (width, height, sample.shape[2])
    if sample.dtype != dtype:
        dtype = sample.dtype
    source = PlaneSource(path, shape, dtype, white_of(dtype), layout.count, load)
    if dtype.kind == "f":
        white, warning = white_level(source)
        return replace(source, white=white), warning
    bits = image.bits if image and image.bits else planes.page.bitspersample
    full = 8 * dtype.itemsize
    return replace(source, white=float(2**bits - 1 if 0 < bits < full else 2**full - 1)), ""


def _facts(
    tif: Any, planes: Planes, image: OmeImage | None, layout: Layout
) -> tuple[Scale, FocusAxis | None, str, tuple[str, ...]]:
    """Return lengths, focus axis, its origin and warnings; what no metadata states stays unknown."""
    scale = _scale(tif, image)
    positions: list[float | None] = []
    note = ""
    along = layout.axes[layout.frame] if layout.frame is not None else ""
    if image is not None and along and along in "ZT":
        here = {"Z": layout.item("Z"), "C": layout.item("C"), "T": layout.item("T")}
        keys = [(k["Z"], k["C"], k["T"]) for k in (here | {along: i} for i in range(layout.count))]
        positions, note = image.plane_positions(keys)
    if along != "Z":
        scale = replace(scale, step_m=None)
    axis, origin, warnings = z_axis(layout.count, scale, positions)
    return scale, axis, origin, tuple(w for w in (note, *warnings) if w)


def _scale(tif: Any, image: OmeImage | None) -> Scale:
    """Return the lengths of the first metadata that states the z step, completed by the others."""
    known = [s for s in (image.scale if image else None, _imagej_scale(tif), _lsm_scale(tif)) if s is not None]
    first = next((s for s in known if s.step_m), known[0] if known else Scale())
    for other in known:
        first = replace(
            first,
            pixel_m=first.pixel_m or other.pixel_m,
            pixel_y_m=first.pixel_y_m or other.pixel_y_m,
            numerical_aperture=first.numerical_aperture or other.numerical_aperture,
        )
    return first


def _imagej_scale(tif: Any) -> Scale | None:
    metadata = tif.imagej_metadata if tif.is_imagej else None
    if not metadata:
        return None
    unit = str(metadata.get("unit", ""))
    tags = tif.pages.first.tags
    sizes = []
    for code, key in ((282, "unit"), (283, "yunit")):
        value = tags.valueof(code)
        per_unit = value[0] / value[1] if value and value[0] and value[1] else 0
        sizes.append(length_m(1 / per_unit, str(metadata.get(key) or unit)) if per_unit else None)
    step = length_m(metadata.get("spacing"), str(metadata.get("zunit") or unit))
    return Scale("ImageJ", step, sizes[0], sizes[1], step_name="spacing")


def _lsm_scale(tif: Any) -> Scale | None:
    metadata = tif.lsm_metadata if getattr(tif, "is_lsm", False) else None
    if not metadata:
        return None
    size = {a: length_m(metadata.get(f"VoxelSize{a}"), "m") for a in "XYZ"}
    return Scale("LSM", size["Z"], size["X"], size["Y"], step_name="VoxelSizeZ")


READER = TiffStack()

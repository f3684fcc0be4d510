"""The plain npz of rendered stacks: frames, focus, focus_unit, depth, all_in_focus, attrs; and other npz stacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis
from focaldepth.core.errors import FocalDepthError, ReadError
from focaldepth.core.optics import Optics
from focaldepth.core.stack import Transfer, white_of
from focaldepth.io._reader import Container, ReadOptions
from focaldepth.io.readers._focus import Found, focus_axis, is_focus_name, per_frame, text_of, unit_of
from focaldepth.io.readers._layout import Choice, guess_axes, resolve
from focaldepth.io.readers._npz_file import LazyArray, Member, load, members
from focaldepth.io.readers._planes import PlaneSource, check_file, check_size, frame_dtype, reading, white_level

_TRUTH_ARRAYS = ("depth", "all_in_focus")
_TRUTH_ATTRS = (
    "homography_ref_to_frame",
    "camera",
    "breathing_scale",
    "plane_depth_m",
    "reference_frame",
    "registered",
)
_SMALL = 1 << 20
_OPTICS = {
    "focal_length_mm": ("focal_length_m", 1e-3),
    "f_number": ("f_number", 1.0),
    "pixel_pitch_um": ("pixel_pitch_m", 1e-6),
    "pixel_size_um": ("pixel_size_m", 1e-6),
    "disparity_scale_m_px": ("disparity_scale_m_px", 1.0),
}


@dataclass(frozen=True)
class Npz:
    """Frames with focus positions, truth and lens facts in one file."""

    title: str = "npz stack"
    suffixes: tuple[str, ...] = (".npz",)
    extra: str = ""

    def accepts(self, path: Path) -> bool:
        """Every npz file: `open` says what one without a stack lacks."""
        return path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Container:
        """Read the headers and all small arrays; frames are unpacked when first asked for."""
        check_file(path)
        arrays = members(path)
        choice = Choice.parse(options.dataset, path)
        frames = _stack_member(arrays, choice, path)
        dtype = frame_dtype(frames.dtype, path)
        axes = options.axes or guess_axes(frames.shape, path)
        layout = resolve(axes, frames.shape, options, choice, path)
        check_size(layout.frame_shape, path)
        lazy = LazyArray(path, frames)
        source = PlaneSource(
            path,
            layout.frame_shape,
            dtype,
            white_of(dtype),
            layout.count,
            lambda i: layout.arrange(lazy.get()[layout.index(i)]),
            lazy.held_bytes,
        )
        white, warning = white_level(source)
        source = replace(source, white=white)
        small = {k: load(path, m) for k, m in arrays.items() if m is not frames and m.nbytes <= _SMALL and m.nbytes}
        attrs, bad_attrs = _attrs(small)
        found = [
            Found(k, values, unit_of(k, {}, small))
            for k in sorted(small)
            if is_focus_name(k) and (values := per_frame(small[k], layout)) is not None
        ]
        ordered, axis, origin, notes, taken = focus_axis(found, source, path, "npz", options.focus_unit)
        optics, bad_optics = _optics(attrs)
        coded = "srgb" in text_of(attrs.get("transfer")).lower() or (frames.name == "frames" and dtype == np.uint8)
        return Container(
            ordered,
            axis,
            origin,
            optics,
            Transfer.SRGB if coded else Transfer.UNKNOWN,
            _names(path, layout.count, ordered),
            warnings=tuple(w for w in (*layout.warnings, warning, *notes, bad_attrs, bad_optics) if w),
            extra={"format": "npz", "axes": layout.axes, "attrs": attrs},
            truth=_truth(path, arrays, _in_order(attrs, getattr(ordered, "chosen", None)), layout.frame_shape, axis),
            unit_taken=taken,
        )


def _stack_member(arrays: Mapping[str, Member], choice: Choice, path: Path) -> Member:
    """Return the array that holds the frames: the one asked for, "frames", or the only one that can be a stack."""
    name = choice.name or "frames"
    if name in arrays:
        return arrays[name]
    fit = [m for m in arrays.values() if 3 <= len(m.shape) <= 5 and m.name not in _TRUTH_ARRAYS]
    if choice.name or len(fit) != 1:
        listed = ", ".join(f"{m.name} {m.shape} {m.dtype}" for m in arrays.values())
        raise ReadError(
            f"no array {name!r}." if choice.name or not fit else "several arrays can be the stack.",
            where=path,
            hint=f"Choose one with --dataset NAME; the file holds: {listed}.",
        )
    return fit[0]


def _in_order(attrs: Mapping[str, Any], order: tuple[int, ...] | None) -> Mapping[str, Any]:
    """Return what 'attrs' says of single frames in the order of the sorted frames."""
    if order is None:
        return attrs
    lists = {k: v for k, v in attrs.items() if k in _TRUTH_ATTRS and isinstance(v, list) and len(v) == len(order)}
    moved: dict[str, Any] = {k: [v[i] for i in order] for k, v in lists.items()}
    if attrs.get("reference_frame") in order:
        moved["reference_frame"] = order.index(attrs["reference_frame"])
    return {**attrs, **moved}


def _names(path: Path, count: int, source: Any) -> tuple[str, ...]:
    order = getattr(source, "chosen", range(count))
    return tuple(f"{path.name} frame {i + 1}" for i in order)


def _attrs(small: Mapping[str, NDArray[Any]]) -> tuple[dict[str, Any], str]:
    text = text_of(small.get("attrs"))
    if not text:
        return {}, ""
    try:
        attrs = json.loads(text)
    except (ValueError, RecursionError):
        return {}, "The entry 'attrs' is not JSON and is ignored."
    return (attrs, "") if isinstance(attrs, dict) else ({}, "The entry 'attrs' is no JSON object and is ignored.")


def _optics(attrs: Mapping[str, Any]) -> tuple[Optics, str]:
    facts = {
        name: float(attrs[key]) * factor
        for key, (name, factor) in _OPTICS.items()
        if isinstance(attrs.get(key), int | float)
    }
    try:
        return Optics().with_facts("npz attrs", **facts), ""
    except FocalDepthError as error:
        return Optics(), f"The lens facts in 'attrs' are ignored: {error.what}"


def _truth(
    path: Path,
    arrays: Mapping[str, Member],
    attrs: Mapping[str, Any],
    shape: tuple[int, int, int],
    axis: FocusAxis | None,
) -> dict[str, Any]:
    """Return truth arrays of the size of the frames, the cameras of a handheld stack, and the unit of the depth."""
    truth: dict[str, Any] = {}
    for name in _TRUTH_ARRAYS:
        member = arrays.get(name)
        if member is not None and member.shape in (shape[:2], (*shape[:2], 3)) and member.dtype.kind in "fu":
            truth[name] = load(path, member)
    if "depth" in truth and axis is not None:
        truth["depth_unit"] = axis.unit.value
    for name in _TRUTH_ATTRS:
        value = attrs.get(name)
        if isinstance(value, list) and name != "camera":
            with reading(path, f"entry {name!r} of attrs"):
                truth[name] = np.array(value, dtype=np.float64)
        elif value is not None:
            truth[name] = value
    return truth


READER = Npz()

"""Choosing the stack among the arrays of a file that holds many (HDF5, zarr)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from focaldepth.core.errors import ReadError
from focaldepth.io.readers._focus import Found, is_focus_name, per_frame, unit_of
from focaldepth.io.readers._layout import Choice, Layout

_STACK_NAMES = ("frames", "stack", "stacks", "focal_stack", "images")
_FEW = 20


def pick_array(arrays: Mapping[str, Any], choice: Choice, path: Path) -> str:
    """Return the name of the array that is the stack: the one asked for, the only one that can be, or one named so.

    Args:
        arrays: full name -> anything with shape and dtype.
        choice: what the user said.
        path: for messages.
    """
    names = list(arrays)
    if choice.name:
        asked = choice.name.strip("/")
        same = [n for n in names if n == asked] or [n for n in names if n.rpartition("/")[2] == asked]
        if len(same) == 1:
            return same[0]
        raise ReadError(
            f"{'several datasets' if same else 'no dataset'} {choice.name!r}.", where=path, hint=_listed(arrays)
        )
    fit = [n for n in names if 3 <= len(arrays[n].shape) <= 5 and _pixels(arrays[n].dtype)]
    named = [n for n in fit if n.rpartition("/")[2].lower() in _STACK_NAMES]
    chosen = fit if len(fit) == 1 else named
    if len(chosen) == 1:
        return chosen[0]
    raise ReadError(
        "several datasets can be the stack." if fit else "no dataset has 3 to 5 axes of uint8, uint16 or float pixels.",
        where=path,
        hint=("Choose one with --dataset NAME. " if fit else "") + _listed(arrays),
    )


def _pixels(dtype: Any) -> bool:
    found: np.dtype[Any] = np.dtype(dtype)
    return found.kind == "f" or (found.kind == "u" and found.itemsize <= 2)


def _listed(arrays: Mapping[str, Any]) -> str:
    if not arrays:
        return "The file holds no dataset."
    items = [f"{n} {tuple(a.shape)} {a.dtype}" for n, a in list(arrays.items())[:_FEW]]
    more = f" and {len(arrays) - _FEW} more" if len(arrays) > _FEW else ""
    return f"The file holds: {', '.join(items)}{more}."


def focus_beside(
    name: str, arrays: Mapping[str, Any], attributes: Iterable[Mapping[str, Any]], layout: Layout
) -> list[Found]:
    """Return focus positions that stand beside an array: in its group, then in the attributes of array and groups."""
    group = name.rpartition("/")[0]
    siblings = {n.rpartition("/")[2]: a for n, a in arrays.items() if n.rpartition("/")[0] == group}
    attributes = list(attributes)
    plain = {k: v for attrs in reversed(attributes) for k, v in attrs.items()}
    found = []
    for key in sorted(siblings):
        small = len(siblings[key].shape) <= 2 and int(np.prod(siblings[key].shape)) <= 1_000_000
        if is_focus_name(key) and small:
            values = per_frame(siblings[key][...], layout)
            if values is not None:
                found.append(Found(key, values, unit_of(key, dict(siblings[key].attrs), plain)))
    for attrs in attributes:
        for key in sorted(attrs):
            values = per_frame(attrs[key], layout) if is_focus_name(key) else None
            if values is not None:
                found.append(Found(key, values, unit_of(key, {}, plain)))
    return found

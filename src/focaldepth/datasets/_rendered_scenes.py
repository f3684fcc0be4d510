"""What `focaldepth scenes` writes, read back: shards of FoD500's files with a lens per scene, or HDF5 with groups."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.optics import Optics
from focaldepth.core.registry import extra_for
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack, Transfer
from focaldepth.datasets._pictures import picture_stack, read_picture
from focaldepth.datasets._stack_file import opened
from focaldepth.io._exr import read_plane

Opener = Callable[[], Sample]
_ORIGIN = "record of the rendered scene"
_ARRAYS = ("frames", "focus", "depth")


def scenes_in_folder(folder: Path) -> dict[str, Opener]:
    """Return the scenes of a shard of FoD500's files, name -> what opens it; empty for other folders."""
    names = [p.stem for p in sorted(folder.glob("*.json")) if (folder / f"{p.stem}Dpt.exr").is_file()]
    return {name: partial(_open_files, folder, name) for name in names}


def scenes_in_file(path: Path) -> dict[str, Opener]:
    """Return the scenes of an HDF5 shard, name -> what opens it; empty for other files, damaged ones included."""
    with extra_for("an HDF5 data set"):
        import h5py
    try:
        with opened(path) as file:
            groups = [n for n, g in file.items() if isinstance(g, h5py.Group) and all(a in g for a in _ARRAYS)]
    except ReadError:
        return {}  # the reader of stacks says what is wrong
    return {name: partial(_open_group, path, name) for name in groups}


def _open_files(folder: Path, name: str) -> Sample:
    record = folder / f"{name}.json"
    lens = _lens(record.read_text("utf-8"), record)
    axis = _axis(lens, record)
    files = [folder / f"{name}_{i:02d}All.tif" for i in range(len(axis))]
    gone = next((f for f in files if not f.is_file()), None)
    if gone is not None:
        raise ReadError("not found.", where=gone, hint=f"Scene {name} has {len(files)} frames: copy them all.")
    stack = picture_stack(files, axis, name=name, origin=_ORIGIN, optics=_optics(lens))
    sharp = folder / f"{name}Aif.tif"
    truth = _truth(read_plane(folder / f"{name}Dpt.exr"))
    return Sample(
        replace(stack, transfer=Transfer.SRGB), truth, read_picture(sharp) if sharp.is_file() else None, name=name
    )


def _open_group(path: Path, name: str) -> Sample:
    with opened(path) as file:
        group = file[name]
        frames, focus, depth = (np.asarray(group[key]) for key in _ARRAYS)
        sharp = np.asarray(group["all_in_focus"]) if "all_in_focus" in group else None
        lens = _lens(str(group.attrs.get("lens", "{}")), path)
    axis = FocusAxis(focus, Unit.METRE)
    stack = FocalStack.from_arrays(frames, axis, optics=_optics(lens), transfer=Transfer.SRGB, name=name)
    info = replace(stack.info, files=(str(path),), focus_origin=_ORIGIN, extra={"dataset": f"{name}/frames"})
    return Sample(replace(stack, info=info), _truth(depth), sharp, name=name)


def _truth(depth: NDArray[np.floating[Any]]) -> DepthMap:
    """0 stands for unknown."""
    values = depth.astype(np.float32)
    return DepthMap(values, Unit.METRE, np.isfinite(values) & (values > 0))


def _lens(text: str, where: Path) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ReadError(f"is no record of a scene ({error}).", where=where, hint="Copy it again.") from error
    return found if isinstance(found, dict) else {}


def _axis(lens: dict[str, Any], where: Path) -> FocusAxis:
    if not lens.get("focus_m"):
        raise ReadError("does not say focus_m.", where=where, hint="It must list the focus distances in metres.")
    return FocusAxis(np.asarray(lens["focus_m"], np.float64), Unit.METRE)


def _optics(lens: dict[str, Any]) -> Optics:
    known = {f.name for f in fields(Optics)} - {"origin"}
    return Optics(**{key: value for key, value in lens.items() if key in known})

"""A focal stack written as a folder that `load_stack` reads back with its focus positions, its lens and its truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from focaldepth._version import __version__
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import SettingError
from focaldepth.core.progress import Run
from focaldepth.core.sample import Sample
from focaldepth.core.stack import Frame, FrameSource
from focaldepth.io._atomic import staged_folder
from focaldepth.io._lens import FOCAL_LENGTH
from focaldepth.io._truth import TRUTH, write_truth

RECORD = "stack.json"
"""The file that makes a folder a stack of ours; written last."""
SCHEMA = "focaldepth.stack/1"
POSITIONS = "focus.csv"
ALL_IN_FOCUS = "all_in_focus.png"
_BITS = (8, 16)


def write_stack(
    out: str | PathLike[str],
    sample: Sample,
    facts: Mapping[str, Any],
    *,
    bits: int = 8,
    overwrite: bool = False,
    inputs: Sequence[str] = (),
    beside: Mapping[str, Callable[[Path], object]] = MappingProxyType({}),
    run: Run = Run(),
) -> list[str]:
    """Write frames as PNG with focus.csv, focal_length.txt, truth.tiff and all_in_focus.png, all or nothing.

    Args:
        out: folder to make.
        sample: the stack and what is known of its scene.
        facts: how it was made, for stack.json; plain JSON values.
        bits: 8 or 16 per value; whatever the frames have is scaled to that.
        overwrite: replace an earlier stack.
        inputs: files that were read; a folder that holds one of them is never replaced.
        beside: name of a further file -> what writes it.
        run: progress, threads.

    Returns:
        Names of the files.

    Raises:
        SettingError: another number of bits, or `out` exists.
        WriteError: the disk is full, or no permission.
    """
    if bits not in _BITS:
        raise SettingError(f"{bits} bits per value.", where="bits", hint="Give 8 or 16.")
    from focaldepth.io.picture import write_picture
    from focaldepth.io.result_folder import file_facts

    stack = sample.stack
    digits = max(2, len(str(len(stack) - 1)))
    names = [f"frame_{i:0{digits}d}.png" for i in range(len(stack))]
    what = dict.fromkeys(names, "frame")
    run.stage("write frames", len(stack))
    needs = len(stack) * stack.shape[0] * stack.shape[1] * stack.shape[2] * bits // 16
    with staged_folder(out, overwrite, inputs=inputs, needs_bytes=needs, record=RECORD) as folder:
        for name, frame in zip(names, stack.frames(threads=run.threads), strict=True):
            write_picture(folder / name, scaled(frame, stack.source.white, bits))
            run.advance()
        if stack.axis.unit is not Unit.INDEX:
            (folder / POSITIONS).write_text(positions(stack.axis, names), encoding="utf-8")
            what[POSITIONS] = "focus positions"
        if stack.optics.focal_length_m is not None:
            (folder / FOCAL_LENGTH).write_text(f"{stack.optics.focal_length_m * 1e3:.9g} mm\n", encoding="utf-8")
            what[FOCAL_LENGTH] = "focal length"
        if sample.truth is not None:
            write_truth(folder, sample.truth, sample.reference)
            what[TRUTH] = "true depth"
        if sample.all_in_focus is not None:
            white = _white_of(sample.all_in_focus, stack.source)
            write_picture(folder / ALL_IN_FOCUS, scaled(sample.all_in_focus, white, bits))
            what[ALL_IN_FOCUS] = "sharp picture"
        for name, write in beside.items():
            write(folder / name)
            what[name] = "further facts"
        record = {
            "schema": SCHEMA,
            "software": f"focaldepth {__version__}",
            "name": stack.info.name,
            "optics": stack.optics.facts(),
            "made": dict(facts),
            "files": {n: file_facts(folder / n, w).model_dump() for n, w in what.items()},
        }
        (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return [*what, RECORD]


def positions(axis: FocusAxis, names: Sequence[str]) -> str:
    """Return the sidecar that gives frames their focus positions, as the readers take it.

    >>> print(positions(FocusAxis.frames(2).take([0, 1]), ["a.png", "b.png"]), end="")
    file,focus_index
    a.png,0.0
    b.png,1.0
    """
    rows = [f"{name},{float(value)!r}\n" for name, value in zip(names, axis.values, strict=True)]
    return f"file,focus_{axis.unit.value}\n" + "".join(rows)


def scaled(frame: Frame, white: float, bits: int) -> Frame:
    """Return a frame as whole numbers of 8 or 16 bits, full scale to full scale.

    >>> scaled(np.array([[[0.5], [1.2]]], np.float32), 1.0, 8).ravel()
    array([128, 255], dtype=uint8)
    """
    top = 2**bits - 1
    dtype = np.uint8 if bits == 8 else np.uint16
    if frame.dtype == dtype and white == top:
        return frame
    return np.rint(np.clip(frame * np.float32(top / white), 0, top)).astype(dtype)


def _white_of(picture: Frame, source: FrameSource) -> float:
    """Full scale of a picture beside frames: theirs where it has their kind, else that of its data type."""
    if picture.dtype == source.dtype:
        return source.white
    return float(np.iinfo(picture.dtype).max) if picture.dtype.kind == "u" else 1.0

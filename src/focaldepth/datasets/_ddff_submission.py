"""The folder that the DDFF 12-Scene benchmark takes: SCENE/DISP_0001.npy ... DISP_0020.npy and runtime.txt.

As ddff-pytorch writes it: disparities in px of the whole picture, one line "SCENE/DISP_0001 seconds" per image.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import FocalDepthError, ReadError, StackError
from focaldepth.datasets._arrays import load_array, map_fault
from focaldepth.datasets._ddff import STACKS_PER_TEST_SCENE, TEST_SCENES
from focaldepth.io._atomic import staged_folder

SIZE = (383, 552)
RUNTIME = "runtime.txt"
_STACK = re.compile(r"([a-z0-9]+)_(\d{4})")
_HINT = f"Give {SIZE[1]} x {SIZE[0]} px of disparities in px for every pixel (--fill) of all 120 test stacks."


def image_name(stack: str) -> str:
    """Return scene and image of a test stack as the benchmark counts them, from 1.

    >>> image_name("lockeroom_0001"), image_name("magistrale_0020")
    ('lockeroom/DISP_0001', 'magistrale/DISP_0020')
    """
    match = _STACK.fullmatch(stack)
    if not match or match[1] not in TEST_SCENES or not 1 <= int(match[2]) <= STACKS_PER_TEST_SCENE:
        known = f"{', '.join(TEST_SCENES)}, each with _0001 ... _{STACKS_PER_TEST_SCENE:04d}."
        raise StackError("is no test stack.", where=stack, hint=f"Known: {known}")
    return f"{match[1]}/DISP_{match[2]}"


def image_names() -> list[str]:
    """Return all 120 images in the order of the official file."""
    return [f"{scene}/DISP_{i:04d}" for scene in TEST_SCENES for i in range(1, STACKS_PER_TEST_SCENE + 1)]


def write_submission(out: str | PathLike[str], maps: Iterable[tuple[str, NDArray[np.floating], float]]) -> Path:
    """Write disparity maps into a new folder; it appears only when it is complete and right.

    Args:
        out: the folder.
        maps: name of the stack as `ddff12` gives it (lockeroom_0001 ...), its disparities in px, (383, 552), known
            everywhere, and the seconds that it took; may be computed one after the other.

    Raises:
        StackError: a map of another size, with NaN or infinity, of a stack that does not exist or comes twice, or a
            stack that is missing.
        SettingError: `out` exists.
        WriteError: no permission, or the disk is full.
    """
    with staged_folder(out) as part:
        seconds: dict[str, float] = {}
        for stack, disparities, took in maps:
            name, values = image_name(stack), np.asarray(disparities)
            fault = "comes twice." if name in seconds else map_fault(values, SIZE)
            if fault:
                raise StackError(fault, where=stack, hint=_HINT)
            file = part / f"{name}.npy"
            file.parent.mkdir(exist_ok=True)
            np.save(file, values.astype(np.float32, copy=False))
            seconds[name] = took
        lines = [f"{name} {seconds[name]:.6f}\n" for name in image_names() if name in seconds]
        (part / RUNTIME).write_text("".join(lines), encoding="utf-8")
        faults = check_submission(part)
        if faults:
            raise StackError(faults[0], where=out, hint=_HINT)
    return Path(out)


def check_submission(folder: str | PathLike[str]) -> tuple[str, ...]:
    """Return what is wrong with a folder, one sentence each; empty = it can be handed in.

    Raises:
        ReadError: there is no such folder.
    """
    place = Path(folder)
    if not place.is_dir():
        raise ReadError("is no folder.", where=place, hint="Give the folder that holds runtime.txt.")
    return (*_map_faults(place), *_runtime_faults(place))


def _map_faults(place: Path) -> Iterator[str]:
    wanted = [f"{name}.npy" for name in image_names()]
    here = {p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()} - {RUNTIME}
    for name in sorted(here - set(wanted)):
        zero = " Images count from 1." if name.endswith("DISP_0000.npy") else ""
        yield f"{name} does not belong here.{zero}"
    absent = [name for name in wanted if name not in here]
    if absent:
        yield f"{absent[0]} and {len(absent) - 1} more are missing." if len(absent) > 1 else f"{absent[0]} is missing."
    for name in (name for name in wanted if name in here):
        try:
            fault = map_fault(load_array(place / name), SIZE)
        except FocalDepthError as error:
            fault = error.what
        if fault:
            yield f"{name} {fault}"


def _runtime_faults(place: Path) -> Iterator[str]:
    try:
        lines = (place / RUNTIME).read_text("utf-8").splitlines()
    except FileNotFoundError:
        yield f"{RUNTIME} is missing."
        return
    except (OSError, UnicodeDecodeError):
        yield f"{RUNTIME} is no readable text."
        return
    told = []
    for number, line in enumerate((line for line in lines if line.strip()), 1):
        name, _, seconds = line.strip().partition(" ")
        told.append(name)
        if not _is_time(seconds):
            yield f"{RUNTIME} line {number}: {line.strip()!r} is not an image and its seconds."
    wanted = image_names()
    absent = [name for name in wanted if told.count(name) != 1]
    if absent:
        yield f"{RUNTIME} must name {absent[0]} once{f', and so {len(absent) - 1} more' if len(absent) > 1 else ''}."
    strange = sorted(set(told) - set(wanted))
    if strange:
        yield f"{RUNTIME} names {strange[0]}, which is no test image."


def _is_time(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and float(text) >= 0
    except ValueError:
        return False

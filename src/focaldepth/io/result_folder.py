"""The files of a result: written with fixed names that scripts rely on, and read back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import Unit
from focaldepth.core.errors import MissingExtraError, ReadError, UnknownNameError, WriteError
from focaldepth.core.optics import Optics
from focaldepth.core.registry import EXTRAS
from focaldepth.core.result import DepthMap, DepthResult, Mask, Plane
from focaldepth.io._atomic import RECORD
from focaldepth.io._writer import WRITERS, MapWriter, WriteContext
from focaldepth.io.curves import has_curves, write_curves
from focaldepth.io.picture import kind_of, picture_suffix, read_picture, read_tags, write_picture
from focaldepth.io.transforms import TransformFile, read_transforms, write_transforms
from focaldepth.io.writers.tiff import read_plane, write_plane

if TYPE_CHECKING:
    from focaldepth.io._result_schema import FileFacts

_PICTURE = "all_in_focus"
_SOURCE = "source_frame.png"
_WHAT = {
    "depth.tiff": "depth, float32, NaN = invalid", "sigma.tiff": "one standard deviation of depth",
    "valid.png": "255 where depth is valid", "index.tiff": "fractional frame index of best focus, from 0",
    "filled.tiff": "depth of every pixel", "filled.png": "255 where filled.tiff has a number that depth.tiff has not",
    "filled_sigma.tiff": "one standard deviation of filled.tiff", "transforms.json": "where each frame lies",
    "source_frame.png": "number of the sharpest frame, from 0",
    "curves.tiff": "focus curves, one slice per frame, at reduced resolution",
    "depth.png": "depth in colour, for people", "report.html": "report",
}  # fmt: skip


Beside = Callable[[Path], Iterable[Path]]
"""Writes further files into the folder it is given; returns them."""


@dataclass(frozen=True)
class _Task:
    """Files to write, and what they hold (empty: known by name); the call returns what was made and warnings."""

    what: str
    write: Callable[[], tuple[Iterable[Path], tuple[str, ...]]]


def check_formats(formats: Sequence[str], unit: Unit, optics: Optics) -> list[str]:
    """Return the names of extra formats without doubles, or raise before a long run starts.

    Raises:
        UnknownNameError: no such format.
        MissingExtraError: its library is not installed.
        UnitError: the format cannot hold this unit, or needs a fact that is unknown.
    """
    names = dict.fromkeys(_known(name) for name in formats)
    for name in names:
        writer = WRITERS.get(name)
        modules = [module for module, extra in EXTRAS.items() if extra == writer.extra]
        if any(find_spec(module) is None for module in modules):
            raise MissingExtraError(f"format {name}", writer.extra)
        writer.check(unit, WriteContext(optics))
    return [name for name in names if name != "tiff"]


def _known(name: str) -> str:
    try:
        return WRITERS.resolve(name)
    except UnknownNameError as error:
        # A wrong suffix resembles a right one by chance (pgm, png): the list says more than the nearest.
        error.hint = f"Known: {', '.join(sorted([*WRITERS.names(), *dict(WRITERS.aliases)]))}."
        raise


def bytes_needed(
    shape: tuple[int, int, int], dtype: np.dtype[Any], *, formats: Sequence[str] = (), fill: bool = False
) -> int:
    """Estimate from above what a result folder takes on disk, for pictures of (H, W, C) and a data type."""
    rows, columns, channels = shape
    plane = 4 * rows * columns
    planes = 4 + 2 * fill + len(formats)
    return planes * plane + rows * columns * channels * dtype.itemsize + plane // 2 + (16 << 20)


def write_files(
    result: DepthResult,
    folder: Path,
    *,
    formats: Sequence[str] = (),
    input_kind: str | None = None,
    transforms: TransformFile | None = None,
    beside: Iterable[Beside] = (),
) -> list[Path]:
    """Write the files of a result into an existing folder, ``result.json`` last; two threads.

    Args:
        result: what to write.
        folder: a folder of `staged_folder`.
        formats: names of further formats of the depth map.
        input_kind: "jpeg", "png", "tiff" ... decides the format of the all-in-focus picture; None = from the names of
            the input files.
        transforms: what ``transforms.json`` says; None = made from `result.transforms`.
        beside: writers of further files (the report), called in the same threads, first; the record lists them too.

    Returns:
        Every file that was written.
    """
    from focaldepth.io._result_record import check_unit

    check_unit(result)
    names = check_formats(formats, result.map.unit, result.optics)
    tasks = [_beside_task(write, folder) for write in beside]
    tasks += [*_picture_tasks(result, folder, input_kind), *_map_tasks(result, folder)]
    tasks += [_format_task(name, result, folder) for name in names]
    tasks += [*_transform_tasks(result, folder, transforms), *_curve_tasks(result, folder)]
    files, warnings = _run(tasks, folder)
    return [*(folder / name for name in files), write_record(result, folder, files, warnings)]


def _beside_task(write: Beside, folder: Path) -> _Task:
    return _Task("", lambda: (write(folder), ()))


def _run(tasks: Iterable[_Task], folder: Path) -> tuple[dict[str, FileFacts], tuple[str, ...]]:
    """Write and hash in two threads; the first failure cancels what has not begun."""
    files: dict[str, FileFacts] = {}
    warnings: list[str] = []
    with ThreadPoolExecutor(2, thread_name_prefix="focaldepth-write") as pool:
        waiting = [pool.submit(_write_and_hash, task, folder) for task in tasks]
        try:
            for future in as_completed(waiting):
                made, said = future.result()
                files |= made
                warnings += said
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return dict(sorted(files.items())), tuple(warnings)


def _write_and_hash(task: _Task, folder: Path) -> tuple[dict[str, FileFacts], tuple[str, ...]]:
    paths, warnings = task.write()
    names = {p.relative_to(folder).as_posix(): p for p in paths}
    return {n: file_facts(p, task.what or _WHAT.get(n, "further file")) for n, p in names.items()}, warnings


def file_facts(path: Path, what: str) -> FileFacts:
    """Describe a file: what it holds, its size and its sha256."""
    from focaldepth.io._result_schema import FileFacts

    with path.open("rb", buffering=0) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileFacts(what=what, bytes=path.stat().st_size, sha256=digest)


def write_record(
    result: DepthResult, folder: Path, files: dict[str, FileFacts], warnings: tuple[str, ...] = ()
) -> Path:
    """Write ``result.json``, which makes the folder a result."""
    from focaldepth.io._result_record import record_of

    path = folder / RECORD
    text = record_of(result, files, warnings).model_dump_json(by_alias=True, indent=2)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def _picture_tasks(result: DepthResult, folder: Path, input_kind: str | None) -> list[_Task]:
    frame, info = result.all_in_focus, result.info
    if frame is None:
        return []
    path = folder / (_PICTURE + picture_suffix(frame, input_kind or kind_of(info.files)))
    return [
        _Task("all-in-focus picture", lambda: ([path], write_picture(path, frame, exif=info.exif, icc=info.icc))),
    ]


def _map_tasks(result: DepthResult, folder: Path) -> list[_Task]:
    depth, filled = result.map, result.filled
    tasks = [_plane_task(result, folder / "depth.tiff", depth.values, depth.unit, "depth")]
    if depth.sigma is not None:
        tasks.append(_plane_task(result, folder / "sigma.tiff", depth.sigma, depth.unit, "sigma"))
    tasks.append(_plane_task(result, folder / "index.tiff", result.index, Unit.INDEX, "index"))
    tasks.append(_mask_task(folder / "valid.png", depth.valid))
    if result.source_frame is not None:
        tasks.append(_number_task(folder / _SOURCE, result.source_frame))
    if filled is not None:
        tasks.append(_plane_task(result, folder / "filled.tiff", filled.values, filled.unit, "filled depth"))
        tasks.append(_mask_task(folder / "filled.png", filled.valid & ~depth.valid))
        if filled.sigma is not None:
            path = folder / "filled_sigma.tiff"
            tasks.append(_plane_task(result, path, filled.sigma, filled.unit, "sigma of filled depth"))
    return tasks


def _context(result: DepthResult, quantity: str) -> WriteContext:
    return WriteContext(result.optics, result.axis, quantity, result.info.name, result.provenance.created)


def _plane_task(result: DepthResult, path: Path, plane: Plane, unit: Unit, quantity: str) -> _Task:
    def write() -> tuple[list[Path], tuple[str, ...]]:
        write_plane(path, plane, unit, _context(result, quantity))
        return [path], ()

    return _Task(_WHAT[path.name], write)


def _mask_task(path: Path, mask: Mask) -> _Task:
    def write() -> tuple[list[Path], tuple[str, ...]]:
        write_mask(path, mask)
        return [path], ()

    return _Task(_WHAT[path.name], write)


def _number_task(path: Path, numbers: NDArray[np.int16]) -> _Task:
    def write() -> tuple[list[Path], tuple[str, ...]]:
        _write_numbers(path, numbers.astype(np.uint8 if numbers.max() < 256 else np.uint16))
        return [path], ()

    return _Task(_WHAT[path.name], write)


def _format_task(name: str, result: DepthResult, folder: Path) -> _Task:
    writer: MapWriter = WRITERS.get(name)
    path = folder / f"depth{writer.suffix}"
    return _Task(f"depth as {writer.title}", lambda: (writer.write(path, result.map, _context(result, "depth")), ()))


def _transform_tasks(result: DepthResult, folder: Path, given: TransformFile | None) -> list[_Task]:
    if given is None and result.alignment is not None:
        given = TransformFile.of_alignment(result.alignment, result.map.shape, result.transforms)
    elif given is None and result.transforms is not None:
        rule = str(result.provenance.settings.get("align", ""))
        given = TransformFile.of(result.transforms, result.map.shape, result.info.frame_names, rule)
    if given is None:
        return []
    kept = given
    return [_Task(_WHAT["transforms.json"], lambda: ([write_transforms(folder / "transforms.json", kept)], ()))]


def _curve_tasks(result: DepthResult, folder: Path) -> list[_Task]:
    asked = result.provenance.settings.get("front_door", {}).get("curves", False)
    if not asked or not has_curves(result.extras):
        return []
    path = folder / "curves.tiff"

    def write() -> tuple[list[Path], tuple[str, ...]]:
        write_curves(path, result.extras, result.axis)
        return [path], ()

    return [_Task(_WHAT[path.name], write)]


def write_mask(path: Path, mask: Mask) -> None:
    """Write a mask as 8-bit PNG, 255 = true."""
    _write_numbers(path, mask.view(np.uint8) * np.uint8(255))


def _write_numbers(path: Path, numbers: NDArray[Any]) -> None:
    import cv2

    options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    good, encoded = cv2.imencode(".png", numbers, options)
    if not good:
        raise WriteError("OpenCV could not encode it.", where=path)
    path.write_bytes(encoded.data)


def read_mask(path: Path) -> Mask:
    """Read a mask of `write_mask`."""
    return np.asarray(read_picture(path)[..., 0] > 127)


def load(folder: str | PathLike[str]) -> DepthResult:
    """Read a result folder back; `extras` (material of the report) are not stored.

    Raises:
        ReadError: not a result, or a file of it is missing or broken.
    """
    from focaldepth.io import _result_record as records

    folder = Path(folder)
    record = records.read_record(folder / RECORD)
    unit = record.unit.name
    depth = _load_map(folder, "depth.tiff", "sigma.tiff", "valid.png", unit, record.size)
    filled = None
    if "filled.tiff" in record.files:
        filled = _load_map(folder, "filled.tiff", "filled_sigma.tiff", "", unit, record.size)
    picture = next((folder / name for name in record.files if Path(name).stem == _PICTURE), None)
    exif, icc = (None, None) if picture is None or not picture.is_file() else read_tags(picture)
    known = "transforms.json" in record.files
    frames = read_transforms(folder / "transforms.json") if known else None
    return DepthResult(
        map=depth,
        axis=records.axis_of(record),
        optics=records.optics_of(record),
        index=_load_plane(folder / "index.tiff", record.size),
        provenance=records.provenance_of(record),
        filled=filled,
        all_in_focus=None if picture is None else read_picture(picture),
        source_frame=_load_numbers(folder / _SOURCE, record.size) if _SOURCE in record.files else None,
        transforms=None if frames is None else frames.of_result(),
        alignment=None if frames is None else frames.alignment(),
        info=records.info_of(record, exif, icc),
    )


def _load_map(folder: Path, depth: str, sigma: str, valid: str, unit: Unit, size: tuple[int, int]) -> DepthMap:
    values = _load_plane(folder / depth, size)
    spread = _load_plane(folder / sigma, size) if (folder / sigma).is_file() else None
    mask = read_mask(folder / valid) if valid else np.isfinite(values)
    if mask.shape != values.shape:
        raise ReadError(f"is {mask.shape}, the depth is {values.shape}.", where=folder / valid, hint="Run it again.")
    return DepthMap(values, unit, mask, spread)


def _load_plane(path: Path, size: tuple[int, int]) -> Plane:
    values, _ = read_plane(path)
    if values.shape != tuple(size):
        raise ReadError(f"is {values.shape}, result.json says {tuple(size)}.", where=path, hint="Run it again.")
    return values


def _load_numbers(path: Path, size: tuple[int, int]) -> NDArray[np.int16]:
    numbers = read_picture(path)[..., 0].astype(np.int16)
    if numbers.shape != tuple(size):
        raise ReadError(f"is {numbers.shape}, result.json says {tuple(size)}.", where=path, hint="Run it again.")
    return numbers

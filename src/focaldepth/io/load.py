"""Open a focal stack: from files to frames, focus positions and lens facts, each with its origin."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import StackError
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack, FrameSource, SelectedSource, StackInfo
from focaldepth.io._checks import check_size, look, twins
from focaldepth.io._files import FileSource, PictureEntry, channel_number, misnamed, read_entries, same_kind
from focaldepth.io._focus import NO_UNIT, Focus, Located, from_argument, locate, locate_container, unused_unit
from focaldepth.io._inputs import Formats, Found, find
from focaldepth.io._lens import FOCAL_LENGTH, known_focal_length, lens_facts
from focaldepth.io._numbers import is_relative
from focaldepth.io._order import natural_order, order_by
from focaldepth.io._reader import MAX_PIXELS, Container, ContainerReader, PictureFile, PictureReader, ReadOptions
from focaldepth.io._sidecar import Positions, find_sidecar
from focaldepth.io._truth import TRUTH, read_truth
from focaldepth.io.light_field import is_light_field, light_field_sample

_log = logging.getLogger(__name__)


def load_stack(
    inputs: str | Path | Sequence[str | Path],
    *,
    focus: Focus = None,
    focus_unit: str | None = None,
    reverse: bool = False,
    channel: str | int | None = None,
    dataset: str | None = None,
    axes: str | None = None,
    log: str | Path | None = None,
    skip_bad_frames: bool = False,
    optics: Optics | None = None,
    name_pattern: str | None = None,
    max_pixels: int = MAX_PIXELS,
) -> FocalStack:
    """Open a focal stack without decoding more than a look at it needs; `load_sample` brings its truth, too.

    Frames stand in the order of their focus positions, else of their plane index, else of their names with numbers by
    value; `info.order_rule` says which. Positions come from the first of: `focus`, a sidecar beside the pictures, the
    container, EXIF and MakerNotes, numbers in names, frame numbers; `info.focus_origin` says which.

    Args:
        inputs: folder, glob pattern, list of pictures, zip archive, or a file that holds a stack.
        focus: positions: numbers, "0.1,0.2", "start:stop:count", a FocusAxis, or the path of a sidecar. A list counts
            the frames in natural name order, or in the order of `inputs` where that is a list in an order of its own.
        focus_unit: what the numbers are in ("m", "mm", "um", "dioptre" ..., or "relative" for numbers that only order
            the frames) where they do not say so themselves.
        reverse: last frame first; a list in `focus` then counts from the last frame.
        channel: number or name of the only channel to read.
        dataset: name of the dataset in HDF5 or zarr.
        axes: letters of its axes.
        log: position log of a video sweep.
        skip_bad_frames: decode every frame once, go on without those that cannot be used, and name them.
        optics: facts about the lens, which go before those of the files.
        name_pattern: where the position stands in file names, such as "image_*_{focus}.jpg".
        max_pixels: largest frame that is decoded, against decompression bombs.

    Returns:
        The stack; `info` tells order, origins, frames left out and warnings.

    Raises:
        ReadError: a file does not exist, is damaged or of no known format.
        StackError: the frames do not make a stack.
        AxisError, UnitError: positions do not fit or are impossible.

    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> with TemporaryDirectory() as folder:
    ...     for i in (1, 2, 10):
    ...         Image.fromarray(np.eye(8, k=i % 3, dtype=np.uint8)).save(f"{folder}/img{i}.png")
    ...     stack = load_stack(folder, focus="350,400,450", focus_unit="mm")
    >>> stack.info.frame_names, stack.axis.values.tolist()
    (('img1.png', 'img2.png', 'img10.png'), [0.35, 0.4, 0.45])
    """
    wish = _Wish(
        focus, focus_unit, reverse, channel, dataset, axes, log, skip_bad_frames, optics, name_pattern, max_pixels
    )
    return _open(inputs, wish).stack


def load_sample(inputs: str | Path | Sequence[str | Path], **options: Any) -> Sample:
    """Open a stack with the truth that its file carries (plain npz); arguments and errors as `load_stack`.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     frames, depth = np.zeros((2, 4, 5), np.uint8), np.full((4, 5), 1.5, np.float32)
    ...     np.savez(f"{folder}/a.npz", frames=frames, focus=[1, 2], focus_unit="metre", depth=depth)
    ...     load_sample(f"{folder}/a.npz").truth.values[0, 0]
    np.float32(1.5)
    """
    return _open(inputs, _Wish(**options))


def _open(inputs: str | Path | Sequence[str | Path], wish: _Wish) -> Sample:
    if wish.dataset is None and wish.axes is None and is_light_field(inputs):
        unused = {"channel": wish.channel, "log": wish.log, "name pattern": wish.name_pattern}
        sample = light_field_sample(
            inputs, wish.positions, wish.focus_unit, wish.reverse, wish.optics, wish.max_pixels, unused
        )
    else:
        formats = Formats.all()
        found = find(inputs, formats)
        if found.container is not None:
            sample = _open_container(found, *found.container, wish)
        else:
            sample = _open_pictures(found, formats, wish)
    for warning in sample.stack.info.warnings:
        _log.warning("%s: %s", sample.name, warning)
    return sample


@dataclass(frozen=True)
class _Wish:
    """What the caller asked for; see `load_stack`."""

    focus: Focus = None
    focus_unit: str | None = None
    reverse: bool = False
    channel: str | int | None = None
    dataset: str | None = None
    axes: str | None = None
    log: str | Path | None = None
    skip_bad_frames: bool = False
    optics: Optics | None = None
    name_pattern: str | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.focus_unit is not None and not is_relative(self.focus_unit):
            Unit.parse_scaled(self.focus_unit)

    @cached_property
    def positions(self) -> Positions | None:
        """Positions that the caller gives, for the frames as they lie."""
        given = from_argument(self.focus)
        return given.reversed() if given is not None and given.names is None and self.reverse else given

    @property
    def options(self) -> ReadOptions:
        """What concerns containers."""
        channel, log = self.channel, self.log
        return ReadOptions(
            None if channel is None else str(channel),
            self.dataset,
            self.axes,
            None if log is None else Path(log),
            self.focus_unit,
        )


def _open_pictures(found: Found, formats: Formats, wish: _Wish) -> Sample:
    files, rule = _in_order(found, wish.positions)
    if len(files) < 2:
        raise _too_few(found, len(files))
    readers = _readers(files, formats)
    entries, skipped = read_entries(files, readers, wish.max_pixels, wish.skip_bad_frames)
    other_kind = misnamed(entries, readers)
    entries, odd = same_kind(entries, wish.skip_bad_frames)
    skipped |= odd
    located = locate(
        files,
        entries,
        wish.positions,
        wish.focus_unit,
        beside=found.beside,
        siblings=found.siblings,
        name_pattern=wish.name_pattern,
        focal_length_m=known_focal_length(wish.optics, found.beside),
    )
    kept, axis, rule, sorting = _arranged(entries, located, rule, wish.reverse)
    if len(kept) < 2:
        raise _too_few(found, len(kept), skipped)
    source, seen = _source(kept, wish, found.where)
    reference = len(kept) // 2
    lens, doubts = lens_facts(wish.optics, found.beside, [e.facts.optics for e in kept], reference, axis)
    left_out = [f"Left out {n}: {why}" for n, why in skipped.items()]
    facts = kept[reference].facts
    info = StackInfo(
        name=found.name,
        frame_names=tuple(e.name for e in kept),
        files=found.files or tuple(str(e.file) for e in kept),
        order_rule=rule,
        focus_origin=located.origin,
        exif=facts.exif,
        icc=facts.icc,
        reference=reference,
        skipped=skipped,
        warnings=(
            *found.warnings,
            *_idle(wish, None),
            *left_out,
            *other_kind,
            *located.warnings,
            *sorting,
            *seen,
            *doubts,
        ),
        extra=_extra(found, located, kept, entries),
    )
    stack = FocalStack(source, axis, lens, facts.transfer, info)
    truth, frame = read_truth(found.beside, source.shape)
    return Sample(stack, truth, reference=frame, name=found.name)


def _in_order(found: Found, focus: Positions | None) -> tuple[list[PictureFile], str]:
    """Files in the order in which a list of positions counts them.

    A list of pictures in an order of its own counts in that order when positions come with it; without them nothing
    but names is known.
    """
    if found.deliberate and focus is not None and focus.names is None:
        return list(found.pictures), "as given"
    return natural_order(found.pictures)


def _readers(files: Sequence[PictureFile], formats: Formats) -> list[PictureReader]:
    """One reader per file, tuned to the reference frame."""
    plain = [formats.pictures[f.suffix.lower()] for f in files]
    middle = len(files) // 2
    tuned = plain[middle].like(files[middle])
    return [tuned if r is plain[middle] else r for r in plain]


def _arranged(
    entries: Sequence[PictureEntry | None], located: Located, rule: str, reverse: bool
) -> tuple[list[PictureEntry], FocusAxis, str, list[str]]:
    """Drop bad frames, sort by position where positions are out of order, and build the axis."""
    chosen = [i for i, e in enumerate(entries) if e is not None]
    kept = [e for e in entries if e is not None]
    values = None if located.values is None else located.values[chosen]
    notes: list[str] = []
    if values is not None:
        rule = "focus position, order only" if located.relative else "focus distance"
        order = order_by(values)
        if order is not None:
            notes = [_sorted_note(located.origin, kept[_first_moved(order)].name)]
            kept, values = [kept[i] for i in order], values[order]
    if reverse:
        kept, values = kept[::-1], None if values is None else values[::-1]
    if values is None or located.relative or len(kept) < 2:
        return kept, FocusAxis.frames(max(len(kept), 1)), rule, notes
    return kept, FocusAxis(values, located.unit), rule, notes


def _first_moved(order: NDArray[np.intp]) -> int:
    return int(np.argmax(order != np.arange(len(order))))


def _sorted_note(origin: str, first: str) -> str:
    return f"Focus positions of {origin} are out of order (first at {first}); frames were sorted by position."


def _too_few(found: Found, n: int, skipped: dict[str, str] | None = None) -> StackError:
    left = f" after leaving out {', '.join(skipped)}" if skipped else ""
    return StackError(
        f"a focal stack needs at least 2 frames, found {n}{left}.",
        where=found.where,
        hint="Give a folder or several pictures of the same scene, each focused at another distance.",
    )


def _source(kept: Sequence[PictureEntry], wish: _Wish, where: str) -> tuple[FrameSource, list[str]]:
    h, w, c = kept[0].facts.shape
    channel = None if wish.options.channel is None else channel_number(wish.options.channel, c)
    source: FrameSource = FileSource(
        files=tuple(e.file for e in kept),
        readers=tuple(e.reader for e in kept),
        shape=(h, w, c if channel is None else 1),
        dtype=kept[0].facts.dtype,
        white=max(e.facts.white for e in kept),
        max_pixels=wish.max_pixels,
        channel=channel,
    )
    check_size(source, where)
    sizes = [e.file.stat().st_size for e in kept if isinstance(e.file, Path)]
    source, seen = look(source, [e.name for e in kept], sizes)
    return source, [*twins([e.file for e in kept]), *seen]


def _extra(
    found: Found, located: Located, kept: Sequence[PictureEntry], entries: Sequence[PictureEntry | None]
) -> dict[str, Any]:
    """What else is worth keeping: files that were there and not used, positions that only order."""
    sidecar, _ = find_sidecar(found.beside)
    used = {FOCAL_LENGTH, TRUTH, sidecar.name if sidecar else ""}
    ignored = [f.name for f in found.beside if f.name not in used]
    extra: dict[str, Any] = {"ignored": ignored} if ignored else {}
    place = {id(e): i for i, e in enumerate(entries)}
    return extra | _relative_extra(located, [place[id(e)] for e in kept])


def _relative_extra(located: Located, order: Sequence[int]) -> dict[str, Any]:
    """Positions that only order the frames, in the order of the stack."""
    if not located.relative or located.values is None:
        return {}
    return {"relative_positions": located.values[list(order)].tolist()}


def _idle(wish: _Wish, reader: ContainerReader | None) -> list[str]:
    """Name options that have nothing to act on; an option must not be lost in silence."""
    options, positional = wish.options, wish.positions is not None or reader is not None
    given: dict[str, object] = {"name pattern": wish.name_pattern if positional else None}
    given["log"] = None if getattr(reader, "takes_log", False) else options.log
    if reader is None:
        given |= {"dataset": options.dataset, "axes": options.axes}
    idle = [name for name, value in given.items() if value is not None]
    if not idle:
        return []
    why = "positions are given" if idle == ["name pattern"] and reader is None else "the input does not need it"
    return [f"Not used: {', '.join(idle)}; {why}."]


def _open_container(found: Found, path: Path, reader: ContainerReader, wish: _Wish) -> Sample:
    held = reader.open(path, wish.options)
    _check_one_set(found, held)
    n = len(held.source)
    if n < 2:
        raise _too_few(found, n)
    check_size(held.source, found.where)
    names = held.frame_names or tuple(f"{path.name}[{i}]" for i in range(n))
    located = locate_container(n, wish.positions, wish.focus_unit, found.beside)
    axis, order, notes = _container_axis(held, located, names, wish)
    known = located.values is not None or held.axis is not None
    source, seen = look(held.source, names, ())
    lens, doubts = lens_facts(wish.optics, found.beside, [held.optics], 0, axis)
    info = StackInfo(
        name=found.name,
        frame_names=tuple(names[i] for i in order),
        files=tuple(held.extra.get("files", found.files)),
        order_rule="focus distance" if known else "plane index",
        focus_origin=located.origin if located.values is not None else held.focus_origin if known else "none",
        exif=held.exif,
        icc=held.icc,
        reference=n // 2,
        skipped=held.skipped,
        warnings=(*found.warnings, *_idle(wish, reader), *held.warnings, *located.warnings, *notes, *seen, *doubts),
        extra={**held.extra, **_relative_extra(located, order)},
    )
    source = source if order == list(range(n)) else SelectedSource(source, tuple(order))
    return _with_truth(FocalStack(source, axis, lens, held.transfer, info), held, order)


def _check_one_set(found: Found, held: Container) -> None:
    """Files that were taken for one set must all be named by its description."""
    members = {name.lower() for name in held.extra.get("set", ())}
    others = [f for f in found.files if members and Path(f).name.lower() not in members]
    if len(found.files) > 1 and others:
        names = ", ".join(Path(f).name for f in found.files[:5])
        raise StackError(
            f"holds files of more than one stack: {names}.", where=found.where, hint="Give one of them at a time."
        )


def _with_truth(stack: FocalStack, held: Container, order: Sequence[int]) -> Sample:
    """Bring along what a container knows of its scene; depth without a unit is no truth."""
    depth, unit, frame = (held.truth.get(name) for name in ("depth", "depth_unit", "reference_frame"))
    truth = None if depth is None or unit is None else DepthMap(depth, Unit.parse(unit), np.isfinite(depth))
    moved = held.truth.get("registered") is not True  # of frames that lie on one another the truth belongs to all
    reference = order.index(frame) if moved and isinstance(frame, int) and frame in order else None
    return Sample(stack, truth, held.truth.get("all_in_focus"), reference, stack.info.name)


def _container_axis(
    held: Container, located: Located, names: Sequence[str], wish: _Wish
) -> tuple[FocusAxis, list[int], list[str]]:
    """The axis, the order of frames that makes it monotone, and what to say of it."""
    n = len(held.source)
    order, notes = list(range(n)), []
    values, unit = located.values, located.unit
    if values is None and held.axis is not None:
        values, unit = held.axis.values, held.axis.unit
        notes += [] if held.unit_taken else unused_unit(wish.focus_unit, unit.value, held.focus_origin)
    elif values is None:
        notes += [NO_UNIT, *unused_unit(wish.focus_unit, None)]
    else:
        moved = order_by(values)
        if moved is not None:
            notes.append(_sorted_note(located.origin, names[_first_moved(moved)]))
            order = [int(i) for i in moved]
    order = order[::-1] if wish.reverse else order
    if values is None or located.relative:
        return FocusAxis.frames(n), order, notes
    return FocusAxis(values[order], unit), order, notes

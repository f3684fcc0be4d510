"""What a look at the pixels tells before the run: full scale and frames without a picture."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from focaldepth.core.errors import StackError
from focaldepth.core.frame import float_scale
from focaldepth.core.stack import DerivedSource, FrameSource

MIN_SIDE = 3
"""Smallest width and height of a frame: every focus measure needs a neighbour on both sides."""

_SMALL_STACK = 64_000_000
_SAMPLED = 5
_SCALES = (255, 1023, 4095)
_THIN_FILE = 1 / 3
_SAMPLE = 4096
_MOST_TOLD = 3


@dataclass(frozen=True)
class WhiteSource(DerivedSource):
    """Another source whose full scale is known better than its data type tells."""

    full_scale: float

    @property
    def white(self) -> float:
        """Value of full scale."""
        return self.full_scale


def check_size(source: FrameSource, where: object) -> None:
    """Refuse frames too small to measure focus in."""
    h, w, _ = source.shape
    if min(h, w) < MIN_SIDE:
        raise StackError(
            f"frames are {w} x {h} px; depth from focus needs at least {MIN_SIDE} x {MIN_SIDE}.",
            where=where,
            hint="Is this a line scan or a thumbnail? Give the full pictures.",
        )


def look(source: FrameSource, names: Sequence[str], sizes: Sequence[int]) -> tuple[FrameSource, list[str]]:
    """Look at some pixels: set the full scale of dim 16-bit and of float data, find constant frames.

    Args:
        source: the frames.
        names: (N) names of frames.
        sizes: (N) file sizes in bytes, to suspect empty frames of large stacks; empty where unknown.

    Returns:
        The source, with another `white` where its values ask for it; warnings.
    """
    n = len(source)
    h, w, c = source.shape
    chosen = set(range(n)) if n * h * w * c <= _SMALL_STACK else _suspects(sizes)
    measured = source.dtype.kind == "f" or source.white == 65535
    sampled = {round(i) for i in np.linspace(0, n - 1, min(n, _SAMPLED))} if measured else set()
    top, constant = 0.0, []
    for i in sorted(chosen | sampled):
        if i not in chosen and source.white == 65535 and top > _SCALES[-1]:
            continue
        frame = source.read(i) if measured else source.preview(i, 8 if min(h, w) > 64 else 1)
        low, high = float(frame.min()), float(frame.max())
        top = max(top, high)
        constant += [names[i]] if low == high else []
    warnings = _constant(constant, n)
    white = _white(source, top) if measured else source.white
    if white == source.white:
        return source, warnings
    warnings.append(
        f"Values reach only {top:g} of {source.white:g}; {white:g} is taken for full scale."
        if white < source.white
        else f"Float values reach {top:g}; {white:g} is taken for full scale."
    )
    return WhiteSource(source, white), warnings


def twins(files: Sequence[object]) -> list[str]:
    """Name picture files that are copies of one another; a frame that counts twice flattens the peak.

    Args:
        files: files of the frames; members of an archive are not compared.
    """
    by_size: dict[int, list[Path]] = {}
    for file in files:
        if isinstance(file, Path):
            by_size.setdefault(file.stat().st_size, []).append(file)
    copies: dict[Path, list[str]] = {}
    for alike in by_size.values():
        first: dict[bytes, Path] = {}
        for path in alike if len(alike) > 1 else []:
            other = first.setdefault(_samples(path), path)
            if other is not path and filecmp.cmp(other, path, shallow=False):
                copies.setdefault(other, []).append(path.name)
    told = [_told_copies(original.name, names) for original, names in copies.items()]
    if len(told) > _MOST_TOLD:
        rest = sum(len(names) for names in list(copies.values())[_MOST_TOLD:])
        told[_MOST_TOLD:] = [f"{rest} more frames are copies of {len(copies) - _MOST_TOLD} others."]
    return told


def _told_copies(original: str, names: list[str]) -> str:
    if len(names) == 1:
        return f"{names[0]}: is a copy of {original}. Take one of them out."
    more = f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
    return f"{', '.join(names[:_MOST_TOLD])}{more}: are copies of {original}. Keep one of them."


def _samples(path: Path) -> bytes:
    """Some bytes from all over a file, so that few files must be compared whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        parts = []
        for share in (0.0, 0.3, 0.5, 0.7, 1.0):
            file.seek(int(share * max(size - _SAMPLE, 0)))
            parts.append(file.read(_SAMPLE))
    return b"".join(parts)


def _suspects(sizes: Sequence[int]) -> set[int]:
    """Frames of a large stack whose files are so small that they may hold nothing."""
    if not sizes:
        return set()
    limit = float(np.median(sizes)) * _THIN_FILE
    return {i for i, size in enumerate(sizes) if size < limit}


def _white(source: FrameSource, top: float) -> float:
    if top <= 0:
        return source.white
    if source.dtype.kind == "f":
        return float_scale(max(top, source.white))
    return float(next((s for s in _SCALES if top <= s), source.white))


def _constant(names: Iterable[str], n: int) -> list[str]:
    listed = list(names)
    if not listed:
        return []
    if len(listed) == n:
        return ["All frames are constant: there is nothing to measure focus on."]
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return [f"Constant frames without a picture: {', '.join(listed[:3])}{more}."]

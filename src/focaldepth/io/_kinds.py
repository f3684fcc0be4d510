"""What the names of pictures tell together: every frame twice, several channels, one that is none of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from focaldepth.core.errors import StackError
from focaldepth.io._reader import PictureFile

_NUMBER = re.compile(r"\d+")
_FIELD = re.compile(r"(?:^|[^a-z])(channel|ch|c|w|wv|time|t|position|pos|xy|field|series)[_\- ]?$", re.I)
_ELSEWHERE = {
    (".heic", ".heif", ".avif", ".jxl", ".jp2", ".gif", ".psd", ".jxr", ".exr", ".hdr"): "JPEG, PNG or TIFF",
    (".czi", ".nd2", ".lif", ".oib", ".oif", ".vsi", ".ims", ".stk", ".dv", ".mrxs", ".ndpi"): "OME-TIFF",
}


def check_names(pictures: Sequence[PictureFile], where: str) -> None:
    """Refuse what holds every frame more than once: RAW + JPEG, several channels or time points.

    Raises:
        StackError: and a pattern that chooses one of them.
    """
    _no_pairs(pictures, where)
    _no_word_kinds([p.name for p in pictures], where)
    _no_numbered_kinds([p.name for p in pictures], where)


def strangers(names: Sequence[str]) -> list[str]:
    """Return a warning on the one or two names that are not built like all others, such as a stacked picture.

    >>> strangers(["a1.jpg", "a2.jpg", "a3.jpg", "a4.jpg", "a_stacked.tif"])
    ['a_stacked.tif: its name is unlike those of the other frames. If it is no frame, take it out of the folder.']
    """
    built = [_skeleton(name) for name in names]
    most, count = Counter(built).most_common(1)[0]
    odd = [name for name, shape in zip(names, built, strict=True) if shape != most]
    if not odd or len(odd) > 2 or count < 4:
        return []
    text = "its name is unlike those of the other frames. If it is no frame, take it out of the folder."
    return [f"{name}: {text}" for name in odd]


def unreadable_hint(names: Sequence[str]) -> str:
    """Return what to do with a folder of a known format that cannot be read; "" for other files."""
    for suffixes, target in _ELSEWHERE.items():
        found = [n for n in names if PurePath(n).suffix.lower() in suffixes]
        if found:
            return f"{PurePath(found[0]).suffix.lower()} files cannot be read: export them as {target}."
    return ""


def _skeleton(name: str) -> str:
    return _NUMBER.sub("#", name).casefold()


def _no_pairs(pictures: Sequence[PictureFile], where: str) -> None:
    by_stem: dict[str, set[str]] = {}
    for p in pictures:
        by_stem.setdefault(p.stem, set()).add(p.suffix)
    paired = [s for s in by_stem.values() if len(s) > 1]
    if len(paired) < 2 or 2 * len(paired) < len(by_stem):
        return
    counts = Counter(suffix for s in by_stem.values() for suffix in s)
    suffixes = sorted(s for s in counts if s in set().union(*paired))
    best = max(suffixes, key=lambda s: counts[s])
    raise StackError(
        f"holds every frame in {len(suffixes)} formats: {', '.join(suffixes)}."
        if len(paired) == len(by_stem)
        else f"holds {len(paired)} of {len(by_stem)} frames in {len(suffixes)} formats: {', '.join(suffixes)}.",
        where=where,
        hint=f"Choose one with a pattern such as '*{best}'.",
    )


def _no_word_kinds(names: Sequence[str], where: str) -> None:
    """Names that differ in a word while the numbers repeat: s_z00_DAPI.tif, s_z00_GFP.tif."""
    numbers: dict[str, list[tuple[str, ...]]] = {}
    for name in names:
        numbers.setdefault(_skeleton(name), []).append(tuple(_NUMBER.findall(name)))
    if len(numbers) < 2 or len({tuple(sorted(n)) for n in numbers.values()}) != 1:
        return
    if len(next(iter(numbers.values()))) < 2:
        return
    first = {kind: next(n for n in names if _skeleton(n) == kind) for kind in sorted(numbers)}
    raise StackError(
        f"holds every frame in {len(numbers)} kinds: {', '.join(list(first.values())[:3])}.",
        where=where,
        hint=f"Choose one with a pattern such as '{_NUMBER.sub('*', min(first.values()))}'.",
    )


def _no_numbered_kinds(names: Sequence[str], where: str) -> None:
    """A counter of channels, times or places beside that of the frames: img_channel000_z001.tif."""
    if len({_skeleton(n) for n in names}) != 1:
        return
    table = [_NUMBER.findall(n) for n in names]
    varying = [i for i in range(len(table[0])) if len({row[i] for row in table}) > 1]
    if len(varying) < 2:
        return
    for i in varying:
        before = _NUMBER.split(names[0])[i]
        word = _FIELD.search(before)
        values = sorted({row[i] for row in table})
        if word is None or len({(row[i], *row[:i], *row[i + 1 :]) for row in table}) < len(table):
            continue
        rest = [{tuple(row[:i] + row[i + 1 :]) for row in table if row[i] == v} for v in values]
        if any(r != rest[0] for r in rest) or len(rest[0]) < 2:
            continue
        parts = _NUMBER.split(names[0])
        chosen = "".join(p + (values[0] if k == i else "*") for k, p in enumerate(parts[:-1])) + parts[-1]
        raise StackError(
            f"holds every frame for {len(values)} values of {word[1]!r}: {', '.join(values[:4])}.",
            where=where,
            hint=f"Choose one with a pattern such as '{chosen}'.",
        )

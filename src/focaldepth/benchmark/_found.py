"""What a suite has to work on: published data sets by name, and every other stack with truth below a folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from focaldepth.benchmark._protocol import PROTOCOLS
from focaldepth.benchmark._suite import Suite, Wanted
from focaldepth.core.errors import FocalDepthError, ReadError, StackError, UnknownNameError
from focaldepth.core.sample import Item, Sample
from focaldepth.datasets._dataset import DATASETS, dataset
from focaldepth.datasets.plain import stacks_at

_NUMBERED = re.compile(r"(.+?)[_-]\d+")


@dataclass(frozen=True)
class Found:
    """Stacks that are judged together.

    Attributes:
        name: of the data set, or of the family: the part of the file names before a number, else the folder.
        protocol: by which they are judged.
        items: the stacks; empty where only published numbers exist.
        place: file or folder, for people.
        published: it is the data set of that name, so published numbers by its protocol compare.
        missing: why there are no stacks; empty when there are.
    """

    name: str
    protocol: str
    items: tuple[Item, ...] = ()
    place: str = ""
    published: bool = False
    missing: str = ""

    @property
    def key(self) -> str:
        """Unique in a suite: a data set may be judged by several protocols."""
        return f"{self.name}, {self.protocol}" if self.published else self.name


def find_data(suite: Suite, root: str | Path | None, only: Sequence[str] = ()) -> list[Found]:
    """Look for the data of a suite below a folder.

    Args:
        suite: says which data sets it is about, and how other stacks are judged.
        root: the folder; None = only published numbers.
        only: names of data sets or families; empty = all.

    Returns:
        Families first, then the data sets of the suite, those that are missing among them.

    Raises:
        ReadError: there is no such folder.
        StackError: it holds nothing that the suite can use.
        UnknownNameError: `only` names nothing that was found or is known.
    """
    folder = None if root is None else Path(root)
    if folder is not None and not folder.exists():
        raise ReadError("does not exist.", where=folder, hint="Give the folder of your data sets with --root.")
    wanted = [_published(one, folder) for one in suite.wanted]
    taken = [Path(one.place) for one in wanted if one.items]
    families = [] if folder is None else _families(folder, suite, taken)
    found = [*families, *wanted]
    if only:
        names = {one.name for one in found}
        unknown = [name for name in only if name not in names]
        if unknown:
            raise UnknownNameError("data set", unknown[0], names, where=folder or "--data")
        found = [one for one in found if one.name in only]
    absent = [one.missing for one in found if one.missing]
    if folder is not None and not any(one.items for one in found):
        looked = f" {absent[0]}" if only and absent else ""
        what = "stacks whose frames are not in one geometry" if suite.unregistered else "stack with a truth"
        raise StackError(
            f"holds no {what} that the suite can use.{looked}",
            where=folder,
            hint="Leave --root away to see the published numbers alone.",
        )
    return found


def _published(wanted: Wanted, root: Path | None) -> Found:
    """Look for a data set by name, in a folder of its name and in the root itself."""
    blank = Found(wanted.dataset, wanted.protocol, published=True)
    if root is None:
        return replace(blank, missing="no --root was given.")
    readers = [n for n in DATASETS.names() if wanted.protocol in DATASETS.get(n).spec.protocols and n != "plain"]
    if not readers:
        return replace(blank, missing=f"no reader of a data set for {wanted.protocol} is installed.")
    reasons = []
    for name in readers:
        made = dataset(name)
        split = PROTOCOLS.get(wanted.protocol).split_of(made.spec.splits)
        named = [p for p in sorted(root.iterdir()) if _plain(p.name) == _plain(name)] if root.is_dir() else []
        for place in (*named, root):
            try:
                items = made.items(place, split)
            except FocalDepthError as error:
                reasons.append(str(error))
                continue
            if items:
                return replace(blank, items=tuple(items), place=str(place))
    return replace(blank, missing=reasons[0] if reasons else f"{root} holds no {wanted.dataset}.")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _families(root: Path, suite: Suite, taken: Sequence[Path]) -> list[Found]:
    """Class the stacks below a folder; those of data sets that were found by name are left out."""
    grouped: dict[str, list[tuple[Path, str, Callable[[], Sample]]]] = {}
    for place, name, opener in (*stacks_at(root, {}), *_light_fields(root)):
        if not any(folder == place or folder in place.parents for folder in taken):
            grouped.setdefault(_family(place, name, root), []).append((place, name, opener))
    found = []
    for family, stacks in grouped.items():
        names = Counter(name for _, name, _ in stacks)
        items = tuple(
            Item(unique, partial(_named, opener, unique))
            for place, name, opener in stacks
            for unique in (name if names[name] == 1 else f"{place}/{name}",)
        )
        if not suite.unregistered or _unregistered(items[0]):
            found.append(Found(family, suite.protocol, items, str(stacks[0][0].parent)))
    return sorted(found, key=lambda one: one.name)


def _family(place: Path, name: str, root: Path) -> str:
    """The part of a file's name before a number, else the folder; of a stack in a folder of its own that above."""
    if name not in (place.stem, place.name):  # one of several scenes of a file or folder
        return _before_number(place.stem) or place.stem
    if place.is_file():
        return _before_number(place.stem) or (place.stem if place == root else place.parent.name)
    return place.name if place in (root, root / place.name) else place.parent.name


def _before_number(name: str) -> str:
    match = _NUMBERED.fullmatch(name)
    return match[1] if match else ""


def _light_fields(root: Path) -> Iterator[tuple[Path, str, Callable[[], Sample]]]:
    """Folders of the 4D Light Field benchmark with their truth."""
    for file in sorted(root.rglob("parameters.cfg")) if root.is_dir() else ():
        if any(file.parent.glob("gt_disp_*.pfm")):
            yield file.parent, file.parent.name, partial(_light_field, file.parent)


def _light_field(folder: Path) -> Sample:
    from focaldepth.io.load import load_sample

    return load_sample(folder)


def _named(opener: Callable[[], Sample], name: str) -> Sample:
    return replace(opener(), name=name)


def _unregistered(item: Item) -> bool:
    try:
        return item.open().reference is not None
    except FocalDepthError:
        return False

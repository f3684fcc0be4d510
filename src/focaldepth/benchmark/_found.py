"""What a suite has to work on: published data sets by name, and every other stack with truth below a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from focaldepth.benchmark._suite import Suite, Wanted
from focaldepth.core.errors import FocalDepthError, ReadError, StackError, UnknownNameError
from focaldepth.core.sample import Item, Sample
from focaldepth.datasets._dataset import DATASETS, dataset
from focaldepth.datasets.plain import stacks_of

_NUMBERED = re.compile(r"(.+?)[_-]\d+")
_CONTAINERS = (".npz", ".h5", ".hdf5")


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
        split = wanted.split or next((s for s in _splits(wanted.protocol) if s in made.spec.splits), "")
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


def _splits(protocol: str) -> tuple[str, ...]:
    """Splits that a protocol may mean, the likeliest first."""
    return ("val", "validation", "test") if "val" in protocol.split("-") else ("test", "val", "validation")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _families(root: Path, suite: Suite, taken: Sequence[Path]) -> list[Found]:
    """Class the stacks below a folder; those of data sets that were found by name are left out."""
    grouped: dict[str, list[Path]] = {}
    for path in _stacks(root):
        if not any(place == path or place in path.parents for place in taken):
            grouped.setdefault(_family(path, root), []).append(path)
    found = []
    for name, paths in grouped.items():
        items = tuple(_item(path) for path in paths) if _light_field(paths[0]) else tuple(stacks_of(paths))
        if not suite.unregistered or _unregistered(items[0]):
            found.append(Found(name, suite.protocol, items, str(paths[0].parent)))
    return found


def _stacks(folder: Path) -> Iterator[Path]:
    """Files that may carry a truth, folders of pictures with one, light fields."""
    if folder.is_file():
        yield folder
        return
    if any(folder.glob("ground_truth_*.npy")) or _light_field(folder):
        yield folder
        return
    for inner in sorted(folder.iterdir()):
        if inner.is_file() and inner.suffix.lower() in _CONTAINERS:
            yield inner
        elif inner.is_dir() and not inner.name.startswith("."):
            yield from _stacks(inner)


def _light_field(path: Path) -> bool:
    """A folder of the 4D Light Field benchmark with its truth."""
    return path.is_dir() and (path / "parameters.cfg").is_file() and any(path.glob("gt_disp_*.pfm"))


def _family(path: Path, root: Path) -> str:
    match = _NUMBERED.fullmatch(path.stem)
    if match and path.is_file():
        return match[1]
    if _light_field(path):
        return path.parent.name if path != root else path.name
    return path.parent.name if path not in (root, root / path.name) else path.stem


def _item(folder: Path) -> Item:
    return Item(folder.name, partial(_light_field_sample, folder))


def _light_field_sample(folder: Path) -> Sample:
    from focaldepth.io.load import load_sample

    return replace(load_sample(folder), name=folder.name)


def _unregistered(item: Item) -> bool:
    try:
        return item.open().reference is not None
    except FocalDepthError:
        return False

"""From what a user gives (folder, pattern, list, archive, file) to the frames' files and what lies beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path, PurePath

from focaldepth.core.errors import MissingExtraError, ReadError, StackError
from focaldepth.io._archive import list_members
from focaldepth.io._kinds import check_names, strangers, unreadable_hint
from focaldepth.io._order import looks_expanded, natural_order
from focaldepth.io._reader import READERS, ContainerReader, PictureFile, PictureReader

_OWN = ("depth", "sigma", "valid", "index", "all_in_focus", "filled", "source_frame", "preview", "truth")
_OWN_FILES = frozenset(f"{stem}{suffix}" for stem in _OWN for suffix in (".tiff", ".png", ".jpg"))
_RESULT = "result.json"
_ZIP = ".zip"
_SHOWN = 5


@dataclass(frozen=True)
class Found:
    """What an input turned out to be.

    Attributes:
        name: short name of the stack.
        where: for error messages.
        pictures: files of the frames, in the order of `rule`; empty for a container.
        rule: how they are ordered, in words.
        container: a file that holds the whole stack, with its reader.
        beside: other files of the same folder, where sidecars may be.
        siblings: all pictures of the folder in natural order, which a positional sidecar may count.
        deliberate: the caller listed the pictures in an order that nobody gets by accident.
        files: what `hash_inputs` reads when it is not the pictures themselves (the archive).
        warnings: sentences that belong into the result.
    """

    name: str
    where: str
    pictures: tuple[PictureFile, ...] = ()
    rule: str = "file name"
    container: tuple[Path, ContainerReader] | None = None
    beside: tuple[PictureFile, ...] = ()
    siblings: tuple[PictureFile, ...] = ()
    deliberate: bool = False
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Formats:
    """Readers by file suffix."""

    pictures: dict[str, PictureReader]
    containers: dict[str, list[ContainerReader]]

    @classmethod
    def all(cls) -> Formats:
        """Ask every registered reader for its suffixes; one whose package is missing is left out."""
        pictures: dict[str, PictureReader] = {}
        containers: dict[str, list[ContainerReader]] = {}
        for name in READERS.names():
            try:
                reader = READERS.get(name)
            except MissingExtraError:
                continue
            for suffix in reader.suffixes:
                if isinstance(reader, ContainerReader):
                    containers.setdefault(suffix, []).append(reader)
                else:
                    pictures.setdefault(suffix, reader)
        return cls(pictures, containers)

    def picture(self, file: PurePath | PictureFile) -> PictureReader | None:
        """Return the reader of a picture file by its suffix."""
        return self.pictures.get(file.suffix.lower())

    def container(self, file: PictureFile) -> ContainerReader | None:
        """Return the reader that takes a file for a whole stack; longer suffixes (".ome.zarr") win."""
        if not isinstance(file, Path):
            return None
        name = file.name.lower()
        for suffix in sorted(self.containers, key=len, reverse=True):
            if name.endswith(suffix):
                for reader in self.containers[suffix]:
                    if reader.accepts(file):
                        return reader
        return None

    def known(self) -> str:
        """All suffixes, for messages."""
        return " ".join(sorted({*self.pictures, *self.containers, _ZIP}))


def find(inputs: str | Path | Sequence[str | Path], formats: Formats) -> Found:
    """Find the frames of an input.

    Raises:
        ReadError: something does not exist or cannot be opened.
        StackError: it holds no stack, or more than one.
    """
    if not isinstance(inputs, str | Path):
        listed = [Path(p) for p in inputs]
        if len(listed) == 1:
            return find(listed[0], formats)
        return _from_list(listed, formats)
    path = Path(inputs)
    if not path.exists():
        return _from_pattern(str(inputs), formats)
    reader = formats.container(path)
    if reader is not None:
        return _from_container(path, reader, formats)
    if path.suffix.lower() == _ZIP and path.is_file():
        return _from_zip(path, formats)
    if path.is_dir():
        return _from_folder(path, formats)
    if formats.picture(path) is None:
        hint = unreadable_hint([path.name]) or f"Known: {formats.known()}."
        raise ReadError("is of no known format.", where=path, hint=hint)
    raise StackError("a focal stack needs at least 2 frames, found 1.", where=path, hint=_GIVE_FOLDER)


_GIVE_FOLDER = "Give a folder or several pictures of the same scene, each focused at another distance."


def _from_list(paths: list[Path], formats: Formats) -> Found:
    if not paths:
        raise StackError("no files given.", hint=_GIVE_FOLDER)
    for path in paths:
        if not path.exists():
            raise ReadError("does not exist.", where=path, hint=_nearest(path))
        if path.is_dir():
            raise StackError("is a folder among pictures.", where=path, hint="Give one folder, or pictures only.")
        if formats.picture(path) is None:
            raise ReadError("is no picture of a known format.", where=path, hint=f"Known: {formats.known()}.")
    repeated = next((p for i, p in enumerate(paths) if p in paths[:i]), None)
    if repeated is not None:
        raise StackError("is given twice.", where=repeated, hint="Give every frame once.")
    reader = formats.container(paths[0])
    if reader is not None and _one_set([(p, reader) for p in paths]):
        found = _from_container(paths[0], reader, formats)
        return replace(found, files=tuple(str(p) for p in paths))
    parents = {p.parent for p in paths}
    parent = paths[0].parent
    beside = _visible(parent) if len(parents) == 1 else []
    deliberate = not looks_expanded([p.name for p in paths])
    return _pictures(paths, beside, formats, parent.resolve().name or "stack", str(parent), deliberate=deliberate)


def _from_pattern(text: str, formats: Formats) -> Found:
    parts = Path(text).parts
    fixed = next((i for i, p in enumerate(parts) if set(p) & set("*?[")), None)
    if fixed is None:
        raise ReadError("does not exist.", where=text, hint=_nearest(Path(text)))
    matches = Path(*parts[:fixed]).glob(str(Path(*parts[fixed:])))
    pictures = sorted(p for p in matches if p.is_file() and formats.picture(p) and _is_input(p))
    if not pictures:
        raise StackError("no picture fits this pattern.", where=text, hint="Check the path; quote it in a shell.")
    return _from_list(pictures, formats) if len(pictures) > 1 else find(pictures[0], formats)


def _from_folder(folder: Path, formats: Formats) -> Found:
    files = _visible(folder)
    pictures, containers = _sorted_out(files, formats)
    if len(pictures) > 1 or (pictures and not containers):
        note = [f"{c.name} beside the pictures was left out." for c, _ in containers]
        return _pictures(pictures, files, formats, folder.resolve().name, str(folder), warnings=note)
    if len(containers) == 1 or (containers and _one_set(containers)):
        parts = tuple(str(p) for p, _ in containers)
        name = folder.resolve().name
        return Found(name, str(folder), container=containers[0], beside=tuple(files), files=parts)
    if containers:
        names = ", ".join(c.name for c, _ in containers[:_SHOWN])
        raise StackError(f"holds {len(containers)} stacks: {names}.", where=folder, hint="Name one of them.")
    raise StackError("no pictures found.", where=folder, hint=_empty_hint(folder, files, formats))


def _sorted_out(files: Iterable[Path], formats: Formats) -> tuple[list[Path], list[tuple[Path, ContainerReader]]]:
    """Part pictures from containers; a file of both suffixes is what the container's reader says it is."""
    pictures: list[Path] = []
    others: list[Path] = []
    containers: list[tuple[Path, ContainerReader]] = []
    for file in files:
        if not _is_input(file):
            continue
        both = formats.picture(file) is not None and not file.is_dir()
        reader = formats.container(file) if both else None
        if reader is not None:
            containers.append((file, reader))
        elif both:
            pictures.append(file)
        else:
            others.append(file)
    if not pictures:
        # Only asked for when there are no pictures: arrays beside pictures are usually ground truth.
        containers += [(f, r) for f in others if (r := formats.container(f)) is not None]
    return pictures, containers


def _one_set(containers: Sequence[tuple[Path, ContainerReader]]) -> bool:
    """True for the files of one multi-file OME-TIFF, each of which opens the whole set."""
    return len({r.title for _, r in containers}) == 1 and all(
        p.name.lower().endswith((".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8")) for p, _ in containers
    )


def _from_container(path: Path, reader: ContainerReader, formats: Formats) -> Found:
    """One stack file; sidecars of its folder are its own only where nothing else lies there that they may mean."""
    beside = _visible(path.parent)
    if any(f.suffix.lower() in (".txt", ".csv", ".yaml", ".yml", ".json") for f in beside):
        pictures, containers = _sorted_out([f for f in beside if f != path], formats)
        alone = not pictures and not containers
    else:
        alone = True
    name = path.name.partition(".")[0] or path.name
    return Found(name, str(path), container=(path, reader), beside=tuple(beside) if alone else (), files=(str(path),))


def _from_zip(path: Path, formats: Formats) -> Found:
    members = [m for m in list_members(path) if not _hidden(m.member)]
    folders: dict[str, list[PictureFile]] = {}
    for member in members:
        if formats.picture(member) and member.name.lower() not in _OWN_FILES:
            folders.setdefault(str(PurePath(member.member).parent), []).append(member)
    if len(folders) > 1:
        names = ", ".join(sorted(folders)[:_SHOWN])
        raise StackError(f"holds pictures in {len(folders)} folders: {names}.", where=path, hint="Pack one stack.")
    if not folders:
        raise StackError("no pictures found.", where=path, hint=f"Known formats: {' '.join(sorted(formats.pictures))}.")
    folder, pictures = next(iter(folders.items()))
    beside = [m for m in members if str(PurePath(m.member).parent) in (folder, ".")]
    return _pictures(pictures, beside, formats, path.stem, str(path), files=(str(path),))


def _pictures(
    pictures: Sequence[PictureFile],
    beside: Sequence[PictureFile],
    formats: Formats,
    name: str,
    where: str,
    *,
    deliberate: bool = False,
    files: tuple[str, ...] = (),
    warnings: Sequence[str] = (),
) -> Found:
    check_names(pictures, where)
    ordered, rule = natural_order(pictures)
    everything = [f for f in beside if formats.picture(f) and not (isinstance(f, Path) and f.is_dir())]
    siblings, _ = natural_order(everything)
    chosen = set(pictures)
    return Found(
        name=name,
        where=where,
        pictures=tuple(pictures) if deliberate else tuple(ordered),
        rule=rule,
        beside=tuple(f for f in beside if f not in chosen),
        siblings=tuple(siblings),
        deliberate=deliberate,
        files=files,
        warnings=(*warnings, *([] if deliberate else strangers([p.name for p in ordered]))),
    )


def _visible(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.iterdir()) if not _hidden(p.name)]


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePath(name).parts)


def _is_input(file: Path) -> bool:
    """False for results of an earlier run."""
    return file.name.lower() not in _OWN_FILES and file.name.lower() != _RESULT


def _nearest(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f"There is no folder {parent} either: check the path."
    near = get_close_matches(path.name, [p.name for p in parent.iterdir()], n=1)
    return f"Did you mean {parent / near[0]}?" if near else "Check the path."


def _empty_hint(folder: Path, files: Sequence[Path], formats: Formats) -> str:
    inner = [p for p in files if p.is_dir() and any(formats.picture(f) for f in _visible(p))]
    if inner:
        several = f", or all by a pattern such as '{folder}/*/*'" if len(inner) > 1 else ""
        return f"Sub-folders hold some: give {' or '.join(str(p) for p in inner[:_SHOWN])}{several}."
    if not files:
        return "The folder is empty."
    return unreadable_hint([p.name for p in files]) or f"Known formats: {formats.known()}."

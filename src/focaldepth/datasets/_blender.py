"""Rendered stacks in numbered files: ``000000_00All.tif`` ... with one depth file per number (FoD500, DEReD)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from focaldepth.core.errors import ReadError

_FRAME = re.compile(r"(\d+)_(\d+)All")


@dataclass(frozen=True)
class Scene:
    """Files of one stack.

    Attributes:
        name: its number as written.
        depth: file of the truth.
        frames: files in order, checked to be complete.
        sharp: file of the all-in-focus picture; None = there is none.
    """

    name: str
    depth: Path
    frames: tuple[Path, ...]
    sharp: Path | None = None


@dataclass(frozen=True)
class Naming:
    """How files of one release are called.

    Attributes:
        picture: suffix of frames and of the all-in-focus picture.
        depth: suffix of depth files.
        frames: number of frames per stack.
    """

    picture: str
    depth: str
    frames: int = field(default=5)

    def scenes(self, folder: Path) -> list[Scene]:
        """List the stacks of a folder by number.

        Raises:
            ReadError: a stack that lacks a frame or its depth; names the file.
        """
        found: dict[str, dict[int, Path]] = defaultdict(dict)
        for path in folder.glob(f"*All{self.picture}"):
            match = _FRAME.fullmatch(path.stem)
            if match:
                found[match[1]][int(match[2])] = path
        depths = {p.name.removesuffix(f"Dpt{self.depth}"): p for p in folder.glob(f"*Dpt{self.depth}")}
        names = sorted({*found, *depths}, key=lambda name: (int(name), name) if name.isdigit() else (-1, name))
        return [self._scene(folder, name, found.get(name, {})) for name in names]

    def _scene(self, folder: Path, name: str, frames: dict[int, Path]) -> Scene:
        expected = [f"{name}_{i:02d}All{self.picture}" for i in range(self.frames)]
        depth, sharp = folder / f"{name}Dpt{self.depth}", folder / f"{name}Aif{self.picture}"
        surplus = sorted(set(frames) - set(range(self.frames)))
        if surplus:
            what = f"is a frame too many: stack {name} has {len(frames)}, expected {self.frames}."
            raise ReadError(what, where=frames[surplus[0]], hint="Unpack the archive again.")
        for path in [folder / e for i, e in enumerate(expected) if i not in frames] + [depth] * (not depth.is_file()):
            raise ReadError(f"is missing: stack {name} is not complete.", where=path, hint="Unpack the archive again.")
        return Scene(name, depth, tuple(frames[i] for i in range(self.frames)), sharp if sharp.is_file() else None)


def split_scenes(scenes: list[Scene], train: int) -> Iterator[tuple[Scene, str]]:
    """Yield scenes with their split: the first `train` are for training."""
    yield from ((scene, "train" if i < train else "test") for i, scene in enumerate(scenes))


def first_folder(root: Path, names: Iterable[str]) -> Path:
    """Return the first of some folders of `root` that exists, else `root` itself."""
    return next((root / name for name in names if (root / name).is_dir()), root)

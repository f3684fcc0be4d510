"""Where data sets lie: one folder that holds them, or a folder for each by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from focaldepth.core.errors import ReadError, UnknownNameError
from focaldepth.core.sample import Item
from focaldepth.datasets._dataset import Dataset
from focaldepth.training._keys import SCENES

Place = str | PathLike[str]
REST = ""
"""Name under which a mapping holds the folder of all data sets that it does not name."""


@dataclass(frozen=True)
class Roots:
    """Folders of data sets.

    Attributes:
        named: name of a data set -> its folder.
        shared: folder of all others; None = it was not said.
    """

    named: Mapping[str, Path] = field(default_factory=dict)
    shared: Path | None = None

    @classmethod
    def of(cls, given: Place | Mapping[str, Place] | None) -> Roots:
        """Read what a caller gives: nothing, one folder, or folders by name, where the name "" stands for the rest."""
        if given is None:
            return cls()
        if not isinstance(given, Mapping):
            return cls(shared=Path(given))
        named = {name: Path(place) for name, place in given.items()}
        shared = named.pop(REST, None)
        return cls(named, shared)

    def check(self, names: Iterable[str]) -> None:
        """Check that every named folder belongs to a data set of the recipe.

        Raises:
            UnknownNameError: one does not; the nearest are suggested.
        """
        known = list(names)
        for name in self.named:
            if name not in known:
                raise UnknownNameError("data set of the recipe", name, known, where="--root")

    def items(self, name: str, made: Dataset, split: str, *, several: bool) -> list[Item]:
        """List the stacks of a data set of a recipe.

        Args:
            name: of the data set in the recipe.
            made: the data set.
            split: of it.
            several: others are read beside it: a folder of its name in the shared one is looked into first.

        Raises:
            ReadError: it was not said where it lies, or it is not there; says what was looked for, and how to get it.
            UnknownNameError: it has no such split.
        """
        option = f"--root {name}=DIR" if several else "--root"
        places = self._places(name, several=several)
        if not places:
            raise ReadError(
                f"{name} is a data set on disk, and it was not said where it lies.",
                where="--root",
                hint=f"Give its folder with {option}, or train on --data {SCENES}. "
                f"{made.spec.title}: {made.spec.address}",
            )
        failures = []
        for place in places:
            try:
                found = made.items(place, split)
            except ReadError as error:
                failures.append(error)
                continue
            if found:
                return found
            hint = "Look at `focaldepth data check`."
            failures.append(ReadError(f"holds no stack of the split {split!r}.", where=place, hint=hint))
        first = failures[0]
        if several and name not in self.named:
            first.hint = f"{first.hint} If {name} lies elsewhere: {option}."
        raise first

    def _places(self, name: str, *, several: bool) -> list[Path]:
        """Where to look, the likeliest first."""
        if name in self.named:
            return [self.named[name]]
        if self.shared is None:
            return []
        inner = sorted(self.shared.iterdir()) if several and self.shared.is_dir() else []
        return [*(path for path in inner if _plain(path.name) == _plain(name)), self.shared]


def _plain(name: str) -> str:
    """A name as people write it in folders: without case, dashes and dots."""
    return "".join(letter for letter in name.lower() if letter.isalnum())

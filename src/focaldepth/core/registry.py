"""Plug-ins by name: a file in a folder, or an entry point of another package; listing imports nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from focaldepth.core.errors import MissingExtraError, UnknownNameError

T = TypeVar("T")
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Registry(Generic[T]):
    """All plug-ins of one kind.

    Attributes:
        kind: word for messages and entry-point group, e.g. "method" -> ``focaldepth.methods``.
        folders: sub-packages of focaldepth; each file whose name has no leading underscore is one plug-in, named by
            its stem with '-' for '_'.
        attribute: the module attribute that holds the plug-in, e.g. "METHOD".
        aliases: name -> name of the plug-in it stands for.
        derived: module that makes further plug-ins out of those of another registry: its function `names` lists them,
            and they are its attributes of these names. It stands in this package and imports nothing heavy.
    """

    kind: str
    folders: tuple[str, ...]
    attribute: str
    aliases: tuple[tuple[str, str], ...] = ()
    derived: str = ""

    @cached_property
    def _where(self) -> dict[str, str]:
        found = {}
        for folder in self.folders:
            for path in sorted((_ROOT / folder.replace(".", "/")).glob("[!_]*.py")):
                found[path.stem.replace("_", "-")] = f"focaldepth.{folder}.{path.stem}"
        for entry in entry_points(group=f"focaldepth.{self.kind}s"):
            found.setdefault(entry.name, entry.value)
        for name in import_module(self.derived).names() if self.derived else ():
            found.setdefault(name, f"{self.derived}:{name}")
        return found

    def where(self) -> dict[str, str]:
        """Return name -> module (or "module:attribute" of an entry point), without importing any."""
        return dict(self._where)

    def names(self) -> list[str]:
        """Return all names, sorted; aliases are not listed."""
        return sorted(self._where)

    def resolve(self, name: str) -> str:
        """Return the plug-in name behind a name or alias, or raise UnknownNameError with suggestions."""
        name = dict(self.aliases).get(name, name)
        if name not in self._where:
            raise UnknownNameError(self.kind, name, [*self._where, *dict(self.aliases)])
        return name

    def get(self, name: str) -> T:
        """Import one plug-in and return it."""
        module_name, _, attribute = self._where[self.resolve(name)].partition(":")
        with extra_for(f"{self.kind} {name}"):
            module: Any = import_module(module_name)
        plug_in: T = getattr(module, attribute or self.attribute)
        return plug_in


@contextmanager
def extra_for(what: str) -> Iterator[None]:
    """Turn the failed import of an optional package into a MissingExtraError that says what needs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if extra := EXTRAS.get((error.name or "").partition(".")[0]):
            raise MissingExtraError(what, extra) from error
        raise


EXTRAS = {
    "rawpy": "raw", "av": "video", "h5py": "hdf5", "zarr": "zarr", "OpenEXR": "exr", "trimesh": "mesh",
    "torch": "networks", "safetensors": "networks", "onnx": "onnx", "onnxruntime": "onnx", "onnxscript": "onnx",
    "tensorboard": "train",
}  # fmt: skip
"""Optional third-party module -> extra that installs it."""

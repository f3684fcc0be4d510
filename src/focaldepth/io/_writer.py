"""What a writer of a map format offers; each format is one file with a last line ``WRITER = ...``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.optics import Optics
from focaldepth.core.registry import Registry
from focaldepth.core.result import DepthMap


@dataclass(frozen=True)
class WriteContext:
    """What a format may want to know beside the map.

    Attributes:
        optics: lateral pixel size and the law behind a conversion.
        axis: focus positions, for the plane step; None = unknown.
        quantity: what the numbers are: "depth", "sigma", "index", "filled depth" ...
        title: name of the stack, for captions inside files.
        created: ISO 8601 time, UTC; empty = left out.
    """

    optics: Optics = field(default_factory=Optics)
    axis: FocusAxis | None = None
    quantity: str = "depth"
    title: str = ""
    created: str = ""


@runtime_checkable
class MapWriter(Protocol):
    """Writes the values of a map; sigma goes into a file of its own.

    Attributes:
        title: for lists and help.
        suffix: what follows the stem "depth" in the name of the file; most often a dot and an extension.
        extra: extra of the package that installs what it needs; empty = nothing more.
    """

    title: str
    suffix: str
    extra: str

    def check(self, unit: Unit, context: WriteContext) -> None:
        """Raise UnitError when the format cannot hold this unit or needs a fact that is unknown."""

    def write(self, path: Path, map: DepthMap, context: WriteContext) -> tuple[Path, ...]:
        """Write the map; return every file made (the format's own and sidecars)."""

    def read(self, path: Path, unit: Unit | None = None) -> DepthMap:
        """Read a map back; `unit` is used where the file does not say. ReadError names the file."""

    def error(self, map: DepthMap) -> float:
        """Largest difference between a map and its round trip, in the unit of the map."""


WRITERS: Registry[MapWriter] = Registry(
    "format", ("io.writers",), "WRITER", (("imagej", "tiff"), ("imagej-tiff", "tiff"), ("png", "png16"))
)
"""All writers: files of ``focaldepth/io/writers`` and entry points ``focaldepth.formats``."""

"""What an OME-XML block says about images: channels, lengths, positions of planes, files of the set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from pathlib import Path
from xml.etree import ElementTree

from focaldepth.core.errors import ReadError
from focaldepth.io.readers._planes import reading
from focaldepth.io.readers._scale import Scale, length_m, metres_per

_MAX_XML = 256 << 20


@dataclass(frozen=True)
class OmeImage:
    """One image of an OME file.

    Attributes:
        name: as stated.
        channels: names, in order; empty strings where there is none.
        scale: lengths.
        positions_m: (z, c, t) -> position of a plane along the axis.
        unitless: (z, c, t) -> position stated without a unit of length.
        bits: significant bits, None where not stated.
    """

    name: str
    channels: tuple[str, ...]
    scale: Scale
    positions_m: Mapping[tuple[int, int, int], float] = field(default_factory=dict)
    unitless: Mapping[tuple[int, int, int], float] = field(default_factory=dict)
    bits: int | None = None

    def plane_positions(self, keys: Sequence[tuple[int, int, int]]) -> tuple[list[float | None], str]:
        """Return the positions of the planes (z, c, t), and a warning.

        Positions without a unit (many programs leave it out and mean micrometres) are believed only where they agree
        with the stated step.
        """
        if any(k in self.positions_m for k in keys):
            return [self.positions_m.get(k) for k in keys], ""
        plain = [self.unitless[k] for k in keys if k in self.unitless]
        if len(plain) != len(keys) or len(keys) < 2:
            return [], ""
        steps = [abs(b - a) * 1e-6 for a, b in pairwise(plain)]
        step = self.scale.step_m
        if step and abs(sum(steps) / len(steps) / step - 1) < 0.1:
            return [p * 1e-6 for p in plain], ""
        return [], "OME PositionZ ignored: it has no unit of length and does not agree with a stated step."


def read_ome(xml: str, path: Path) -> list[OmeImage]:
    """Parse OME-XML; entities and absurd sizes are refused."""
    if len(xml) > _MAX_XML or "<!ENTITY" in xml or "<!DOCTYPE" in xml:
        raise ReadError("the OME-XML is not plain.", where=path, hint="Export the stack again.")
    with reading(path, "OME-XML"):
        root = ElementTree.fromstring(xml)
    apertures = {e.get("ID", ""): e.get("LensNA") for e in root.iter() if _tag(e) == "Objective"}
    return [_image(e, apertures) for e in root if _tag(e) == "Image"]


def set_files(xml: str) -> list[str]:
    """Return the names of the files that an OME set consists of, and of the file that holds its metadata."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return []
    names = [e.get("FileName") or e.get("MetadataFile") for e in root.iter() if _tag(e) in ("UUID", "BinaryOnly")]
    return list(dict.fromkeys(n for n in names if n))


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _image(image: ElementTree.Element, apertures: Mapping[str, str | None]) -> OmeImage:
    pixels = next((e for e in image if _tag(e) == "Pixels"), ElementTree.Element("Pixels"))
    objective = next((e.get("ID", "") for e in image if _tag(e) == "ObjectiveSettings"), "")
    sizes = {a: length_m(pixels.get(f"PhysicalSize{a}"), pixels.get(f"PhysicalSize{a}Unit", "µm")) for a in "XYZ"}
    scale = Scale(
        origin="OME",
        step_m=sizes["Z"],
        pixel_m=sizes["X"],
        pixel_y_m=sizes["Y"],
        numerical_aperture=_positive(apertures.get(objective)),
        step_name="PhysicalSizeZ",
        position_name="PositionZ",
    )
    positions, unitless = _positions(pixels)
    channels = tuple(e.get("Name", "") for e in pixels if _tag(e) == "Channel")
    bits = pixels.get("SignificantBits", "")
    return OmeImage(
        image.get("Name", ""), channels, scale, positions, unitless, int(bits) if bits.isdecimal() else None
    )


def _positions(
    pixels: ElementTree.Element,
) -> tuple[dict[tuple[int, int, int], float], dict[tuple[int, int, int], float]]:
    with_unit, without = {}, {}
    for plane in pixels:
        value = plane.get("PositionZ") if _tag(plane) == "Plane" else None
        if value is None:
            continue
        try:
            key = (int(plane.get("TheZ", "0")), int(plane.get("TheC", "0")), int(plane.get("TheT", "0")))
            number = float(value)
        except ValueError:
            continue
        scale = metres_per(plane.get("PositionZUnit"))
        if scale:
            with_unit[key] = number * scale
        elif isfinite(number):
            without[key] = number
    return with_unit, without


def _positive(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if isfinite(value) and value > 0 else None

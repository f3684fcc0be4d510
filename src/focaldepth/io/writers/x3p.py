"""X3P height map, ISO 25178-72 (XML and binary data in a zip), in metres; NaN = invalid."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from focaldepth._version import __version__
from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError, UnitError
from focaldepth.core.result import DepthMap
from focaldepth.io._map_facts import to_map
from focaldepth.io._writer import WriteContext

_NAMESPACE = "http://www.opengps.eu/2008/ISO5436_2"
_DATA = "bindata/data.bin"
_TYPES = {"I": "<i2", "L": "<i4", "F": "<f4", "D": "<f8"}


@dataclass(frozen=True)
class X3pWriter:
    """One surface of float32 metres; X along columns, Y along rows, both from the first pixel."""

    title: str = "X3P height map (ISO 25178-72)"
    suffix: str = ".x3p"
    extra: str = ""

    def check(self, unit: Unit, context: WriteContext) -> None:
        """Only lengths with a known pixel size make a surface."""
        if unit not in (Unit.METRE, Unit.MICROMETRE):
            raise UnitError(
                f"x3p holds heights in metres, not {unit}.",
                hint="Give focus positions in metres or micrometres (--focus), or use another format.",
            )
        context.optics.need("pixel_size_m", "an x3p height map")

    def write(self, path: Path, map: DepthMap, context: WriteContext) -> tuple[Path, ...]:
        """Write the map in metres."""
        self.check(map.unit, context)
        data = np.ascontiguousarray(map.to(Unit.METRE).values, dtype="<f4").data.cast("B")
        pixel = context.optics.need("pixel_size_m", "an x3p height map")
        document = _document(map.shape, pixel, hashlib.md5(data, usedforsecurity=False).hexdigest(), context)
        digest = hashlib.md5(document, usedforsecurity=False).hexdigest()
        with ZipFile(path, "w") as archive:
            archive.writestr("main.xml", document)
            archive.writestr("md5checksum.hex", f"{digest} *main.xml\n")
            with archive.open(_DATA, "w", force_zip64=data.nbytes > 2**31 - 1) as file:
                file.write(data)
        return (path,)

    def read(self, path: Path, unit: Unit | None = None) -> DepthMap:
        """Read the first layer, always in metres; the checksum of the data must fit."""
        try:
            with ZipFile(path) as archive:
                root = ElementTree.fromstring(_without_doctype(archive.read("main.xml"), path))
                data = archive.read(root.findtext(".//PointDataLink") or _DATA)
            values = _values(root, data, path)
        except (BadZipFile, KeyError, ValueError, TypeError, ElementTree.ParseError) as error:
            raise ReadError(f"is a broken x3p ({error}).", where=path, hint="Write or copy it again.") from error
        except FileNotFoundError as error:
            raise ReadError("does not exist.", where=path, hint="Check the name.") from error
        return to_map(values, {"unit": "metre"}, None, path)

    def error(self, map: DepthMap) -> float:
        """The last bits of micrometres on their way through metres; nothing for metres."""
        if map.unit is Unit.METRE or not map.valid.any():
            return 0.0
        return float(np.abs(map.values[map.valid]).max()) * 2**-22


def _document(shape: tuple[int, int], pixel_m: float, md5: str, context: WriteContext) -> bytes:
    ElementTree.register_namespace("p", _NAMESPACE)
    date = context.created or datetime.now(UTC).isoformat(timespec="seconds")
    root = ElementTree.Element(f"{{{_NAMESPACE}}}ISO5436_2")
    step: _Tree = {"AxisType": "I", "DataType": "D", "Increment": f"{pixel_m:.17g}", "Offset": "0"}
    height: _Tree = {"AxisType": "A", "DataType": "F", "Increment": "1", "Offset": "0"}
    _fill(root, {
        "Record1": {"Revision": "ISO5436 - 2000", "FeatureType": "SUR", "Axes": {"CX": step, "CY": step, "CZ": height}},
        "Record2": {
            "Date": date,
            "Instrument": {
                "Manufacturer": "focaldepth", "Model": "depth from focus", "Serial": "none", "Version": __version__,
            },
            "CalibrationDate": date,
            "ProbingSystem": {"Type": "NonContacting", "Identification": "focus stack"},
            "Comment": f"{context.quantity} {context.title}: distance along the optical axis in metres; NaN = invalid.",
        },
        "Record3": {
            "MatrixDimension": {"SizeX": str(shape[1]), "SizeY": str(shape[0]), "SizeZ": "1"},
            "DataLink": {"PointDataLink": _DATA, "MD5ChecksumPointData": md5},
        },
        "Record4": {"ChecksumFile": "md5checksum.hex"},
    })  # fmt: skip
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True))


_Tree = dict[str, "str | _Tree"]


def _fill(parent: ElementTree.Element, tree: _Tree) -> None:
    for name, content in tree.items():
        child = ElementTree.SubElement(parent, name)
        if isinstance(content, str):
            child.text = content
        else:
            _fill(child, content)


def _without_doctype(document: bytes, path: Path) -> bytes:
    """Refuse entity definitions: a height map needs none, an attack does."""
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        raise ReadError("its XML defines entities.", where=path, hint="Export it again without a DOCTYPE.")
    return document


def _values(root: ElementTree.Element, data: bytes, path: Path) -> NDArray[np.float32]:
    expected = (root.findtext(".//MD5ChecksumPointData") or "").strip().lower()
    if expected and expected != hashlib.md5(data, usedforsecurity=False).hexdigest():
        raise ReadError("its data do not fit their checksum.", where=path, hint="Copy the file again.")
    rows, columns = int(root.findtext(".//SizeY") or 0), int(root.findtext(".//SizeX") or 0)
    kind = root.findtext(".//CZ/DataType") or "D"
    stored = np.frombuffer(data, dtype=_TYPES[kind], count=rows * columns).reshape(rows, columns)
    scale, offset = float(root.findtext(".//CZ/Increment") or 1), float(root.findtext(".//CZ/Offset") or 0)
    if kind == "F" and scale == 1 and offset == 0:
        return stored.astype(np.float32)
    return (stored.astype(np.float64) * scale + offset).astype(np.float32)


WRITER = X3pWriter()

"""What EXIF says of orientation, lens and focus distance."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from math import isfinite, isinf, sqrt

from focaldepth.core.optics import Optics
from focaldepth.io import _tags
from focaldepth.io._tags import Ifd, TagError

_FOCAL_LENGTH, _F_NUMBER, _SUBJECT_DISTANCE = 0x920A, 0x829D, 0x9206
_PLANE_X, _PLANE_UNIT = 0xA20E, 0xA210
_PLANE_UNITS_M = {2: 25.4e-3, 3: 1e-2, 4: 1e-3, 5: 1e-6}
_PITCH_RANGE_M = (0.3e-6, 100e-6)
_UNKNOWN_FAR = 4294967295.0


@dataclass(frozen=True)
class ExifFacts:
    """What a block says.

    Attributes:
        orientation: 1-8, 1 where nothing or nonsense is stated.
        block: the block with its orientation reset; None when absent.
        optics: focal length, f-number and pixel pitch where stated.
        focus: tag and distance from the sensor in metres, as the camera counts; None where unknown.
        maker_note: a MakerNote is there.
    """

    orientation: int = 1
    block: bytes | None = None
    optics: Optics = field(default_factory=Optics)
    focus: tuple[str, float] | None = None
    maker_note: bool = False


def read_exif(block: bytes | None, width: int, where: str) -> ExifFacts:
    """Read an EXIF block; a broken one counts as absent, for the picture is still good.

    Args:
        block: with or without its prefix; None when the file has none.
        width: columns of the picture as stored, to see whether it was resized after the shot.
        where: name of the file, for origin texts.
    """
    if not block:
        return ExifFacts()
    block = block if block.startswith(_tags.EXIF_PREFIX) else _tags.EXIF_PREFIX + block
    stream = BytesIO(block[len(_tags.EXIF_PREFIX) :])
    try:
        order, offset = _tags.read_head(stream)
        ifd, _ = _tags.read_ifd(stream, order, offset)
    except (TagError, ValueError):
        return ExifFacts()
    exif = _tags.sub_ifd(stream, ifd, _tags.EXIF_IFD)
    turned = _number(ifd, _tags.ORIENTATION)
    orientation = int(turned) if turned is not None and 1 <= turned <= 8 else 1
    return ExifFacts(
        orientation=orientation,
        block=_tags.reset_orientation(block, swap=orientation >= 5),
        optics=_optics(exif, width, where),
        focus=_focus(exif),
        maker_note=_tags.MAKER_NOTE in exif,
    )


def _number(ifd: Ifd, tag: int) -> float | None:
    if tag not in ifd:
        return None
    value = ifd[tag].number_or(float("nan"))
    return None if value != value else value


def _positive(ifd: Ifd, tag: int) -> float | None:
    value = _number(ifd, tag)
    return value if value is not None and isfinite(value) and value > 0 else None


def _optics(exif: Ifd, width: int, where: str) -> Optics:
    focal_mm, f_number = _positive(exif, _FOCAL_LENGTH), _positive(exif, _F_NUMBER)
    optics = Optics().with_facts(f"EXIF FocalLength of {where}", focal_length_m=focal_mm and focal_mm * 1e-3)
    optics = optics.with_facts(f"EXIF FNumber of {where}", f_number=f_number)
    return _with_pitch(optics, exif, width, where)


def _with_pitch(optics: Optics, exif: Ifd, width: int, where: str) -> Optics:
    """Add the pixel pitch; the 35 mm equivalent focal length is no base for it (rounded, and of another format)."""
    per_unit = _positive(exif, _PLANE_X)
    unit = _PLANE_UNITS_M.get(int(_number(exif, _PLANE_UNIT) or 2))
    if per_unit is None or unit is None:
        return optics
    stated = _positive(exif, _tags.PIXEL_X) or width
    pitch, origin = unit / per_unit * stated / width, f"EXIF FocalPlaneXResolution of {where}"
    if stated != width:
        origin += f", scaled from {stated:.0f} to {width} columns"
    low, high = _PITCH_RANGE_M
    return optics.with_facts(origin, pixel_pitch_m=pitch) if low <= pitch * width / stated <= high else optics


def _focus(exif: Ifd) -> tuple[str, float] | None:
    tag = exif.get(_SUBJECT_DISTANCE)
    value = _number(exif, _SUBJECT_DISTANCE)
    if tag is None or value is None or value <= 0:
        return None
    if isinf(value) or int.from_bytes(tag.data[:4], "little" if tag.order == "<" else "big") == _UNKNOWN_FAR:
        return "EXIF SubjectDistance", float("inf")
    return "EXIF SubjectDistance", value


def from_principal_plane(sensor_distance_m: float, focal_length_m: float | None) -> tuple[str, float]:
    """Turn a distance from the sensor into one from the front principal plane of a thin lens.

    D = s + s' and 1/f = 1/s + 1/s' give s = (D + sqrt(D^2 - 4 D f)) / 2, the root on the far side of 2 f.

    Args:
        sensor_distance_m: distance from the sensor D, as cameras count it.
        focal_length_m: None where unknown; then nothing is converted.

    Returns:
        What was done, for the origin of the number; distance in metres.

    >>> from_principal_plane(1.0, 0.05)
    ('from the sensor, converted to the principal plane with f = 50 mm', 0.9472135954999579)
    """
    d, f = sensor_distance_m, focal_length_m
    if isinf(d):
        return "infinity", d
    if f is None:
        return "from the sensor, not converted: focal length unknown", d
    if d < 4 * f:
        return f"taken as it stands: closer than a thin lens of {f * 1e3:g} mm can focus from its sensor", d
    text = f"from the sensor, converted to the principal plane with f = {f * 1e3:g} mm"
    return text, (d + sqrt(d * d - 4 * d * f)) / 2

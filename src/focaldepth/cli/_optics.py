"""``--optics``: facts of lens and sensor as people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from focaldepth.core.axis import Unit, convert
from focaldepth.core.errors import SettingError, UnknownNameError
from focaldepth.core.optics import LensModel, Optics

_LENGTHS = ("focal_length", "pixel_pitch", "pixel_size")
_SHORT = {"na": "numerical_aperture", "f": "focal_length", "disparity_scale": "disparity_scale_m_px"}


def parse_optics(texts: Mapping[str, str]) -> Optics | None:
    """Make Optics from key=value texts; None when there are none.

    Lengths are metres (``focal_length_m=0.05``) or carry their unit (``focal_length=50mm``); a bare ``focal_length=50``
    is refused, because nothing tells millimetres from metres.

    >>> parse_optics({"focal_length": "50mm", "f_number": "f/2.8"}).facts()
    {'focal_length_m': 0.05, 'f_number': 2.8, 'model': 'thin_lens'}
    """
    values: dict[str, Any] = {}
    for key, text in texts.items():
        name = key.replace("-", "_").lower()
        name = _SHORT.get(name, name)
        if name in _LENGTHS:
            values[f"{name}_m"] = _length(key, text)
        elif name == "model":
            values[name] = _model(text)
        elif name in _facts():
            values[name] = _number(key, text.lower().removeprefix("f/"))
        else:
            raise UnknownNameError("fact", key, [*_facts(), *_LENGTHS, "model"], where="--optics")
    return Optics(**values, origin=dict.fromkeys(values, "argument")) if values else None


def _facts() -> list[str]:
    return [f.name for f in fields(Optics) if f.name not in ("origin", "model")]


def _length(key: str, text: str) -> float:
    match = re.fullmatch(r"([-+.\deE]+)\s*([a-zµμ]+)", text.strip())
    if not match:
        hint = f"Give a unit, such as {key}=50mm, or metres: {key}_m=0.05."
        raise SettingError(f"{text!r} does not tell its unit.", where=f"--optics {key}", hint=hint)
    unit, factor = Unit.parse_scaled(match[2])
    # Dividing keeps 50mm the number 0.05; multiplying by 0.001 would give its neighbour.
    number = _number(key, match[1])
    number = number / round(1 / factor) if factor < 1 else number * factor
    return convert(number, unit, Unit.METRE)


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingError(f"{text!r} is not a number.", where=f"--optics {key}", hint="Write 2.8 or 1e-6.") from None


def _model(text: str) -> LensModel:
    name = text.lower().replace("-", "_")
    if name not in {m.value for m in LensModel}:
        raise UnknownNameError("lens model", text, [m.value for m in LensModel], where="--optics model")
    return LensModel(name)

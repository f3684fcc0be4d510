"""calibration.json: the error ranges of a camera, as `focaldepth calibrate stack` writes and `simulate` reads them."""

from __future__ import annotations

import json
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any

from focaldepth.core.errors import ReadError

RECORD = "calibration.json"
SCHEMA = "focaldepth.calibration/1"
_NUMBERS = ("focal_length_m", "sensor_px", "slope", "intercept")
_PAIRS = ("right", "down")
_OPTIONAL = ("f_number", "pixel_pitch_m", "nearest_m")
_AGAIN = "Give calibration.json of `focaldepth calibrate stack`."


def read_calibration(path: str | PathLike[str]) -> tuple[dict[str, Any], tuple[float, float]]:
    """Read the error ranges of a camera.

    Args:
        path: calibration.json, or the folder that holds it.

    Returns:
        The fields of a `Motor`, and the nearest and farthest focus distance in metres that it was measured at.

    Raises:
        ReadError: no such file, or a number is missing or impossible; names the number.
    """
    path = Path(path)
    path = path / RECORD if path.is_dir() else path
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}.", where=path, hint=_AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise ReadError("is no JSON file.", where=path, hint=_AGAIN) from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ReadError(f"is no calibration (its schema is not {SCHEMA}).", where=path, hint=_AGAIN)
    motor = content.get("motor")
    motor = motor if isinstance(motor, dict) else {}
    facts: dict[str, Any] = {name: _number(motor.get(name), name, path) for name in _NUMBERS}
    facts |= {name: _pair(motor.get(name), name, path) for name in _PAIRS}
    facts |= {name: _number(motor[name], name, path) for name in _OPTIONAL if motor.get(name) is not None}
    facts.setdefault("f_number", None)
    for name in ("focal_length_m", "sensor_px", *_OPTIONAL):
        if facts.get(name) is not None and facts[name] <= 0:
            raise ReadError(f"its motor has {name} = {facts[name]:g}.", where=path, hint="It must be positive.")
    for name in _PAIRS:
        if facts[name][1] < 0:
            raise ReadError(
                f"its motor has a negative standard deviation of {name}.", where=path, hint="Measure it again."
            )
    return facts | {"sensor_px": round(facts["sensor_px"])}, _pair(content.get("focus_m"), "focus_m", path)


def _number(value: Any, name: str, where: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ReadError(f"its {name} is {value!r}, no number.", where=where, hint=_AGAIN)
    return float(value)


def _pair(value: Any, name: str, where: Path) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ReadError(f"its {name} is {value!r}, not two numbers.", where=where, hint=_AGAIN)
    return _number(value[0], name, where), _number(value[1], name, where)

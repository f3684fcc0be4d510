"""A result and its ``result.json``, one into the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from focaldepth._version import __version__
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError, UnitError
from focaldepth.core.optics import LensModel, Optics
from focaldepth.core.result import DepthMap, DepthResult, Plane, Provenance
from focaldepth.core.stack import StackInfo
from focaldepth.io._result_schema import (
    RESULT_SCHEMA,
    AxisFacts,
    FileFacts,
    OpticsFacts,
    ProvenanceFacts,
    ResultFile,
    StackFacts,
    Statistics,
    UnitFacts,
)
from focaldepth.io.transforms import first_fault

_SAMPLE = 1_000_000


def record_of(result: DepthResult, files: Mapping[str, FileFacts], warnings: tuple[str, ...] = ()) -> ResultFile:
    """Describe a result as it will stand in ``result.json``.

    Raises:
        UnitError: depth in a length that comes from frame numbers only.
    """
    check_unit(result)
    info, how = result.info, result.provenance
    return ResultFile(
        schema=RESULT_SCHEMA,
        software=f"focaldepth {__version__}",
        unit=UnitFacts.of(result.map.unit),
        size=result.map.shape,
        axis=AxisFacts(
            unit=UnitFacts.of(result.axis.unit),
            values=[plain(float(v)) for v in result.axis.values],
            origin=info.focus_origin,
            order_rule=info.order_rule,
        ),
        optics=_optics_facts(result.optics),
        statistics=statistics_of(result.map),
        stack=StackFacts(
            name=info.name,
            frame_names=list(info.frame_names),
            files=list(info.files),
            reference=info.reference,
            skipped=dict(info.skipped),
            warnings=list(info.warnings),
            extra=plain(info.extra),
        ),
        provenance=ProvenanceFacts(**{f.name: plain(getattr(how, f.name)) for f in fields(how)}),
        files=dict(files),
        warnings=list(warnings),
    )


def check_unit(result: DepthResult) -> None:
    """Refuse depth in any unit but frames when the axis is frame numbers."""
    if result.axis.unit is Unit.INDEX and result.map.unit is not Unit.INDEX:
        raise UnitError(
            f"depth in {result.map.unit} cannot come from frame numbers.", hint="Give focus positions (--focus)."
        )


def _optics_facts(optics: Optics) -> OpticsFacts:
    facts = optics.facts()
    model = facts.pop("model")
    return OpticsFacts(facts=facts, model=model, origin=dict(optics.origin))


def statistics_of(map: DepthMap) -> Statistics:
    """Summarise a map; medians come from a regular sample of about a million pixels."""
    share = float(map.valid.mean())
    if share == 0:
        return Statistics(valid_share=0.0, depth_min=None, depth_median=None, depth_max=None, sigma_median=None)
    return Statistics(
        valid_share=share,
        depth_min=float(np.fmin.reduce(map.values, axis=None)),
        depth_median=_median(map.values),
        depth_max=float(np.fmax.reduce(map.values, axis=None)),
        sigma_median=None if map.sigma is None else _median(map.sigma),
    )


def _median(plane: Plane) -> float | None:
    step = max(1, math.isqrt(plane.size // _SAMPLE))
    sample = plane[::step, ::step]
    sample = sample[np.isfinite(sample)]
    return float(np.median(sample)) if sample.size else None


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; what JSON does not know becomes its text.

    >>> plain({"window": (3, 5), "limit": float("inf"), "path": Path("a")})
    {'window': [3, 5], 'limit': 'Infinity', 'path': 'a'}
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if value is None or isinstance(value, bool | int | str):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def read_record(path: Path) -> ResultFile:
    """Read ``result.json``; every error names the file and the remedy."""
    from pydantic import ValidationError

    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReadError(
            "is not a focaldepth result: it has no readable result.json.",
            where=path.parent,
            hint="Give a folder that focaldepth estimate wrote.",
        ) from error
    try:
        return ResultFile.model_validate_json(content)
    except ValidationError as error:
        hint = "Update focaldepth if a newer version wrote it, else run the estimate again."
        raise ReadError(f"is not a {RESULT_SCHEMA} file: {first_fault(error)}.", where=path, hint=hint) from error


def axis_of(record: ResultFile) -> FocusAxis:
    """Return the focus axis of a record."""
    return FocusAxis(np.array([float(v) for v in record.axis.values]), record.axis.unit.name)


def optics_of(record: ResultFile) -> Optics:
    """Return the optics of a record."""
    known = {f.name for f in fields(Optics)}
    facts: dict[str, Any] = {name: value for name, value in record.optics.facts.items() if name in known}
    return Optics(**facts, model=LensModel(record.optics.model), origin=record.optics.origin)


def info_of(record: ResultFile, exif: bytes | None, icc: bytes | None) -> StackInfo:
    """Return what was known of the input; EXIF and ICC come from the all-in-focus picture."""
    stack = record.stack
    return StackInfo(
        name=stack.name,
        frame_names=tuple(stack.frame_names),
        files=tuple(stack.files),
        order_rule=record.axis.order_rule,
        focus_origin=record.axis.origin,
        exif=exif,
        icc=icc,
        reference=stack.reference,
        skipped=stack.skipped,
        warnings=tuple(stack.warnings),
        extra=stack.extra,
    )


def provenance_of(record: ResultFile) -> Provenance:
    """Return how the result came about."""
    facts = {name: getattr(record.provenance, name) for name in type(record.provenance).model_fields}
    return Provenance(**facts | {"warnings": tuple(record.provenance.warnings)})

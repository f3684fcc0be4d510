"""Schema of ``result.json`` and ``transforms.json`` (pydantic models; import this module only where a file is touched).

Numbers that JSON cannot hold are written as the words "Infinity", "-Infinity" and "NaN". A number behind the slash of
`schema` grows when a reader of the old format would misread the new one; new fields alone do not change it.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from focaldepth.core.axis import Unit

RESULT_SCHEMA: Literal["focaldepth.result/1"] = "focaldepth.result/1"
TRANSFORMS_SCHEMA: Literal["focaldepth.transforms/1"] = "focaldepth.transforms/1"

Number = float | Annotated[str, Field(pattern="^(-?Infinity|NaN)$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
UnitName = Annotated[Unit, PlainSerializer(str, return_type=str)]
_METRIC = (Unit.METRE, Unit.MICROMETRE)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class UnitFacts(_Model):
    """A unit; `metric` is true for lengths only, so an index can never pass for one."""

    name: UnitName
    symbol: str
    metric: bool

    @classmethod
    def of(cls, unit: Unit) -> UnitFacts:
        """Describe a unit."""
        return cls(name=unit, symbol=unit.symbol, metric=unit in _METRIC)

    @model_validator(mode="after")
    def _honest(self) -> UnitFacts:
        if self.metric != (self.name in _METRIC):
            raise ValueError(f"{self.name} is {'not ' * self.metric}a length")
        return self


class AxisFacts(_Model):
    """Focus position of every frame that was used, in the unit of the input."""

    unit: UnitFacts
    values: list[Number]
    origin: str = Field(description="Where the positions came from; none = frame numbers.")
    order_rule: str = Field(description="How the frames were ordered.")


class OpticsFacts(_Model):
    """What was known of the lens; a fact that is absent was unknown."""

    facts: dict[str, float]
    model: str
    origin: dict[str, str] = Field(description="Fact -> where it came from.")


class Statistics(_Model):
    """A summary of the map, in its unit; null where no pixel is valid or sigma was not estimated."""

    valid_share: float = Field(ge=0, le=1)
    depth_min: float | None
    depth_median: float | None = Field(description="Of a regular sample of about a million pixels.")
    depth_max: float | None
    sigma_median: float | None = Field(description="Of a regular sample of about a million pixels.")


class StackFacts(_Model):
    """The input beside its pixels."""

    name: str
    frame_names: list[str]
    files: list[str]
    reference: int = Field(description="Frame that EXIF and ICC were taken from.")
    skipped: dict[str, str] = Field(description="Frame left out -> reason.")
    warnings: list[str]
    extra: dict[str, Any]


class ProvenanceFacts(_Model):
    """How the result came about; enough to repeat the run."""

    method: str
    settings: dict[str, Any]
    versions: dict[str, str]
    inputs: dict[str, str] = Field(description="File -> sha256 of what was read.")
    times_s: dict[str, float]
    peak_memory_bytes: int | None
    warnings: list[str]
    created: str = Field(description="ISO 8601, UTC.")
    command: str
    weights: dict[str, Any]


class FileFacts(_Model):
    """One file of the result folder."""

    what: str
    bytes: int
    sha256: Sha256


class ResultFile(_Model):
    """Everything about a result that is not a picture."""

    schema_: Literal["focaldepth.result/1"] = Field(alias="schema")
    software: str
    unit: UnitFacts = Field(description="Unit of depth.tiff and sigma.tiff.")
    size: tuple[int, int] = Field(description="Rows and columns.")
    axis: AxisFacts
    optics: OpticsFacts
    statistics: Statistics
    stack: StackFacts
    provenance: ProvenanceFacts
    files: dict[str, FileFacts] = Field(description="Name -> facts, for every file but this one.")
    warnings: list[str] = Field(default=[], description="What writing could not keep.")

    @model_validator(mode="after")
    def _no_length_from_an_index(self) -> ResultFile:
        if self.axis.unit.name is Unit.INDEX and self.unit.name is not Unit.INDEX:
            raise ValueError(f"depth in {self.unit.name} cannot come from frame numbers")
        return self


class FrameTransform(_Model):
    """Where one frame lies."""

    name: str
    matrix: list[list[float]] = Field(description="3 x 3, row by row.")
    aligned: bool = True
    reason: str = Field(default="", description="Why it is not aligned.")
    used: bool = Field(default=True, description="Whether it takes part in the result.")
    score: float | None = Field(default=None, description="Agreement with the frames it was compared with, -1 to 1.")


class TransformsModel(_Model):
    """Where each frame lies relative to the reference picture."""

    schema_: Literal["focaldepth.transforms/1"] = Field(alias="schema")
    convention: str = "frame pixel ~ matrix @ (x, y, 1) of the reference; pixel centres at integers, x right, y down"
    size: tuple[int, int] = Field(description="Rows and columns of the reference picture.")
    reference: int = Field(ge=0)
    rule: str
    corner: tuple[int, int] = Field(
        default=(0, 0), description="Row and column of the reference picture where the result begins (cropped results)."
    )
    evidence: dict[str, Number] = Field(default={}, description="Numbers that the decision rests on.")
    frames: list[FrameTransform]
    files: dict[str, FileFacts] = Field(default={}, description="Files written beside this one, of focaldepth align.")


def json_schema() -> str:
    """Return the JSON Schema of ``result.json``, as published in ``docs/result.schema.json``."""
    schema = ResultFile.model_json_schema(by_alias=True, mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": f"Schema of {RESULT_SCHEMA}."}
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"
